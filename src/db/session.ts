// In charge of how each of our connections to a database is opened: the settings of its session, and how it learns that the other end is gone.
// Not of pooling them (database.ts), nor of finding out whether the server is one that can be used (check-server.ts).
import type pg from 'pg';

const CONNECT_MS = 10_000;
/**
 * An idle connection, or one that only waits for an answer, is asked for a sign of life after this, and then each second (so libuv sets it): ten
 * without an answer, and it is closed. What lies in between (a firewall, a balancer) does not forget it meanwhile.
 */
const KEEP_ALIVE_MS = 10_000;

/**
 * Sessions run in UTC, print dates as ISO 8601 has them, without JIT, with generic plans, and without sequential scans, joins of whole tables or
 * parallel workers (starting two took 30 ms of a 2 ms read): nearly every statement looks up a few rows by key and joins by key. But a plan is
 * made once for a connection, often while the tables are still empty and a scan or a hash join looks cheaper, and is then used for as long as the
 * connection lives. What is meant to scan says so (transaction.ts, `inScan`). The rest holds whatever the database or the user has as default.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_material: 'off',
  max_parallel_workers_per_gather: '0',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  statement_timeout: '0',
  lock_timeout: '0',
  transaction_timeout: '0',
  idle_session_timeout: '0',
};

/** One that shows whether the server took our settings at all: a pooler may drop them, and nobody has it as a default. */
export const TELLING_SETTING = { name: 'enable_material', value: 'off' };

/** What a connection is opened with. `more`: settings for this one, by name. Options in the URL come before ours, so they can add and not replace. */
export function sessionOf(url: string, applicationName: string, more: Readonly<Record<string, string>> = {}): pg.ClientConfig {
  const { address, options } = splitOptions(url);
  return {
    connectionString: address,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    options: [...options, ...Object.entries({ ...SETTINGS, ...more }).map(([name, value]) => `-c ${name}=${escapeOption(value)}`)].join(
      ' ',
    ),
  };
}

function splitOptions(url: string): { readonly address: string; readonly options: readonly string[] } {
  const parsed = new URL(url);
  const options = parsed.searchParams.getAll('options');
  if (options.length === 0) return { address: url, options };
  parsed.searchParams.delete('options');
  return { address: parsed.href, options };
}

/** Postgres divides options at spaces. */
function escapeOption(value: string): string {
  return value.replaceAll(/[\\ ]/g, '\\$&');
}
