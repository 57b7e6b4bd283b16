// In charge of the token for a write that was decided earlier and whose place in the log is no longer known: the current end of the log is
// after it.
import type { Database } from '../db/database.ts';
import { printToken } from './write-token.ts';

export async function readDecidedToken(
  { database, cluster }: { readonly database: Database; readonly cluster: string },
  decision: string,
): Promise<string> {
  const [row] = await database.query<{ lsn: string }>({ name: 'read_end_of_log', text: 'select pg_current_wal_insert_lsn()::text as lsn' });
  if (row === undefined) throw new Error('the end of the log was not read');
  return printToken({ cluster, lsn: row.lsn, decision });
}
