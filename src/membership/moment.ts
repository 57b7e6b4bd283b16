// In charge of the instant and the number of a decision: both are taken after the last lock, so that a decision that waited for a
// customer is also later and has a greater number, and the feed keeps each customer's order.
import type { Clock } from '../base/clock.ts';
import { fixedIso } from '../db/as-of.ts';
import type { Statement } from '../db/database.ts';

export interface Moment {
  /** epoch milliseconds; every rule is judged as of it */
  readonly asOfMs: number;
  readonly decision: string;
}

/** The database's clock truncated to milliseconds, or a test's. */
export function readMoment(clock: Clock): Statement {
  return {
    name: 'read_moment',
    text: `select coalesce($1::timestamptz, date_trunc('milliseconds', clock_timestamp())) as as_of, nextval('decisions') as decision`,
    values: [fixedIso(clock)],
  };
}

export function toMoment(rows: readonly Record<string, unknown>[]): Moment {
  const row = rows[0];
  if (row === undefined || typeof row['as_of'] !== 'number') throw new Error('the moment was not read');
  return { asOfMs: row['as_of'], decision: String(row['decision']) };
}
