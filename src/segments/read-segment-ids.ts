// In charge of looking up the segments that some keys name.
import type { Queryable } from '../db/database.ts';
import { AppError } from '../errors.ts';

/** Ids by key, in the order of the keys. Throws `not_found` for the first key without a segment. */
export async function readSegmentIds(database: Queryable, keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query<{ key: string; id: number }>({
    name: 'read_segment_ids',
    text: 'select s.key, s.id from segments as s where s.key = any($1::text[])',
    values: [keys],
  });
  const ids = new Map(rows.map((row) => [row.key, row.id]));
  return new Map(
    keys.map((key) => {
      const id = ids.get(key);
      if (id === undefined) throw new AppError('not_found', `There is no segment “${key}”.`);
      return [key, id];
    }),
  );
}
