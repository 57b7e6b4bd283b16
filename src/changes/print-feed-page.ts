// In charge of a page of the feed as the JSON of the answer, made by Postgres, so that no objects are built here only to be printed: for a page
// of 1,000 changes the service's share fell to a tenth, for 3 % more of Postgres'. A change as a value is read-changes.ts; its form in the API
// is api/rest/change-schema.ts, which says the same (test/api/feed.test.ts).
import type { Queryable } from '../db/database.ts';
import { ERASED_OF_CHANGE, overPage } from './change-names.ts';
import { type KeptHistory, oldestKept } from './kept-history.ts';
import { behindPage, type FeedQuery, findChanges } from './read-changes.ts';

export interface PrintedPage {
  /** the changes, separated by commas; empty: there are none */
  readonly json: string;
  readonly count: number;
  /** everything that the filter lets through up to here has been read */
  readonly place: string;
}

/** The extent of the feed when a page of it was read. */
export interface FeedBounds extends Pick<KeptHistory, 'trimmedPosition' | 'oldestMs'> {
  readonly end: string;
}

interface Row {
  readonly json: string | null;
  readonly count: number;
  readonly last: string | null;
  readonly feed_end: string;
  readonly trimmed_position: string;
  readonly trimmed_at: number | null;
}

/** SQL over rows `c` of the log: who said so by hand, and why. Looked up for the few rows where somebody did; as a join it cost all of them. */
const WORD = `case
          when c.pin_log_id is null then 'null,"reason":null'
          else coalesce((
            select coalesce(to_json(p.actor)::text, 'null') || ',"reason":' || coalesce(to_json(p.reason)::text, 'null')
            from pin_log as p
            where p.customer_id = c.customer_id and p.id = c.pin_log_id
            limit 1
          ), 'null,"reason":null')
        end`;

/** Types, causes and keys of segments have no character that JSON would escape. */
const PRINTED = `'{"id":"' || c.position || '","position":' || c.position || ',"type":"' || c.type
        || '","segment":' || coalesce('"' || s.key || '"', 'null')
        || ',"customerId":' || coalesce(to_json(coalesce(k.external_id, ${ERASED_OF_CHANGE}))::text, 'null')
        || ',"version":' || coalesce(c.version::text, 'null')
        || ',"cause":' || coalesce('"' || c.cause || '"', 'null')
        || ',"at":"' || to_char(c.at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        || '","actor":' || ${WORD} || '}'`;

/**
 * The same page as readFeedPage's. Customers are joined, by key in every session: looking each up in a subselect cost a third more. With it come
 * the ends of the feed at the same moment, which cost two more round trips when they were read separately.
 */
export async function printFeedPage(database: Queryable, query: FeedQuery): Promise<PrintedPage & { readonly bounds: FeedBounds }> {
  const { name, found, values } = findChanges(query);
  const [row] = await database.query<Row>({
    name: `print_changes${name}`,
    ...overPage(
      found,
      (page) => `
      select p.json, p.count, p.last, f.position as feed_end, t.position as trimmed_position, t.at as trimmed_at
      from (
        select string_agg(${PRINTED}, ',' order by c.position) as json, count(*)::integer as count, max(c.position) as last
        from (${page}) as c
        left join segments as s on s.id = c.segment_id
        left join customers as k on k.id = c.customer_id
      ) as p
      cross join feed as f
      cross join trimmed as t`,
    ),
    values,
  });
  if (row === undefined) throw new Error('the feed row or that of what is trimmed is missing');
  const { json, count, last, feed_end: end, trimmed_position: trimmedPosition } = row;
  const bounds = { end, trimmedPosition, oldestMs: oldestKept(row.trimmed_at) };
  return { json: json ?? '', count, place: behindPage(query, { end, count, last }), bounds };
}
