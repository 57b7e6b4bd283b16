// In charge of lines of a file becoming one order, in the form that the API's JSON has. Pure. Not of reading lines (stage-lines.ts)
// nor of judging the order (validation).
import type { ErrorDetail } from '../../errors.ts';
import { quote } from '../problem.ts';
import { readTimestamp } from '../read-time.ts';
import type { RawRow } from './read-row.ts';

export interface OrderLine {
  readonly line: number;
  /** a row as read-row.ts makes it: fields of the order, and one item or none */
  readonly raw: RawRow;
}

export interface AssembledOrder {
  readonly raw: RawRow;
  /** for the lines that the order is made of */
  readonly lines: readonly number[];
  /** the lines that are not in it, each once */
  readonly rejected: readonly RejectedLine[];
}

interface RejectedLine {
  readonly line: number;
  readonly problems: readonly ErrorDetail[];
}

const AMOUNTS: ReadonlySet<string> = new Set(['total', 'discount', 'exchangeRate']);

/**
 * Lines come in the file's order. The first line that gives a field of the order gives it for all (exports often fill only an order's
 * first line); a later line that differs is rejected, so that a column of line totals mapped to the order's total cannot
 * pass. Only the time may differ: the earliest counts (43 of 25,900 invoices of Online Retail were keyed in over two minutes). A default counts
 * where no line gives the field, nor clears it.
 */
export function assembleOrder(orderId: string, lines: readonly OrderLine[], defaults: RawRow): AssembledOrder {
  const raw: RawRow = { id: orderId };
  const givenOn = new Map<string, number>();
  const cleared = new Set<string>();
  const items: unknown[] = [];
  const kept: number[] = [];
  const rejected: RejectedLine[] = [];
  for (const { line, raw: own } of lines) {
    const problems = disagreementsOf(raw, own, givenOn);
    if (problems.length > 0) {
      rejected.push({ line, problems });
      continue;
    }
    kept.push(line);
    for (const [name, value] of Object.entries(own)) {
      if (value === null) cleared.add(name);
      if (isNothing(value) || name === 'id') continue;
      if (name === 'items')
        for (const item of value as unknown[]) items.push(item); // as many as the caller likes: no arguments of a call
      else if (!(name in raw)) {
        raw[name] = value;
        givenOn.set(name, line);
      } else if (name === 'placedAt' && (readTimestamp(String(value)) ?? 0) < (readTimestamp(String(raw[name])) ?? 0)) {
        raw[name] = value;
      }
    }
  }
  if (items.length > 0) raw['items'] = items;
  for (const name of Object.keys(defaults)) if (!(name in raw || cleared.has(name))) raw[name] = defaults[name];
  return { raw, lines: kept, rejected };
}

/** A line as its order would be if it had no other, to be judged by itself. */
export function orderOfLine(own: RawRow, defaults: RawRow): RawRow {
  const missing = Object.entries(defaults).filter(([name]) => own[name] === undefined || own[name] === '');
  return missing.length === 0 ? own : { ...own, ...Object.fromEntries(missing) };
}

function isNothing(value: unknown): boolean {
  return value === null || value === '';
}

function disagreementsOf(order: RawRow, own: RawRow, givenOn: ReadonlyMap<string, number>): ErrorDetail[] {
  const found: ErrorDetail[] = [];
  for (const [name, value] of Object.entries(own)) {
    if (isNothing(value) || name === 'items' || name === 'placedAt' || name === 'id') continue;
    if (!(name in order) || isSame(name, order[name], value)) continue;
    found.push({
      pointer: `/${name}`,
      code: 'lines_disagree',
      detail: `line ${givenOn.get(name)} gives the order ${quote(String(order['id']))} the ${name} ${shown(order[name])}, this line ${shown(value)}`,
      hint: 'what belongs to the whole order is the same on all its lines, or stands on the first alone',
    });
  }
  return found;
}

function isSame(name: string, left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (AMOUNTS.has(name)) return Number(left) === Number(right);
  return typeof left === 'object' && JSON.stringify(left) === JSON.stringify(right);
}

function shown(value: unknown): string {
  return quote(typeof value === 'string' ? value : JSON.stringify(value));
}
