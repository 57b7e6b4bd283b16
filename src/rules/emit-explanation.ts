// In charge of the statements that explain: what each condition of one rule evaluates to and what its sides are for given customers, and which
// rows an aggregate counted. They are made of the same fragments as the evaluation (emit.ts), so the two cannot disagree.
import { type SQL, sql } from 'drizzle-orm';
import { assert, unreachable } from '../base/assert.ts';
import { TIME_COLUMN, type ValueType } from '../catalog/catalog.ts';
import type { Aggregate, Expression } from './ast.ts';
import type { CheckedRule } from './checked-rule.ts';
import { createAggregates, emitRowCondition, UNASKED_FLIPS } from './emit-aggregate.ts';
import { emitCondition } from './emit-condition.ts';
import { emitExpression } from './emit-expression.ts';
import { joinMemberships } from './emit-membership.ts';
import { type EmitScope, type Operand, toUnits } from './emit-operand.ts';
import { type BindingInput, createParameters, type Parameters, segmentNumber } from './emit-parameters.ts';
import { list, narrowIds } from './emit-scan.ts';
import { aggregatesOf, type Condition, isComputed, numberedConditions, sidesOf } from './walk-rule.ts';

export interface EmittedExplanation {
  /**
   * A select usable as `from (<text>) as e`, over given ids: customer_id int8, holds boolean (of the whole rule), seen jsonb: for each numbered
   * condition [holds, value of each computed side…]. Numbers are exact decimals as text, instants are epoch milliseconds.
   */
  readonly text: string;
  bind(input: BindingInput): unknown[];
}

/** Segments that the rule names are read from the memberships as they are. `segmentIds`: the ids of all segments that the rule may name. */
export function emitExplanation({ rule, types, reads }: CheckedRule, segmentIds: ReadonlyMap<string, number>): EmittedExplanation {
  const parameters = createParameters();
  const asked = aggregatesOf(rule).map((aggregate) => ({ aggregate, types, lastingCount: null }));
  const aggregates = createAggregates(asked, 'ids', parameters, null);
  const idOf = (key: string): number => {
    const id = segmentIds.get(key);
    assert(id !== undefined, `segment ${key} has an id`);
    return id;
  };
  const customer = {
    aggregate: (aggregate: Aggregate) => aggregates.operand(aggregate, types),
    segment: (key: string) => sql`coalesce(${segmentNumber(idOf(key))} = any(h.named), false)`,
  };
  const scope: EmitScope = { scope: 'customers', types, parameters, flips: UNASKED_FLIPS, nullIsFalse: false, customer };
  const seen = sql`to_jsonb(array[${list(numberedConditions(rule).map((condition) => emitSeen(condition, scope)))}]::jsonb[])`;
  const holds = emitCondition(rule, scope);
  const named = [...reads.segments].map(idOf).sort((a, b) => a - b);
  const memberships = named.length === 0 ? [] : [joinMemberships({ narrow: 'ids', memberships: 'present' }, [], named, parameters)];
  const { text, bind } = parameters.render(sql`
select c.id as customer_id, ${holds} as holds, ${seen} as seen
from customers as c
${sql.join([...memberships, ...aggregates.joins()], sql.raw('\n'))}
where ${narrowIds(sql`c.id`, parameters)}`);
  return { text: text.trim(), bind };
}

function emitSeen(condition: Condition, scope: EmitScope): SQL {
  const values = sidesOf(condition)
    .filter(isComputed)
    .map((side) => asJson(emitExpression(side, scope), scope.parameters));
  return sql`jsonb_build_array(${list([emitCondition(condition, scope), ...values])})`;
}

function asJson(operand: Operand, parameters: Parameters): SQL {
  assert(operand.kind === 'value', 'what is computed is a value');
  switch (operand.type) {
    case 'number':
      return sql`trim_scale(${toUnits(parameters, operand)})::text`;
    case 'timestamp':
      return sql`(extract(epoch from ${operand.sql}) * 1000)::bigint`;
    case 'string':
    case 'boolean':
    case 'date':
    case 'list':
      return operand.sql;
    default:
      return unreachable(operand);
  }
}

/** How many of the rows that counted are listed. */
export const ROWS_NAMED = 20;

/**
 * The rows that an aggregate counted: count, first_at, last_at, newest: jsonb [[id, epoch milliseconds, line or null]…], the newest 20 in the
 * language's order of rows. Rows whose field is missing did not count, except for `first` and `last`.
 */
export function emitCountedRows(aggregate: Aggregate, types: ReadonlyMap<Expression, ValueType>): EmittedExplanation {
  const parameters = createParameters();
  const { kind } = aggregate.source;
  const [table, id, line] = {
    orders: ['orders', 's.id', 'null::integer'],
    items: ['order_items', 's.order_id', 's.line'],
    events: ['events', 's.id', 'null::integer'],
  }[kind] as [string, string, string];
  const condition = emitRowCondition({ aggregate, types }, parameters);
  const { text, bind } = parameters.render(sql`
select count(*)::integer as count, min(r.at) as first_at, max(r.at) as last_at,
  to_jsonb((array_agg(jsonb_build_array(r.id, (extract(epoch from r.at) * 1000)::bigint, r.line) order by r.at desc, r.id desc, r.line desc))[1:${sql.raw(String(ROWS_NAMED))}]) as newest
from (
  select ${sql.raw(id)} as id, ${sql.raw(line)} as line, s.${sql.identifier(TIME_COLUMN[kind])} as at
  from ${sql.raw(table)} as s
  where ${narrowIds(sql`s.customer_id`, parameters)} and ${condition}
) as r`);
  return { text: text.trim(), bind };
}
