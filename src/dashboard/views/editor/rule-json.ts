// The shapes of the editor: the JSON form of a rule as far as the page looks into it, and what the catalog says of a field.
export type Json = Readonly<Record<string, unknown>>;

export type ValueType = 'string' | 'number' | 'boolean' | 'date' | 'timestamp' | 'list';
export type Scope = 'customers' | 'orders' | 'items' | 'events';

export interface CatalogEntry {
  readonly scope: Scope;
  /** as a rule names it within its scope */
  readonly path: string;
  readonly kind: 'field' | 'attribute' | 'consent' | 'property';
  readonly name: string;
  readonly event: string | null;
  readonly type: ValueType;
  readonly operators: readonly string[];
  readonly values: readonly string[];
}

export interface SegmentEntry {
  readonly key: string;
  readonly name: string;
}

/** What a rule may name. */
export interface Vocabulary {
  readonly entries: readonly CatalogEntry[];
  readonly segments: readonly SegmentEntry[];
}

export interface Span {
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

export interface Diagnostic {
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
  readonly pointer?: string;
  readonly span?: Span;
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
