// In charge of what must hold among the tables at any moment: for each check a statement that lists violations, and another that mends them
// where that needs no guessing. What the rules say about customers is confirm-mismatches.ts.
import { LOG_FAULTS, logMismatchesText } from './log-mismatches.ts';

export interface StoreCheck {
  readonly name: string;
  /** what holds */
  readonly meaning: string;
  /** SQL: `what` in words for each difference, and `customer_id` where examining the customer mends it */
  readonly text: string;
  /** statements for one transaction; absent: nothing can tell what would be right */
  readonly mend?: readonly string[];
  /** the customers are examined one by one, which mends it */
  readonly mendsByCustomer?: true;
}

const MEMBER = `'customer ' || coalesce(quote_ident(c.external_id), d.customer_id::text) || ', segment ' || coalesce(s.key, d.segment_id::text)`;

const LOG_FAULT_WORDS = Object.entries(LOG_FAULTS)
  .map(([fault, words]) => `when '${fault}' then '${words}'`)
  .join(' ');

/** In the order in which they are mended: what belongs to nobody is removed before the feed is compared. */
export const STORE_CHECKS: readonly StoreCheck[] = [
  {
    name: 'orphaned memberships',
    meaning: 'members are customers there are, of segments that have members',
    text: `
      select 'customer ' || coalesce(quote_ident(c.external_id), d.customer_id::text) || case when c.id is null then ' (unknown)' else '' end
        || ', segment ' || coalesce(s.key || ' (' || s.status || ')', d.segment_id || ' (unknown)') as what
      from memberships as d
      left join customers as c on c.id = d.customer_id
      left join segments as s on s.id = d.segment_id
      where c.id is null or s.id is null or s.status in ('draft', 'archived')`,
    mend: [
      `delete from memberships as m
      where not exists (select from customers as c where c.id = m.customer_id)
        or not exists (select from segments as s where s.id = m.segment_id and s.status not in ('draft', 'archived'))`,
    ],
  },
  ...(['rechecks', 'pending'] as const).map(
    (table): StoreCheck => ({
      name: `orphaned ${table}`,
      meaning: `${table === 'rechecks' ? 'next looks' : 'evaluations that imports owe'} are of customers there are`,
      text: `
        select 'customer ' || t.customer_id || ' (unknown)' as what
        from ${table} as t
        where not exists (select from customers as c where c.id = t.customer_id)`,
      mend: [`delete from ${table} as t where not exists (select from customers as c where c.id = t.customer_id)`],
    }),
  ),
  {
    name: 'feed',
    meaning: 'the feed, replayed from empty, gives the members',
    text: `
      select d.customer_id, ${MEMBER} || ': ' || case d.fault ${LOG_FAULT_WORDS} end as what
      from (${logMismatchesText(() => 'true')}) as d
      left join customers as c on c.id = d.customer_id
      left join segments as s on s.id = d.segment_id`,
    mendsByCustomer: true,
  },
  {
    name: 'turns',
    meaning: 'in the feed a customer enters and leaves a segment by turns',
    text: `
      select ${MEMBER} || ': ' || d.type || ' twice in a row, again at position ' || d.position as what
      from (
        select c.customer_id, c.segment_id, c.type, c.position,
          lag(c.type) over (partition by c.customer_id, c.segment_id order by c.position) as before,
          exists (select from trimmed as t where t.position > 0) as is_trimmed
        from changes as c
        where c.type in ('entered', 'exited') and c.customer_id is not null
      ) as d
      left join customers as c on c.id = d.customer_id
      left join segments as s on s.id = d.segment_id
      where coalesce(d.before = d.type, d.type = 'exited' and not d.is_trimmed)`,
  },
  {
    name: 'positions',
    meaning: 'positions are dense from the first that is kept to the end of the feed',
    text: `
      select 'after position ' || d.before || ' comes ' || d.position as what
      from (
        select c.position, lag(c.position, 1, (select t.position from trimmed as t)) over (order by c.position) as before
        from changes as c
      ) as d
      where d.position <> d.before + 1
      union all
      select 'the feed ends at ' || f.position || ', its last change is at ' || e.position
      from feed as f
      cross join (
        select greatest(coalesce((select max(c.position) from changes as c), 0), (select t.position from trimmed as t)) as position
      ) as e
      where f.position <> e.position`,
  },
  {
    name: 'groups',
    meaning: 'nobody is in two segments of a group',
    text: `
      select d.customer_id, 'customer ' || coalesce(quote_ident(c.external_id), d.customer_id::text) || ' is in ' || d.keys || ' of group ' || d.key as what
      from (
        select m.customer_id, g.key, string_agg(s.key, ', ' order by s.key) as keys
        from segment_groups as g
        join segment_group_versions as v on v.group_id = g.id and v.number = g.version
        join segments as s on s.id = any(v.segment_ids || v.otherwise_id)
        join memberships as m on m.segment_id = s.id
        where g.deleted_at is null
          and not exists (select from segments as b where b.id = any(v.segment_ids || v.otherwise_id) and b.status = 'building')
        group by m.customer_id, g.id, g.key
        having count(*) > 1 and bool_or(s.status = 'active')
      ) as d
      left join customers as c on c.id = d.customer_id`,
    mendsByCustomer: true,
  },
  ...(['orders', 'events', 'pins'] as const).map(
    (table): StoreCheck => ({
      name: `orphaned ${table}`,
      meaning: `${table} are of customers there are`,
      text: `
        select 'customer ' || t.customer_id || ' (unknown): ' || count(*) as what
        from ${table} as t
        where not exists (select from customers as c where c.id = t.customer_id)
        group by t.customer_id`,
    }),
  ),
  {
    name: 'order owners',
    meaning: 'every order is known under its customer, and nothing else is',
    text: `
      select 'order ' || quote_ident(coalesce(o.id, w.order_id)) || ': ' || case
          when o.id is null then 'has an owner and is not there'
          when w.order_id is null then 'has no owner'
          else 'belongs to another customer than its owner'
        end as what
      from (select o.id, o.customer_id from orders as o offset 0) as o
      full join (select w.order_id, w.customer_id from order_owners as w offset 0) as w on w.order_id = o.id
      where o.id is null or w.order_id is null or w.customer_id <> o.customer_id`,
    mend: [
      'lock table order_owners in share row exclusive mode',
      `with held as materialized (select o.id from orders as o)
      delete from order_owners as w
      where not exists (select from held as h where h.id = w.order_id)`,
      `insert into order_owners as w (order_id, customer_id)
      select o.id, min(o.customer_id)
      from orders as o
      group by o.id
      having count(*) = 1
      on conflict (order_id) do update
      set customer_id = excluded.customer_id
      where w.customer_id <> excluded.customer_id`,
    ],
  },
  {
    name: 'order items',
    meaning: 'items say of their order what the order says',
    text: `
      select 'order ' || quote_ident(i.order_id) || ', line ' || i.line || case when o.id is null then ': the order is not there' else '' end as what
      from order_items as i
      left join orders as o on o.customer_id = i.customer_id and o.id = i.order_id
      where o.id is null
        or (o.status, o.channel, o.placed_at) is distinct from (i.status, i.channel, i.placed_at)`,
  },
  {
    name: 'customer keys',
    meaning: 'customers are kept under the hash of their id',
    text: `
      select 'customer ' || quote_ident(c.external_id) || ' is kept as ' || c.id as what
      from customers as c
      where ('x' || encode(substr(sha256(convert_to(c.external_id, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint <> c.id`,
  },
  {
    name: 'pinned segments',
    meaning: 'segments with pins are evaluated with them',
    text: `
      select 'segment ' || s.key as what
      from segments as s
      where not s.has_pins and s.id in (select p.segment_id from pins as p)`,
  },
];

const DAYS = `
      select s.id, s.key, coalesce(d.net, 0) as by_days, coalesce(z.member_count, 0) as kept
      from segments as s
      left join segment_sizes as z on z.segment_id = s.id
      left join (select n.segment_id, sum(n.entered - n.exited) as net from segment_days as n group by n.segment_id) as d on d.segment_id = s.id
      where coalesce(d.net, 0) <> coalesce(z.member_count, 0)`;

/** After the sizes, which are authoritative: if the days add up to too much or too little, the difference is attributed to today. */
export const DAYS_CHECK: StoreCheck = {
  name: 'days',
  meaning: 'entries less exits of all days are the size',
  text: `
      select 'segment ' || d.key || ': ' || d.by_days || ' by days, ' || d.kept || ' kept' as what
      from (${DAYS}) as d`,
  mend: [
    `insert into segment_days as n (segment_id, day, cause, entered, exited)
      select d.id, strata_local_date(clock_timestamp(), coalesce((select t.value from settings as t where t.name = 'time_zone'), 'UTC')), 'repair',
        greatest(d.kept - d.by_days, 0), greatest(d.by_days - d.kept, 0)
      from (${DAYS}) as d
      on conflict (segment_id, day, cause) do update
      set entered = n.entered + excluded.entered, exited = n.exited + excluded.exited`,
  ],
};
