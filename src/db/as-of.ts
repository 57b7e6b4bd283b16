// In charge of the instant at which a read judges: the database's clock truncated to milliseconds, or a test's.
import type { Clock } from '../base/clock.ts';
import type { Client } from './database.ts';

/** → epoch milliseconds */
export async function readAsOf(client: Client, clock: Clock): Promise<number> {
  const fixedMs = clock.fixedMs();
  if (fixedMs !== null) return fixedMs;
  const { rows } = await client.query<{ as_of: number }>(`select date_trunc('milliseconds', clock_timestamp()) as as_of`);
  const [row] = rows;
  if (row === undefined) throw new Error('the clock was not read');
  return row.as_of;
}

/** A test's instant, for statements that use the database's clock when it is null. */
export function fixedIso(clock: Clock): string | null {
  const fixedMs = clock.fixedMs();
  return fixedMs === null ? null : new Date(fixedMs).toISOString();
}
