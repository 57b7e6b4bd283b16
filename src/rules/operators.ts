// The table of the operators that a condition can use: both written forms and the types each takes. Parser, checker,
// printers, JSON Schema and the catalog endpoint read it. What an operator means is the emitter's business.
import type { ValueType } from '../catalog/catalog.ts';
import type { ArithmeticOperator, ComparisonOperator, ListOperator, TextOperator } from './ast.ts';

const ALL_TYPES: readonly ValueType[] = ['string', 'number', 'boolean', 'date', 'timestamp', 'list'];
const EQUAL_TYPES: readonly ValueType[] = ['string', 'number', 'boolean', 'date', 'timestamp'];
export const ORDERED_TYPES: readonly ValueType[] = ['number', 'date', 'timestamp', 'string'];
export const TIME_TYPES: readonly ValueType[] = ['date', 'timestamp'];

export type ConditionOperator = ComparisonOperator | TextOperator | ListOperator | 'between' | 'in' | 'missing' | 'within' | 'anniversary';

export interface OperatorRow {
  /** the name in JSON (`op`), and the operator's name in the catalog */
  readonly op: ConditionOperator;
  /** the words in the text, lower case */
  readonly text: string;
  /** of the left side */
  readonly types: readonly ValueType[];
}

export const OPERATORS: readonly OperatorRow[] = [
  { op: '=', text: '=', types: EQUAL_TYPES },
  { op: '!=', text: '!=', types: EQUAL_TYPES },
  { op: '<', text: '<', types: ORDERED_TYPES },
  { op: '<=', text: '<=', types: ORDERED_TYPES },
  { op: '>', text: '>', types: ORDERED_TYPES },
  { op: '>=', text: '>=', types: ORDERED_TYPES },
  { op: 'between', text: 'between', types: ORDERED_TYPES },
  { op: 'in', text: 'in', types: EQUAL_TYPES },
  { op: 'contains', text: 'contains', types: ['string'] },
  { op: 'starts_with', text: 'starts with', types: ['string'] },
  { op: 'ends_with', text: 'ends with', types: ['string'] },
  { op: 'has_any', text: 'has any', types: ['list'] },
  { op: 'has_all', text: 'has all', types: ['list'] },
  { op: 'missing', text: 'is missing', types: ALL_TYPES },
  { op: 'within', text: 'in', types: TIME_TYPES },
  { op: 'anniversary', text: 'anniversary', types: TIME_TYPES },
];

export const COMPARISON_OPERATORS: readonly ComparisonOperator[] = ['=', '!=', '<', '<=', '>', '>='];
export const TEXT_OPERATORS: readonly TextOperator[] = ['contains', 'starts_with', 'ends_with'];
export const LIST_OPERATORS: readonly ListOperator[] = ['has_any', 'has_all'];
export const ARITHMETIC_OPERATORS: readonly ArithmeticOperator[] = ['+', '-', '*', '/'];

const BY_OP: ReadonlyMap<string, OperatorRow> = new Map(OPERATORS.map((row) => [row.op, row]));

export function operatorRow(op: ConditionOperator): OperatorRow {
  const row = BY_OP.get(op);
  if (row === undefined) throw new Error(`no row for operator ${op}`);
  return row;
}

/** The operators (JSON names) whose left side may be of this type. */
export function operatorsFor(type: ValueType): readonly ConditionOperator[] {
  return OPERATORS.filter((row) => row.types.includes(type)).map((row) => row.op);
}
