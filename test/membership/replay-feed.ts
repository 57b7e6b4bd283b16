// In charge of replaying the feed from empty, and of comparing it with who is stored: what a consumer keeps is what the service keeps.
import { expect } from 'vitest';
import { readChanges } from '../../src/changes/read-changes.ts';
import type { Queryable } from '../../src/db/database.ts';

/** `segment customer`, sorted. In each pair's order nobody enters where they are or leaves where they are not; tombstones say nothing. */
export async function replayFeed(database: Queryable): Promise<string[]> {
  const pairs = new Set<string>();
  for (const { type, segment, customerId, position } of await readChanges(database, { afterPosition: '0', limit: 1_000_000 })) {
    if (type === 'erased') continue;
    const pair = `${segment} ${customerId}`;
    expect([position, pairs.has(pair)]).toEqual([position, type === 'exited']);
    if (type === 'entered') pairs.add(pair);
    else pairs.delete(pair);
  }
  return [...pairs].sort();
}

/** `segment customer`, sorted */
export async function storedPairs(database: Queryable): Promise<string[]> {
  const rows = await database.query<{ pair: string }>({
    text: `
      select s.key || ' ' || c.external_id as pair
      from memberships as m
      join segments as s on s.id = m.segment_id
      join customers as c on c.id = m.customer_id`,
  });
  return rows.map((row) => row.pair).sort();
}
