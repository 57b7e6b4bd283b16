// In charge of the opaque places in lists: what callers hand back as `after`. What a place means is the list's own business.
import { AppError } from '../../errors.ts';

/** Cursors of one list are refused by another. */
export type ListName = 'customers' | 'orders' | 'events' | 'segments' | 'versions' | 'members' | 'changes' | 'runs';

export function encodeCursor(list: ListName, place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([list, ...place])).toString('base64url');
}

/** The parts that `encodeCursor` was given, as strings. */
export function decodeCursor(list: ListName, cursor: string | undefined): readonly string[] | null {
  if (cursor === undefined) return null;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    throw invalidCursor();
  }
  if (!Array.isArray(parts) || parts[0] !== list || !parts.every((part) => typeof part === 'string' || typeof part === 'number'))
    throw invalidCursor();
  return parts.slice(1).map(String);
}

export function invalidCursor(): AppError {
  return new AppError('invalid_cursor', 'Pass `after` exactly as a former answer of this list gave it in `next`.', {
    errors: [{ parameter: 'after', code: 'invalid_cursor', detail: 'This is not a cursor of this list.' }],
  });
}
