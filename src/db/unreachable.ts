// In charge of recognising that the database could not be asked, or served nobody at the time: no statement and no row is to blame.
import { CommitInDoubt } from './commit-in-doubt.ts';

/** Connection exceptions, insufficient resources, admin shutdown, crash, cannot connect now, a session ended while idle. */
const STATES = /^(08|53|57P0|25P03)/;

const CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
  'ENOENT',
]);

/** Errors to which the driver gives no code. */
const MESSAGES = /^(timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error)/;

export function isUnreachable(error: unknown): boolean {
  if (error instanceof CommitInDoubt) return true;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isUnreachable);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return code === undefined ? MESSAGES.test(error.message) : CODES.has(code) || STATES.test(code);
}
