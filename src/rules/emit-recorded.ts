// In charge of telling whether conditions held, from the values that a change has recorded: the very fragments of the evaluation, with the
// recorded values in place of the customer's, so that nothing else decides what holds.
import { type SQL, sql } from 'drizzle-orm';
import { assert, unreachable } from '../base/assert.ts';
import { formatInstant } from '../base/calendar.ts';
import type { ValueType } from '../catalog/catalog.ts';
import type { Expression } from './ast.ts';
import type { CheckedRule } from './checked-rule.ts';
import { UNASKED_FLIPS } from './emit-aggregate.ts';
import { emitCondition } from './emit-condition.ts';
import type { EmitScope, SqlOperand } from './emit-operand.ts';
import { createParameters, type Parameters } from './emit-parameters.ts';
import { list } from './emit-scan.ts';
import type { RecordedSeen } from './emit-seen.ts';
import type { SeenJson } from './explain-rule.ts';
import type { Moment } from './plan.ts';
import { type Condition, isComputed, numberedConditions, sidesOf } from './walk-rule.ts';

export interface EmittedRecorded {
  /** a select of one row: holds jsonb, an array with true or false by number of the condition */
  readonly text: string;
  readonly values: readonly unknown[];
}

/** `saw`: as in RecordedSeen, for every numbered condition of the rule. null: a value is no longer of the type that its expression has by now. */
export function emitRecorded({ rule, types }: CheckedRule, saw: RecordedSeen['saw'], moment: Moment): EmittedRecorded | null {
  const parameters = createParameters();
  const answers: SQL[] = [];
  for (const [index, condition] of numberedConditions(rule).entries()) {
    const values = saw[index] ?? [];
    if (condition.kind === 'segment') {
      answers.push(parameters.constant('boolean', values[0] === true));
      continue;
    }
    const known = recordedSides(condition, values, types, parameters);
    if (known === null) return null;
    const scope: EmitScope = {
      scope: 'customers',
      types,
      parameters,
      flips: UNASKED_FLIPS,
      nullIsFalse: false,
      customer: { aggregate: notRecorded, segment: notRecorded, known: (expression) => known.get(expression) },
    };
    answers.push(emitCondition(condition, scope));
  }
  const { text, bind } = parameters.render(sql`select to_jsonb(array[${list(answers)}]::boolean[]) as holds`);
  return { text, values: bind({ ...moment, customers: { keys: [] } }) };
}

function notRecorded(): never {
  throw new Error('broken invariant: every computed side is recorded, and of a named segment the answer');
}

function recordedSides(
  condition: Condition,
  values: readonly SeenJson[],
  types: CheckedRule['types'],
  parameters: Parameters,
): ReadonlyMap<Expression, SqlOperand> | null {
  const known = new Map<Expression, SqlOperand>();
  for (const [place, side] of sidesOf(condition).filter(isComputed).entries()) {
    const type = types.get(side);
    assert(type !== undefined, 'every side has a type');
    const operand = recorded(type, values[place] ?? null, parameters);
    if (operand === null) return null;
    known.set(side, operand);
  }
  return known;
}

/** null: it is not a value of the type. */
function recorded(type: ValueType, value: SeenJson, parameters: Parameters): SqlOperand | null {
  switch (type) {
    case 'number': {
      if (value !== null && !(typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))) return null;
      return { kind: 'value', type, sql: parameters.constant('numeric', value), nullable: true, scale: 0, integer: false };
    }
    case 'string':
      if (value !== null && typeof value !== 'string') return null;
      return { kind: 'value', type, sql: parameters.constant('text', value), nullable: true };
    case 'boolean':
      if (value !== null && typeof value !== 'boolean') return null;
      return { kind: 'value', type, sql: parameters.constant('boolean', value), nullable: true };
    case 'date':
      if (value !== null && !(typeof value === 'string' && /^\d{4,}-\d\d-\d\d$/.test(value))) return null;
      return { kind: 'value', type, sql: parameters.constant('date', value), nullable: true };
    case 'timestamp':
      if (value !== null && typeof value !== 'number') return null;
      return { kind: 'value', type, sql: parameters.constant('timestamptz', value === null ? null : formatInstant(value)), nullable: true };
    case 'list':
      if (value !== null && !Array.isArray(value)) return null;
      return {
        kind: 'value',
        type,
        sql: sql`${parameters.constant('text', value === null ? null : JSON.stringify(value))}::jsonb`,
        nullable: true,
        form: 'jsonb',
      };
    default:
      return unreachable(type);
  }
}
