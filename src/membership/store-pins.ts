// In charge of the table of pins inside a decision: which pins given customers have, writing them, and logging that.
// Not of what follows from it (decide-by-hand.ts).
import { type Client, pipeline } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';

export interface StoredPin {
  readonly customerKey: CustomerKey;
  readonly segmentId: number;
  readonly include: boolean;
  readonly untilMs: number | null;
  readonly reason: string | null;
}

export interface PinWrite {
  readonly customerKey: CustomerKey;
  readonly segmentId: number;
  readonly action: PinAction;
}

/** `released`: the pin is taken away, the rule decides again */
export type PinAction = 'pinned_in' | 'pinned_out' | 'released';
export type HandCause = 'pin' | 'unpin' | 'move';

/** Who says so, why, and until when: the same for all writes of a decision. */
export interface Saying {
  readonly cause: HandCause;
  readonly actor: string;
  readonly reason: string | null;
  /** epoch milliseconds; null: until it is changed by hand */
  readonly untilMs: number | null;
}

/** The pins that are in force at the instant. */
export async function readPins(
  client: Client,
  keys: readonly CustomerKey[],
  segmentIds: readonly number[],
  asOfMs: number,
): Promise<readonly StoredPin[]> {
  const { rows } = await client.query<{
    customer_id: CustomerKey;
    segment_id: number;
    include: boolean;
    until: number | null;
    reason: string | null;
  }>({
    name: 'read_pins_of',
    text: `
      select p.customer_id, p.segment_id, p.include, p.until, p.reason
      from pins as p
      where p.customer_id = any($1::bigint[]) and p.segment_id = any($2::integer[]) and (p.until is null or p.until > $3::timestamptz)
      order by p.customer_id, p.segment_id`,
    values: [keys, segmentIds, new Date(asOfMs).toISOString()],
  });
  return rows.map((row) => ({
    customerKey: row.customer_id,
    segmentId: row.segment_id,
    include: row.include,
    untilMs: row.until,
    reason: row.reason,
  }));
}

/** Writes pins and their log. → the id in pin_log of each write, in their order */
export async function storePins(client: Client, writes: readonly PinWrite[], saying: Saying, asOfMs: number): Promise<readonly string[]> {
  const at = new Date(asOfMs).toISOString();
  const until = saying.untilMs === null ? null : new Date(saying.untilMs).toISOString();
  const made = writes.filter((write) => write.action !== 'released');
  const released = writes.filter((write) => write.action === 'released');
  const columns = (some: readonly PinWrite[]) => [some.map((write) => write.customerKey), some.map((write) => write.segmentId)];
  const [, , logged = []] = await pipeline(client, [
    {
      name: 'release_pins',
      text: `
        delete from pins as p
        using unnest($1::bigint[], $2::integer[]) as u (customer_id, segment_id)
        where p.customer_id = u.customer_id and p.segment_id = u.segment_id`,
      onCitus: 'and p.customer_id = any($1::bigint[])',
      values: columns(released),
    },
    {
      name: 'put_pins',
      text: `
        insert into pins (customer_id, segment_id, include, until, reason, actor, pinned_at)
        select u.customer_id, u.segment_id, u.include, $4::timestamptz, $5, $6, $7::timestamptz
        from unnest($1::bigint[], $2::integer[], $3::boolean[]) as u (customer_id, segment_id, include)
        on conflict (customer_id, segment_id) do update
        set include = excluded.include, until = excluded.until, reason = excluded.reason, actor = excluded.actor,
          pinned_at = excluded.pinned_at`,
      values: [...columns(made), made.map((write) => write.action === 'pinned_in'), until, saying.reason, saying.actor, at],
    },
    {
      name: 'log_pins',
      text: `
        insert into pin_log (customer_id, segment_id, action, cause, until, reason, actor, at)
        select u.customer_id, u.segment_id, u.action, $4, case when u.action <> 'released' then $5::timestamptz end, $6, $7, $8::timestamptz
        from unnest($1::bigint[], $2::integer[], $3::text[]) with ordinality as u (customer_id, segment_id, action, place)
        order by u.place
        returning id, customer_id, segment_id`,
      values: [...columns(writes), writes.map((write) => write.action), saying.cause, until, saying.reason, saying.actor, at],
    },
  ]);
  return idsInOrder(writes, logged as LoggedRow[]);
}

interface LoggedRow {
  readonly id: string;
  readonly customer_id: string;
  readonly segment_id: number;
}

/** From several servers rows come back in any order. */
function idsInOrder(writes: readonly PinWrite[], logged: readonly LoggedRow[]): readonly string[] {
  const ascending = logged.toSorted((left, right) => (BigInt(left.id) < BigInt(right.id) ? -1 : 1));
  const idsOf = Map.groupBy(ascending, (row) => `${row.customer_id} ${row.segment_id}`);
  return writes.map(({ customerKey, segmentId }) => {
    const row = idsOf.get(`${customerKey} ${segmentId}`)?.shift();
    if (row === undefined) throw new Error('an entry of pin_log is missing');
    return row.id;
  });
}
