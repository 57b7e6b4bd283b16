// In charge of telling an outage of the database (503, try again) from a bug (500). Not of repeating anything: transaction.ts does.

/**
 * Classes and states in which Postgres says that it cannot serve just now: connection exceptions, insufficient resources, admin shutdown,
 * crash, cannot connect now; a statement that was cancelled or took too long though no segment is to blame; transactions that met others
 * six times in a row; a session ended while it stood still.
 */
const OUTAGE_STATES = /^(08|53|57P0|57014|40001|40P01|25P03)/;

const OUTAGE_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
  'ENOENT',
]);

/** The driver gives these no code. */
const OUTAGE_MESSAGES = /^(timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error)/;

export function isOutage(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isOutage);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code !== undefined) return OUTAGE_CODES.has(code) || OUTAGE_STATES.test(code);
  return OUTAGE_MESSAGES.test(error.message);
}
