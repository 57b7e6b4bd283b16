// In charge of the opaque places in lists: what callers hand back as `after`. What a place means is the list's business.
import { AppError } from '../../errors.ts';

/** Cursors of one list are refused by another. */
export type ListName =
  | 'customers'
  | 'orders'
  | 'events'
  | 'segments'
  | 'versions'
  | 'members'
  | 'changes'
  | 'snapshot'
  | 'history'
  | 'runs'
  | 'pins'
  | 'groups'
  | 'group-versions'
  | 'webhooks'
  | 'deliveries'
  | 'keys'
  | 'audit';

/**
 * `integer`: fits Postgres' bigint; `number`: of a version, fits its integer; `instant`: epoch milliseconds of a time that can be stored; `text`:
 * storable as text. A forged cursor must not reach SQL as anything else.
 */
export type PlacePart = 'integer' | 'number' | 'instant' | 'text';

const MAX_BIGINT = 2n ** 63n - 1n;
const MAX_INTEGER = 2n ** 31n - 1n;
const LEAST_INSTANT = BigInt(Date.UTC(1900, 0, 1));
const GREATEST_INSTANT = BigInt(Date.UTC(2201, 0, 1));

export function encodeCursor(list: ListName, place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([list, ...place.map(String)])).toString('base64url');
}

/** The parts that `encodeCursor` was given, as strings; null without a cursor. Throws `invalid_cursor`. */
export function decodeCursor(list: ListName, cursor: string | undefined, shape: readonly PlacePart[]): readonly string[] | null {
  if (cursor === undefined) return null;
  if (list === 'changes' && /^\d+$/.test(cursor)) throw invalidCursor(undefined, A_POSITION);
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch (cause) {
    throw invalidCursor(cause);
  }
  if (!Array.isArray(parts) || parts.length !== shape.length + 1 || parts[0] !== list) throw invalidCursor();
  const place: unknown[] = parts.slice(1);
  if (!shape.every((part, index) => fits(part, place[index]))) throw invalidCursor();
  return place as string[];
}

function fits(part: PlacePart, value: unknown): boolean {
  if (typeof value !== 'string' || !value.isWellFormed() || value.includes('\u0000')) return false;
  if (part === 'text') return true;
  if (!/^-?\d{1,19}$/.test(value)) return false;
  const number = BigInt(value);
  if (part === 'instant') return number >= LEAST_INSTANT && number <= GREATEST_INSTANT;
  const most = part === 'number' ? MAX_INTEGER : MAX_BIGINT;
  return number <= most && number >= -most - 1n;
}

const AS_GIVEN = 'Pass `after` exactly as a former answer of this list gave it in `next`.';
const A_POSITION = 'A position is no cursor: pass `next` of a page, or `id` of an event of the stream, as it came.';

function invalidCursor(cause?: unknown, detail: string = AS_GIVEN): AppError {
  return new AppError('invalid_cursor', detail, {
    errors: [{ parameter: 'after', code: 'invalid_cursor', detail: 'This is not a cursor of this list.' }],
    cause,
  });
}

export interface Page<Item> {
  readonly data: readonly Item[];
  readonly next: string | null;
}

/** For GraphQL, whose connections have a cursor for each row; REST answers only the last. */
const cursors = new WeakMap<readonly unknown[], (index: number) => string>();

/**
 * The answer of a list that was read with one row more than its limit: `next` is null exactly when nothing follows. `isShown`: rows that the
 * caller may not see are left out of their page.
 */
export function page<Row, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  cursorOf: (last: Row) => string,
  isShown: (row: Row) => boolean = () => true,
): Page<Item> {
  return pageOf(rows.slice(0, limit), rows.length > limit, toItem, cursorOf, isShown);
}

/** As `page`, for a list that knows whether more rows follow those it has read. */
export function pageOf<Row, Item>(
  read: readonly Row[],
  hasMore: boolean,
  toItem: (row: Row) => Item,
  cursorOf: (last: Row) => string,
  isShown: (row: Row) => boolean = () => true,
): Page<Item> {
  const shown = read.filter(isShown);
  const last = read.at(-1);
  const answer = { data: shown.map(toItem), next: hasMore && last !== undefined ? cursorOf(last) : null };
  cursors.set(answer.data, (index) => cursorOf(shown[index] as Row));
  return answer;
}

/** The place after the row at that index, for the data of a page that `page` made; undefined: the page comes from elsewhere. */
export function cursorAt(data: readonly unknown[], index: number): string | undefined {
  return cursors.get(data)?.(index);
}
