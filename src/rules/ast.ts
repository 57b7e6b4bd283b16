// The one tree that text and JSON rules are parsed into and that SQL, text, JSON and explanations are made from.
// In charge of its shape only. Nodes are plain readonly data with a literal `kind`; `place` says where a node was written.

/** Where a node is: offsets into the text in UTF-16 units, or a JSON pointer into the JSON form. */
export type Place =
  | { readonly start: number; readonly end: number; readonly line: number; readonly column: number }
  | { readonly pointer: string };

export type ComparisonOperator = '=' | '!=' | '<' | '<=' | '>' | '>=';
export type ArithmeticOperator = '+' | '-' | '*' | '/';
export type TextOperator = 'contains' | 'starts_with' | 'ends_with';
export type ListOperator = 'has_any' | 'has_all';
export type AggregateFunction = 'count' | 'sum' | 'avg' | 'min' | 'max' | 'first' | 'last' | 'distinct';
export type DurationUnit = 'seconds' | 'minutes' | 'hours' | 'days' | 'weeks';
export type CalendarPeriod =
  | 'today'
  | 'yesterday'
  | 'this_week'
  | 'this_month'
  | 'this_quarter'
  | 'this_year'
  | 'last_week'
  | 'last_month'
  | 'last_quarter'
  | 'last_year';

/** As written: `1 week` stays one week. Its length is amount × the unit, a day being 24 h. */
export interface Duration {
  readonly amount: number;
  readonly unit: DurationUnit;
}

export type Rule =
  | { readonly kind: 'and' | 'or'; readonly rules: readonly Rule[]; readonly place: Place }
  | { readonly kind: 'not'; readonly rule: Rule; readonly place: Place }
  | { readonly kind: 'everyone'; readonly place: Place }
  | { readonly kind: 'segment'; readonly key: string; readonly place: Place }
  | {
      readonly kind: 'comparison';
      readonly op: ComparisonOperator;
      readonly left: Expression;
      readonly right: Expression;
      readonly place: Place;
    }
  | { readonly kind: 'between'; readonly left: Expression; readonly low: Expression; readonly high: Expression; readonly place: Place }
  | { readonly kind: 'in'; readonly left: Expression; readonly values: readonly Literal[]; readonly place: Place }
  | { readonly kind: 'text'; readonly op: TextOperator; readonly left: Expression; readonly value: string; readonly place: Place }
  | {
      readonly kind: 'has';
      readonly op: ListOperator;
      readonly left: Expression;
      readonly values: readonly Literal[];
      readonly place: Place;
    }
  | { readonly kind: 'missing'; readonly left: Expression; readonly place: Place }
  | { readonly kind: 'within'; readonly left: Expression; readonly window: Window; readonly place: Place }
  | { readonly kind: 'anniversary'; readonly left: Expression; readonly window: AnniversaryWindow; readonly place: Place };

/** `number` holds the canonical decimal as text ("12.5", "-3"): no float anywhere. */
export type Literal =
  | { readonly kind: 'string'; readonly value: string; readonly place: Place }
  | { readonly kind: 'number'; readonly value: string; readonly place: Place }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly place: Place }
  | { readonly kind: 'date'; readonly value: string; readonly place: Place } // YYYY-MM-DD
  | { readonly kind: 'timestamp'; readonly value: number; readonly place: Place }; // epoch milliseconds

export type Instant =
  | Extract<Literal, { kind: 'date' | 'timestamp' }>
  | { readonly kind: 'now'; readonly place: Place }
  | { readonly kind: 'today'; readonly place: Place }
  | { readonly kind: 'ago'; readonly duration: Duration; readonly place: Place }
  | { readonly kind: 'from_now'; readonly duration: Duration; readonly place: Place };

/** `field` is a built-in of its scope; attribute, consent: customers only; property: events only. Dotted names are one string. */
export type FieldExpression =
  | { readonly kind: 'field'; readonly name: string; readonly place: Place }
  | { readonly kind: 'attribute'; readonly name: string; readonly place: Place }
  | { readonly kind: 'property'; readonly name: string; readonly place: Place }
  | { readonly kind: 'consent'; readonly name: string; readonly place: Place };

export type Source = { readonly kind: 'orders' } | { readonly kind: 'items' } | { readonly kind: 'events'; readonly event: string | null };

export interface Aggregate {
  readonly kind: 'aggregate';
  readonly function: AggregateFunction;
  readonly source: Source;
  readonly field: FieldExpression | null;
  readonly where: Rule | null;
  readonly window: Window | null;
  readonly place: Place;
}

export type Expression =
  | Literal
  | Instant
  | FieldExpression
  | Aggregate
  | {
      readonly kind: 'arithmetic';
      readonly op: ArithmeticOperator;
      readonly left: Expression;
      readonly right: Expression;
      readonly place: Place;
    }
  | { readonly kind: 'bucket'; readonly salt: string; readonly place: Place }
  | { readonly kind: 'days_between'; readonly from: Expression; readonly to: Expression; readonly place: Place };

export type Window =
  | { readonly kind: 'last'; readonly duration: Duration; readonly place: Place }
  | { readonly kind: 'calendar'; readonly period: CalendarPeriod; readonly place: Place }
  | { readonly kind: 'since'; readonly instant: Instant; readonly place: Place }
  | { readonly kind: 'before'; readonly instant: Instant; readonly place: Place }
  | { readonly kind: 'between'; readonly from: Instant; readonly to: Instant; readonly place: Place };

export type AnniversaryWindow =
  | { readonly kind: 'today' }
  | { readonly kind: 'next'; readonly duration: Duration }
  | { readonly kind: 'last'; readonly duration: Duration }
  | { readonly kind: 'this_month' }
  | { readonly kind: 'next_month' };
