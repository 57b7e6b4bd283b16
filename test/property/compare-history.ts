// In charge of comparing what is stored with the model of a history: facts, memberships, and the feed replayed from empty.
import { expect } from 'vitest';
import { readChanges } from '../../src/changes/read-changes.ts';
import type { Database } from '../../src/db/database.ts';
import { groupKeys } from '../oracle/hand.ts';
import { customerKeyOf } from '../oracle/world.ts';
import { compareFacts } from './compare-facts.ts';
import type { HistoryModel } from './history-model.ts';

/** Segment keys in order, by customer key. */
export type Memberships = ReadonlyMap<string, readonly string[]>;

export async function compareHistory(
  database: Database,
  model: HistoryModel,
  nowMs: number,
  tell: (what: string) => string,
): Promise<void> {
  await compareFacts(database, model.shop, tell('stored facts'));
  const stored = await storedMemberships(database);
  const inGroup = groupKeys(model.hand.group);
  for (const { id, key } of model.shop.customers) {
    const found = stored.get(key) ?? [];
    expect(found, tell(`memberships of ${id}`)).toEqual([...model.memberships(key, nowMs)]);
    expect(found.filter((segment) => inGroup.includes(segment)).length, tell(`${id} in the group`)).toBeLessThan(2);
  }
  const known = new Set(model.shop.customers.map(({ key }) => key));
  const strangers = [...stored.keys()].filter((key) => !known.has(key));
  expect(strangers, tell('members nobody knows')).toEqual([]);
  expect(await replayedMemberships(database, tell), tell('the feed replayed')).toEqual(stored);
}

export async function storedMemberships(database: Database): Promise<Memberships> {
  const rows = await database.query<{ customer_id: string; keys: string[] }>({
    text: `
      select m.customer_id, array_agg(s.key order by s.key) as keys
      from memberships as m
      join segments as s on s.id = m.segment_id
      group by m.customer_id`,
  });
  return sorted(rows.map((row) => [row.customer_id, row.keys] as const));
}

/** From empty: nobody enters where they are or leaves where they are not. */
async function replayedMemberships(database: Database, tell: (what: string) => string): Promise<Memberships> {
  const members = new Map<string, Set<string>>();
  for (const change of await readChanges(database, { afterPosition: '0', limit: 100_000 })) {
    if (change.type === 'erased') continue;
    const key = customerKeyOf(change.customerId);
    const segments = members.get(key) ?? new Set();
    members.set(key, segments);
    if (change.cause === 'erasure' && !segments.has(change.segment)) continue; // its entry is a tombstone
    if (segments.has(change.segment) === (change.type === 'entered')) {
      throw new Error(tell(`${change.customerId} ${change.type} ${change.segment} twice, at position ${change.position}`));
    }
    if (change.type === 'entered') segments.add(change.segment);
    else segments.delete(change.segment);
  }
  const kept = [...members].filter(([, segments]) => segments.size > 0);
  return sorted(kept.map(([key, segments]) => [key, [...segments].sort()] as const));
}

function sorted(entries: readonly (readonly [string, readonly string[]])[]): Memberships {
  return new Map([...entries].sort(([left], [right]) => (left < right ? -1 : 1)));
}
