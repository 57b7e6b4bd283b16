// In charge of how far back the past can be asked about: where retention has cut the log, and refusing what is earlier. Not of cutting (trim.ts).
import type { Clock } from '../base/clock.ts';
import { fixedIso } from '../db/as-of.ts';
import type { Database, Queryable } from '../db/database.ts';
import { AppError } from '../errors.ts';

export interface KeptHistory {
  /** position of the last change that is gone; '0': all are kept */
  readonly trimmedPosition: string;
  /** the earliest instant that can be asked about; null: any can */
  readonly oldestMs: number | null;
  /** the clock of decisions: no change is later */
  readonly nowMs: number;
}

export async function readKeptHistory(database: Queryable, clock: Clock): Promise<KeptHistory> {
  const [row] = await database.query<{ position: string; at: number | null; now: number }>({
    name: 'read_kept_history',
    text: 'select t.position, t.at, coalesce($1::timestamptz, clock_timestamp()) as now from trimmed as t',
    values: [fixedIso(clock)],
  });
  if (row === undefined) throw new Error('the row of what is trimmed is missing');
  return { trimmedPosition: row.position, oldestMs: oldestKept(row.at), nowMs: Math.floor(row.now) };
}

/** `trimmedMs`: the instant of the last change that is gone */
export function oldestKept(trimmedMs: number | null): number | null {
  return trimmedMs === null ? null : trimmedMs + 1;
}

/** Throws `history_trimmed` for an instant earlier than what is kept. */
export function requireKept(atMs: number, { oldestMs }: Pick<KeptHistory, 'oldestMs'>): void {
  if (oldestMs !== null && atMs < oldestMs) throw historyTrimmed(oldestMs);
}

export function historyTrimmed(oldestMs: number): AppError {
  const oldest = new Date(oldestMs).toISOString();
  return new AppError('history_trimmed', `The past is kept back to ${oldest}; what came before has been trimmed.`, {
    extensions: { oldest },
  });
}

/**
 * Reads what was so at an instant. The log may be trimmed at any moment, so what was read counts only if all of it was still there
 * afterwards. Throws `history_trimmed`, and `invalid_request` for an instant in the future.
 */
export async function readPast<Value>(database: Database, clock: Clock, atMs: number, read: () => Promise<Value>): Promise<Value> {
  const before = await readKeptHistory(database, clock);
  if (atMs > before.nowMs) {
    const detail = 'The instant lies in the future; what will be true then is not known.';
    throw new AppError('invalid_request', detail, { errors: [{ parameter: 'at', code: 'invalid_timestamp', detail }] });
  }
  requireKept(atMs, before);
  const value = await read();
  requireKept(atMs, await readKeptHistory(database, clock));
  return value;
}
