// In charge of what the URL of a database may not say, since each session is told so by Strata itself (db/session.ts).

/** What may stand behind the `?` of a URL and would replace what is set here: pg lets a URL have the last word. */
const OURS: ReadonlySet<string> = new Set([
  'application_name',
  'fallback_application_name',
  'binary',
  'client_encoding',
  'connectionTimeoutMillis',
  'idle_in_transaction_session_timeout',
  'keepAlive',
  'keepAliveInitialDelayMillis',
  'lock_timeout',
  'max',
  'pipeline',
  'query_timeout',
  'replication',
  'statement_timeout',
  'types',
]);

/** Parameters of a URL that Strata sets itself, and that must therefore be left out. */
export function reservedIn(url: string): readonly string[] {
  return [...new Set(new URL(url).searchParams.keys())].filter((name) => OURS.has(name));
}
