// The JSON Schema (2020-12) of a rule's JSON form, made from the tables that the parser reads. What a schema cannot say
// (names, types, depth, real calendar days) is the parser's and the checker's.
import { LIMITS } from './limits.ts';
import { ARITHMETIC_OPERATORS, COMPARISON_OPERATORS, LIST_OPERATORS, TEXT_OPERATORS } from './operators.ts';
import { AGGREGATE_FUNCTIONS, CALENDAR_PERIODS, SOURCES, UNITS } from './vocabulary.ts';

type Schema = { readonly [keyword: string]: unknown };

function objectOf(members: Readonly<Record<string, Schema>>, optional: Readonly<Record<string, Schema>> = {}): Schema {
  return { type: 'object', properties: { ...members, ...optional }, required: Object.keys(members), additionalProperties: false };
}

function ref(name: string): Schema {
  return { $ref: `#/$defs/${name}` };
}

const STRING: Schema = { type: 'string' };
const EXPRESSION = ref('expression');

function pairOf(item: Schema): Schema {
  return { type: 'array', items: item, minItems: 2, maxItems: 2 };
}

function ruleForms(): readonly Schema[] {
  const rules: Schema = { type: 'array', items: ref('rule'), minItems: 1 };
  const values: Schema = { type: 'array', items: ref('literal'), minItems: 1, maxItems: LIMITS.listLiterals.atMost };
  return [
    objectOf({ and: rules }),
    objectOf({ or: rules }),
    objectOf({ not: ref('rule') }),
    objectOf({ everyone: { const: true } }),
    objectOf({ segment: STRING }),
    objectOf({ op: { enum: COMPARISON_OPERATORS }, left: EXPRESSION, right: EXPRESSION }),
    objectOf({ op: { const: 'between' }, left: EXPRESSION, low: EXPRESSION, high: EXPRESSION }),
    objectOf({ op: { enum: ['in', ...LIST_OPERATORS] }, left: EXPRESSION, values }),
    objectOf({ op: { enum: TEXT_OPERATORS }, left: EXPRESSION, value: STRING }),
    objectOf({ op: { const: 'missing' }, left: EXPRESSION }),
    objectOf({ op: { const: 'within' }, left: EXPRESSION, window: ref('operandWindow') }),
    objectOf({ op: { const: 'anniversary' }, left: EXPRESSION, window: ref('anniversary') }),
  ];
}

function expressionForms(): readonly Schema[] {
  return [
    ref('literal'),
    ref('instant'),
    objectOf({ field: STRING }),
    objectOf({ attribute: STRING }),
    objectOf({ property: STRING }),
    objectOf({ consent: STRING }),
    objectOf({ bucket: STRING }),
    objectOf({ days_between: pairOf(EXPRESSION) }),
    objectOf({ op: { enum: ARITHMETIC_OPERATORS }, left: EXPRESSION, right: EXPRESSION }),
    objectOf(
      { aggregate: { enum: AGGREGATE_FUNCTIONS.map((row) => row.name) }, of: { anyOf: [{ enum: SOURCES }, objectOf({ events: STRING })] } },
      { field: STRING, where: ref('rule'), window: ref('window') },
    ),
  ];
}

export function ruleJsonSchema(): Schema {
  const date = objectOf({ date: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$' } });
  const timestamp = objectOf({ timestamp: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}[Tt]' } });
  const operandWindows = [
    objectOf({ last: ref('duration') }),
    objectOf({ in: { enum: CALENDAR_PERIODS } }),
    objectOf({ since: ref('instant') }),
    objectOf({ before: ref('instant') }),
  ];
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Rule',
    description: 'The JSON form of a segment rule.',
    $ref: '#/$defs/rule',
    $defs: {
      rule: { anyOf: ruleForms() },
      expression: { anyOf: expressionForms() },
      literal: { anyOf: [STRING, { type: 'number' }, { type: 'boolean' }, date, timestamp] },
      instant: {
        anyOf: [
          date,
          timestamp,
          objectOf({ ago: ref('duration') }),
          objectOf({ from_now: ref('duration') }),
          objectOf({ at: { enum: ['now', 'today'] } }),
        ],
      },
      duration: { type: 'string', pattern: `^\\d+[${UNITS.map((row) => row.letter).join('')}]$` },
      operandWindow: { anyOf: operandWindows },
      window: { anyOf: [...operandWindows, objectOf({ between: pairOf(ref('instant')) })] },
      anniversary: {
        anyOf: [
          { const: 'today' },
          objectOf({ next: ref('duration') }),
          objectOf({ last: ref('duration') }),
          objectOf({ in: { enum: ['this_month', 'next_month'] } }),
        ],
      },
    },
  };
}
