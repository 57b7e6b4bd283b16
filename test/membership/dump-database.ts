// In charge of looking for traces: every column of every table as text.
import type { Database } from '../../src/db/database.ts';
import { inScan } from '../../src/db/transaction.ts';

/** Names of the tables that hold one of the texts somewhere, in order. */
export async function findTraces(database: Database, texts: readonly string[]): Promise<string[]> {
  return inScan(database, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `select c.relname as name from pg_class as c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by c.relname`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const { rowCount } = await client.query(
        `select from ${name} as t where exists (select from unnest($1::text[]) as u (text) where strpos(t::text, u.text) > 0) limit 1`,
        [texts],
      );
      if (rowCount !== 0) found.push(name);
    }
    return found;
  });
}
