// In charge of numbering on Citus, where the outbox is spread over many servers: a row's place in a table means nothing there, and a statement
// that takes rows out cannot also put them elsewhere. So it takes three statements, and between them the rows pass through the service.
import type pg from 'pg';
import { IS_ERASED, MOVED_AT_ONCE, numberChanges } from './number-changes.ts';

type Connection = Pick<pg.Client, 'query'>;

const FIND = `
  select o.customer_id, o.decision, o.ordinal
  from outbox as o
  order by o.decision, o.ordinal
  limit ${MOVED_AT_ONCE}`;

/**
 * By key, as the rows are when they are deleted: those of a customer erased meanwhile are no longer under this key, and are moved next time.
 * No `any` narrows it to the servers that have them: only because it goes to several does Citus commit it in two phases, without which a
 * crash at the commit could lose changes that are gone there and not yet here. What is returned may depend on nothing but the row: times as
 * they are, whole milliseconds, and not as text, whose format depends on the session.
 */
const TAKE = `
  delete from outbox as o
  using unnest($1::bigint[], $2::bigint[], $3::integer[]) as u (customer_id, decision, ordinal)
  where o.customer_id = u.customer_id and o.decision = u.decision and o.ordinal = u.ordinal
  returning o.decision, o.ordinal, o.customer_id, o.segment_id, o.type, o.version, o.cause, o.at, o.since,
    o.since_version, o.pin_log_id, o.seen #>> '{}' as seen, o.erasure_id`;

const STORE = numberChanges(`
    select o.decision, o.ordinal, o.customer_id, o.segment_id, o.type, o.version, o.cause, o.at, o.since, o.since_version, o.pin_log_id,
      o.seen::jsonb as seen, o.erasure_id, ${IS_ERASED}
    from jsonb_to_recordset($1::jsonb) as o (
      decision bigint, ordinal integer, customer_id bigint, segment_id integer, type text, version integer, cause text, at timestamptz(3),
      since timestamptz(3), since_version integer, pin_log_id bigint, seen text, erasure_id uuid
    )`);

/** As `moveOutbox`; one connection, not a pool. */
export async function moveDistributed(connection: Connection): Promise<number> {
  await connection.query('begin');
  try {
    const { rows: found } = await connection.query<{ customer_id: string; decision: string; ordinal: number }>({ text: FIND });
    const moved = found.length === 0 ? 0 : await take(connection, found);
    await connection.query('commit');
    return moved;
  } catch (error) {
    await connection.query('rollback').catch(() => {}); // the first error is the one to report
    throw error;
  }
}

async function take(connection: Connection, found: readonly { customer_id: string; decision: string; ordinal: number }[]): Promise<number> {
  const keys = [found.map((row) => row.customer_id), found.map((row) => row.decision), found.map((row) => row.ordinal)];
  const { rows: taken } = await connection.query<Record<string, unknown>>({ text: TAKE, values: keys });
  if (taken.length === 0) return 0;
  const { rows } = await connection.query<{ moved: number }>({ text: STORE, values: [JSON.stringify(taken.map(withTexts))] });
  return rows[0]?.moved ?? 0;
}

/** Times, which connections read in their own ways. */
function withTexts(row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { ...row, at: toIso(row['at']), since: toIso(row['since']) };
}

function toIso(instant: unknown): string | null {
  if (instant === null) return null;
  if (typeof instant === 'number' || instant instanceof Date) return new Date(instant).toISOString();
  throw new Error('a time that is neither a number nor a date');
}
