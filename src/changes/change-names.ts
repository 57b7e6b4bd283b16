// In charge of looking up what rows of the log refer to, in SQL, each row by its key. As joins they were planned for many more rows than a
// page has, and all customers were read: 0.3 s per 100,000 of them, for every page (on a connection opened to a filled database).
import { type Taken, withTaken } from '../db/citus.ts';

/** SQL over rows `c` of the log: the customer's id as the caller gave it. */
export const CUSTOMER_OF_CHANGE = '(select k.external_id from customers as k where k.id = c.customer_id)';

/** SQL over rows `c`: the id of the customer whose erasure made these exits, for as long as it may be known. */
export const ERASED_OF_CHANGE = '(select e.external_id from erasures as e where e.id = c.erasure_id)';

/** SQL: the customer's id, for the exits of an erasure too, for as long as it may be known. */
export const CUSTOMER_OR_ERASED = `coalesce(${CUSTOMER_OF_CHANGE}, ${ERASED_OF_CHANGE})`;

/** SQL: joins `l` with actor and reason, if it was decided by hand. */
export const WORD_OF_CHANGE = `
      left join lateral (
        select p.actor, p.reason
        from pin_log as p
        where p.customer_id = c.customer_id and p.id = c.pin_log_id
        limit 1
      ) as l on true`;

const NAMED: readonly Taken[] = [
  ['customers', 'select k.id, k.external_id from customers as k where k.id = any(array(select p.customer_id from page as p))'],
  [
    'pin_log',
    `select w.customer_id, w.id, w.actor, w.reason
    from pin_log as w
    where w.customer_id = any(array(select p.customer_id from page as p where p.pin_log_id is not null))
      and w.id = any(array(select p.pin_log_id from page as p))`,
  ],
];

/** Both forms of a statement about a page of the log, which is SQL: on Citus the page comes first, then what it names, then the statement. */
export function overPage(page: string, ask: (page: string) => string): { readonly text: string; readonly textOnCitus: string } {
  return { text: ask(page), textOnCitus: withTaken(ask('select * from page'), [['page', page], ...NAMED]) };
}
