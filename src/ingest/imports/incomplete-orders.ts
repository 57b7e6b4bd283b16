// In charge of orders that are written without some of their lines: until the file has ended, a rejected line is kept as a mark among the lines
// of its order; then it is reported what became of the order. Counts them all and lists the first; memory is bounded.
import { isObject, Problems } from '../problem.ts';
import { readId } from '../read-field.ts';
import { LISTED_INCOMPLETE, LISTED_LINES } from './limits.ts';
import type { StagedLine } from './stage-lines.ts';

export interface IncompleteOrder {
  readonly id: string;
  /** the file gives its total; false: it is the sum of the lines that were taken, and so too small */
  readonly totalGiven: boolean;
  /** how many of its lines are missing from it */
  readonly rejected: number;
  /** the first 100 of them */
  readonly lines: readonly number[];
}

/** The lines that one order lacks: all are counted, the first are kept. */
export class MissingLines {
  count = 0;
  #first: number[] = [];

  /** May come in any order, each once. */
  add(line: number): void {
    this.count += 1;
    if (this.#first.length >= LISTED_LINES && line > (this.#first.at(-1) ?? 0)) return;
    this.#first = [...this.#first, line].sort((one, other) => one - other).slice(0, LISTED_LINES);
  }

  get first(): readonly number[] {
    return this.#first;
  }
}

export class IncompleteOrders {
  count = 0;
  /** rejected lines from which it cannot be read whose they are */
  unplacedLines = 0;
  readonly #first: IncompleteOrder[] = [];

  add(order: IncompleteOrder): void {
    this.count += 1;
    const place = (known: IncompleteOrder) => known.lines[0] ?? 0;
    let at = this.#first.length;
    while (at > 0 && place(this.#first[at - 1] as IncompleteOrder) > place(order)) at -= 1;
    this.#first.splice(at, 0, order);
    if (this.#first.length > LISTED_INCOMPLETE) this.#first.pop();
  }

  /** The first orders, by their first rejected line. */
  get first(): readonly IncompleteOrder[] {
    return this.#first;
  }
}

/**
 * What is staged in place of a rejected line; null: the line does not say whose it is. It includes the customer if the line names one, so that
 * an erasure removes it too. No line that is taken has this form: a field `rejected` is unknown.
 */
export function markRejected(line: number, raw: unknown): StagedLine | null {
  if (!isObject(raw)) return null;
  const id = readIdOf(raw['id']);
  if (id === undefined) return null;
  const customerId = readIdOf(raw['customerId']);
  return { group: id, line, data: { rejected: true, ...(customerId === undefined ? {} : { customerId }) } };
}

function readIdOf(value: unknown): string | undefined {
  return readId(value, 'the id', '', new Problems());
}

export function isRejectedMark({ data }: StagedLine): boolean {
  return isObject(data) && data['rejected'] === true;
}
