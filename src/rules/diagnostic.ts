// What is wrong with a rule, or worth a warning: a value, all of them at once, never an exception.
import type { Place } from './ast.ts';

/** Part of the API; `warning` codes occur only in `warnings`. */
export type DiagnosticCode =
  | 'syntax_error'
  | 'unknown_field'
  | 'unknown_source'
  | 'unknown_segment'
  | 'type_mismatch'
  | 'invalid_literal'
  | 'limit_exceeded'
  | 'cycle'
  | 'not_available'
  | 'unknown_event'
  | 'unknown_property'
  | 'unknown_consent'
  | 'paused_segment'
  | 'empty_window'
  | 'one_year_only';

export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly detail: string;
  readonly place: Place;
  readonly hint?: string;
  /** for the code `cycle`: the keys along it, with the first again at the end */
  readonly cycle?: readonly string[];
}
