// In charge of decisions by hand in tests: short forms of pins, moves and groups, each followed by the runs that it queued.
import { customerKey } from '../../src/ingest/customer-key.ts';
import { type MoveRequest, moveMembers } from '../../src/membership/move-members.ts';
import { type PinRequest, type PinWish, writePin } from '../../src/membership/write-pins.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { changeGroup, createGroup, deleteGroup } from '../../src/segments/groups.ts';
import type { Strata } from '../../src/strata.ts';
import { finishRuns } from './leader-by-hand.ts';

export async function defineManual(strata: Strata, key: string): Promise<void> {
  const { database, clock } = strata;
  await createSegment(database, clock, { key, name: key, kind: 'manual', rule: null, publish: true, author: null });
  await finishRuns(strata);
}

export function pin(strata: Strata, wish: PinWish, segment: string, customerId: string, more: Partial<PinRequest> = {}) {
  return writePin(strata, { segment, customerId, wish, actor: 'tester', reason: null, untilMs: null, replace: false, ...more });
}

export function move(strata: Strata, from: string, to: string, customerIds: readonly string[], more: Partial<MoveRequest> = {}) {
  const rest = { actor: 'tester', reason: null, untilMs: null, partial: false, replace: false };
  return moveMembers(strata, { ...rest, from, to, customerIds, ...more });
}

export async function putGroup(strata: Strata, key: string, segments: readonly string[], otherwise: string | null = null): Promise<void> {
  await createGroup(strata.database, strata.clock, key, { name: key, segments, otherwise }, null);
  await finishRuns(strata);
}

export async function reorder(strata: Strata, key: string, segments: readonly string[], otherwise: string | null = null): Promise<void> {
  await changeGroup(strata.database, strata.clock, key, { name: key, segments, otherwise }, null);
  await finishRuns(strata);
}

export async function dropGroup(strata: Strata, key: string): Promise<void> {
  await deleteGroup(strata.database, strata.clock, key);
  await finishRuns(strata);
}

export interface HandChange {
  readonly type: string;
  readonly segment: string;
  readonly cause: string;
  readonly reason: string | null;
  readonly actor: string | null;
}

/** What became of a customer, in order, with who said it and why. Read before it is numbered and after. */
export async function changesOf(strata: Strata, customerId: string): Promise<HandChange[]> {
  return strata.database.query<HandChange & Record<string, unknown>>({
    text: `
      select x.type, s.key as segment, x.cause, l.reason, l.actor
      from (
        select 0 as stage, c.position as place, 0 as ordinal, c.type, c.segment_id, c.customer_id, c.cause, c.pin_log_id
        from changes as c
        union all
        select 1, o.decision, o.ordinal, o.type, o.segment_id, o.customer_id, o.cause, o.pin_log_id
        from outbox as o
      ) as x
      join segments as s on s.id = x.segment_id
      left join pin_log as l on l.customer_id = x.customer_id and l.id = x.pin_log_id
      where x.customer_id = $1::bigint
      order by x.stage, x.place, x.ordinal`,
    values: [customerKey(customerId)],
  });
}
