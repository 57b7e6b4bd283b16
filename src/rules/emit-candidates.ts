// In charge of the statement that finds, in a range of customers, those who can be in one of some segments at all, are in one now, or have been
// put in or taken out of one by hand: all others are in none of them, and looking at them would find nothing. Not of what they are then in
// (emit.ts).
import { type SQL, sql } from 'drizzle-orm';
import { TIME_COLUMN } from '../catalog/catalog.ts';
import type { CheckedRule } from './checked-rule.ts';
import { UNASKED_FLIPS } from './emit-aggregate.ts';
import { emitCondition } from './emit-condition.ts';
import type { EmitScope } from './emit-operand.ts';
import { type BindingInput, createParameters, type Parameters } from './emit-parameters.ts';
import { leastEdge, narrow, TABLES } from './emit-scan.ts';
import { type Necessary, type NecessaryRows, necessaryOf } from './necessary.ts';

export interface CandidatesRequest {
  /** none of them belongs to a group */
  readonly segments: readonly { readonly id: number; readonly key: string; readonly checked: CheckedRule }[];
  /** ids of segments that have pins */
  readonly pinned: ReadonlySet<number>;
}

export interface EmittedCandidates {
  /** A select of id int8, each id once, in no order. */
  readonly text: string;
  bind(input: BindingInput): unknown[];
}

/** With more segments than this everybody is evaluated: each segment adds a statement within the statement. */
const MOST_SEGMENTS = 4;

/** null: one of the segments may hold for anybody, as far as can be known. */
export function emitCandidates({ segments, pinned }: CandidatesRequest): EmittedCandidates | null {
  if (segments.length === 0 || segments.length > MOST_SEGMENTS) return null;
  const parameters = createParameters();
  const sources: SQL[] = [];
  for (const { checked } of segments) {
    const necessary = necessaryOf(checked.rule);
    if (necessary.profile.length === 0 && necessary.rows === null) return null;
    sources.push(...membersToBe(necessary, checked, parameters));
  }
  const ids = parameters.constant(
    'integer[]',
    segments.map(({ id }) => id),
  );
  const inRange = (column: SQL): SQL => narrow(column, 'range', parameters);
  sources.push(sql`select m.customer_id as id from memberships as m where m.segment_id = any(${ids}) and ${inRange(sql`m.customer_id`)}`);
  if (segments.some(({ id }) => pinned.has(id))) {
    sources.push(sql`select q.customer_id as id from pins as q where q.segment_id = any(${ids}) and ${inRange(sql`q.customer_id`)}`);
  }
  const { text, bind } = parameters.render(sql.join(sources, sql.raw('\nunion\n')));
  return { text, bind };
}

/** Selects of ids that together contain all members of one segment. */
function membersToBe({ profile, rows }: Necessary, checked: CheckedRule, parameters: Parameters): readonly SQL[] {
  const ofRows = rows?.map((each) => withRows(each, checked, parameters)) ?? [];
  const conditions = profileConditions(profile, checked, parameters);
  if (conditions.length === 0) return ofRows;
  const inRange = narrow(sql`c.id`, 'range', parameters);
  const among = ofRows.length === 0 ? [] : [sql`c.id in (${sql.join([...ofRows], sql.raw(' union all '))})`];
  return [sql`select c.id from customers as c where ${sql.join([inRange, ...conditions, ...among], sql.raw(' and '))}`];
}

/** The conditions as SQL over the customers `c`. */
function profileConditions(profile: Necessary['profile'], { types }: CheckedRule, parameters: Parameters): readonly SQL[] {
  const scope: EmitScope = { scope: 'customers', types, parameters, flips: UNASKED_FLIPS, nullIsFalse: true, customer: PROFILE_ALONE };
  return profile.map((rule) => emitCondition(rule, scope));
}

const PROFILE_ALONE: EmitScope['customer'] = {
  aggregate: () => neverAsked(),
  segment: () => neverAsked(),
};

function neverAsked(): never {
  throw new Error('broken invariant: a steady condition asks for the profile alone');
}

function withRows({ source, edges, where, atLeast }: NecessaryRows, { types }: CheckedRule, parameters: Parameters): SQL {
  const time = sql`s.${sql.identifier(TIME_COLUMN[source.kind])}`;
  const conditions = [narrow(sql`s.customer_id`, 'range', parameters), sql`${time} >= ${leastEdge(edges, parameters)}`];
  if (source.kind === 'events' && source.event !== null) conditions.push(sql`s.name = ${parameters.constant('text', source.event)}`);
  if (where !== null) {
    const scope: EmitScope = { scope: source.kind, types, parameters, flips: UNASKED_FLIPS, nullIsFalse: true, customer: null };
    conditions.push(emitCondition(where, scope));
  }
  const rows = sql`select s.customer_id as id from ${sql.raw(TABLES[source.kind])} as s where ${sql.join(conditions, sql.raw(' and '))}`;
  return atLeast === 1 ? rows : sql`${rows} group by s.customer_id having count(*) >= ${parameters.constant('bigint', String(atLeast))}`;
}
