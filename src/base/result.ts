// In charge of the one form in which a stage answers "this, or everything that is wrong with it".

export type Result<Value, Problem> = { readonly ok: true; readonly value: Value } | Failed<Problem>;

export interface Failed<Problem> {
  readonly ok: false;
  readonly problems: readonly Problem[];
  /** how many more there are than are listed; absent: none */
  readonly more?: number;
}

export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function failed<Problem>(problems: readonly Problem[], more = 0): Failed<Problem> {
  return more === 0 ? { ok: false, problems } : { ok: false, problems, more };
}
