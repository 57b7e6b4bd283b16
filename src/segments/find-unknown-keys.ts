// In charge of finding which keys belong to no segment. Not of reading segments (segments.ts).
import type { Queryable } from '../db/database.ts';

/** In the given order; archived segments count as known, since their keys stay taken. */
export async function findUnknownKeys(database: Queryable, keys: readonly string[]): Promise<string[]> {
  const rows = await database.query<{ key: string }>({
    name: 'find_known_segment_keys',
    text: `
      select s.key
      from segments as s
      where s.key = any($1::text[])`,
    values: [keys],
  });
  const known = new Set(rows.map((row) => row.key));
  return keys.filter((key) => !known.has(key));
}
