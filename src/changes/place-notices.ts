// In charge of giving notices their place among the changes: after all that were decided before them, once these are numbered. Whoever numbers
// does this after a move, once a second, whether or not anybody is sent notices; a webhook that meets one without a place does it at once. Not
// of writing notices (segments/notices.ts), nor of sending them (webhooks/next-batch.ts).
import type { Queryable, Statement } from '../db/database.ts';

/** How many one statement takes. */
const PLACED_AT_ONCE = 100;

const FIND: Statement = {
  name: 'ready_notices',
  text: `
    select n.id
    from notices as n
    where n.after_position is null and n.decision < coalesce((select min(o.decision) from outbox as o), 9223372036854775807)
    order by n.id
    limit ${PLACED_AT_ONCE}`,
};

/**
 * The feed's end, read in a later statement than the one that looked. Two processes at once lock in the same order, and the second finds nothing
 * left.
 */
function place(ids: readonly string[]): Statement {
  const text = `
    with ready as (
      select n.id
      from notices as n
      where n.id = any($1::bigint[]) and n.after_position is null
      order by n.id
      for update
    )
    update notices as n
    set after_position = f.position
    from ready as r
    cross join feed as f
    where n.id = r.id`;
  return { name: 'place_notices', text, values: [ids] };
}

/** Gives a place to those whose changes are all numbered. */
export async function placeNotices(database: Queryable): Promise<void> {
  for (;;) {
    const ready = await database.query<{ id: string }>(FIND);
    if (ready.length === 0) return;
    await database.query(place(ready.map(({ id }) => id)));
    if (ready.length < PLACED_AT_ONCE) return;
  }
}
