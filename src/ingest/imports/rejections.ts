// In charge of what an import says about rows it did not take: how many, and the first of them by line. Memory is bounded.
import type { ErrorDetail } from '../../errors.ts';
import { LISTED_ERRORS } from './limits.ts';
import type { ColumnPlan } from './map-columns.ts';

export class Rejections {
  rejectedRows = 0;
  readonly #plan: () => ColumnPlan | null;
  #errors: (ErrorDetail & { readonly line: number })[] = [];

  /** `plan`: which column feeds which field; null: rows are named by their own fields. */
  constructor(plan: () => ColumnPlan | null) {
    this.#plan = plan;
  }

  /** Notes lines that are not taken, each for all of these reasons. Pointers are into the row ('' is the row). */
  add(lines: readonly number[], problems: readonly ErrorDetail[]): void {
    this.rejectedRows += lines.length;
    for (const line of lines) {
      if (this.#errors.length >= LISTED_ERRORS && line >= (this.#errors.at(-1)?.line ?? 0)) continue;
      for (const problem of problems) this.#insert(placed(line, problem, this.#plan()));
    }
  }

  /** The first by line. */
  get errors(): readonly ErrorDetail[] {
    return this.#errors;
  }

  /** Orders are judged in order of id, so their lines come late and in any order. */
  #insert(error: ErrorDetail & { readonly line: number }): void {
    let at = this.#errors.length;
    while (at > 0 && (this.#errors[at - 1]?.line ?? 0) > error.line) at -= 1;
    this.#errors.splice(at, 0, error);
    if (this.#errors.length > LISTED_ERRORS) this.#errors.pop();
  }
}

/** From a pointer into the row to the file's line and column. */
function placed(line: number, problem: ErrorDetail, plan: ColumnPlan | null): ErrorDetail & { readonly line: number } {
  const { pointer, ...rest } = problem;
  if (pointer === undefined || problem.column !== undefined) return { ...rest, line };
  const path = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const column = plan === null ? path.join('.') : columnOf(path, plan);
  return column === '' ? { ...rest, line } : { ...rest, line, column };
}

/** `/items/0/quantity` → the column mapped to `items.quantity`; `/tags/3` → the one of `tags`. */
function columnOf(path: readonly string[], plan: ColumnPlan): string {
  const names = path.filter((_part, index) => !(index === 1 && path[0] === 'items'));
  for (let length = names.length; length > 0; length -= 1) {
    const target = names.slice(0, length).join('.');
    const column = plan.columns.find((candidate) => candidate.field.target === target);
    if (column !== undefined) return column.column;
  }
  return names.join('.');
}
