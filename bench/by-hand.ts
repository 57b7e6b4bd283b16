// In charge of what one would write by hand in Postgres instead of using Strata: a materialized view for each segment, one pass that counts the
// members of all segments, and plain inserts of orders. They are the references of the measures. Not of measuring.
import { type BenchAggregate, type BenchSegment, type Flag, flagSql } from './segments.ts';

export const VIEW_SCHEMA = 'by_hand';

/** plain: all orders are grouped, each aggregate with its filter. narrow: orders that no aggregate counts are left out first. */
export type ViewForm = 'plain' | 'narrow';

export function viewName(key: string, form: ViewForm): string {
  return `${VIEW_SCHEMA}.${key.replaceAll('-', '_')}_${form}`;
}

/** The segment's members as a separate query: the orders grouped for this rule alone, other segments read from their views. */
export function viewSql(segment: BenchSegment, form: ViewForm): string {
  const needed = distinctAggregates([segment]);
  const others = [...segment.inside.map((key) => inView(key, form, true)), ...segment.outside.map((key) => inView(key, form, false))];
  const condition = [ownCondition(segment, (place) => `a.a${place}`, needed), ...others].join('\n  and ');
  const join = needed.length === 0 ? '' : `\nleft join (\n${groupedOrders(needed, form)}\n) as a on a.customer_id = c.id`;
  return `select c.id as customer_id\nfrom customers as c${join}\nwhere ${condition}`;
}

function inView(key: string, form: ViewForm, isIn: boolean): string {
  return `${isIn ? '' : 'not '}exists (select from ${viewName(key, form)} as v where v.customer_id = c.id)`;
}

function groupedOrders(needed: readonly BenchAggregate[], form: ViewForm): string {
  const everyFiltered = form === 'narrow' && needed.every((aggregate) => aggregate.flags.length > 0);
  const filters = [...new Set(needed.map((aggregate) => `(${aggregate.flags.map(flagSql).join(' and ')})`))];
  const where = everyFiltered ? `\n  where ${filters.join(' or ')}` : '';
  const columns = needed.map((aggregate, index) => {
    const filter = filters.length === 1 && everyFiltered ? '' : filterOf(aggregate, flagSql);
    return `${call(aggregate)}${filter} as a${index + 1}`;
  });
  return `  select o.customer_id, ${columns.join(', ')}\n  from orders as o${where}\n  group by o.customer_id`;
}

/** One row: the number of members of each segment, under its key. The cheapest form known: flags once per row, then aggregates over them. */
export function onePassSql(segments: readonly BenchSegment[]): string {
  const needed = distinctAggregates(segments);
  const flags = [...new Set(needed.flatMap((aggregate) => aggregate.flags))];
  const aggregates = needed.map((aggregate, index) => `${call(aggregate)}${filterOf(aggregate, (flag) => `o.${flag}`)} as a${index + 1}`);
  let layer = `
    select c.*, a.*
    from customers as c
    left join (
      select o.customer_id, ${aggregates.join(',\n        ')}
      from (
        select o.customer_id, o.total, o.placed_at, ${flags.map((flag) => `${flagSql(flag)} as ${flag}`).join(', ')}
        from orders as o
        offset 0
      ) as o
      group by o.customer_id
    ) as a on a.customer_id = c.id`;
  const columnOf = new Map(segments.map((segment, index) => [segment.key, `s${index + 1}`]));
  const done = new Set<string>();
  for (let rest = segments; rest.length > 0; rest = rest.filter((segment) => !done.has(segment.key))) {
    const ready = rest.filter((segment) => [...segment.inside, ...segment.outside].every((key) => done.has(key)));
    const columns = ready.map((segment) => {
      const others = [
        ...segment.inside.map((key) => `c.${columnOf.get(key)}`),
        ...segment.outside.map((key) => `not c.${columnOf.get(key)}`),
      ];
      const condition = [ownCondition(segment, (place) => `c.a${place}`, needed), ...others].join(' and ');
      return `(${condition}) is true as ${columnOf.get(segment.key)}`;
    });
    layer = `select c.*,\n${columns.join(',\n')}\nfrom (${layer}\n) as c\noffset 0`;
    for (const segment of ready) done.add(segment.key);
  }
  const counts = segments.map((segment) => `count(*) filter (where c.${columnOf.get(segment.key)}) as "${segment.key}"`);
  return `select ${counts.join(',\n')}\nfrom (${layer}) as c`;
}

function ownCondition(segment: BenchSegment, columnOf: (place: number) => string, needed: readonly BenchAggregate[]): string {
  const parts = segment.conditions.map(({ sql, aggregate }) =>
    aggregate === null ? sql : sql.replace('$', columnOf(needed.findIndex(({ text }) => text === aggregate.text) + 1)),
  );
  return `(${parts.join(` ${segment.joiner} `)})`;
}

/** In the order in which they are first used. */
export function distinctAggregates(segments: readonly BenchSegment[]): readonly BenchAggregate[] {
  const found = new Map<string, BenchAggregate>();
  for (const { aggregate } of segments.flatMap((segment) => segment.conditions)) {
    if (aggregate !== null && !found.has(aggregate.text)) found.set(aggregate.text, aggregate);
  }
  return [...found.values()];
}

function call(aggregate: BenchAggregate): string {
  switch (aggregate.function) {
    case 'count':
      return 'count(*)';
    case 'sum':
      return 'sum(o.total)';
    case 'last':
      return 'max(o.placed_at)';
  }
}

function filterOf(aggregate: BenchAggregate, print: (flag: Flag) => string): string {
  return aggregate.flags.length === 0 ? '' : ` filter (where ${aggregate.flags.map(print).join(' and ')})`;
}
