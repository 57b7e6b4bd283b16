// In charge of the caller of a request, once proven, and of what it may do. Not of how it was proven (authenticate.ts).
import { AppError } from '../errors.ts';
import type { Scope } from './scopes.ts';

/** By what it was proven: the key of the configuration, a key of the table, or a signed token for one customer or for one reader of the feed. */
export type Bearer = 'admin' | 'key' | 'customer' | 'stream' | 'nobody';

export interface Caller {
  /** who did it, in versions, pins, changes and the audit */
  readonly actor: string;
  readonly bearer: Bearer;
  /** limits and idempotency keys go by it: a key keeps it when it is rotated */
  readonly identity: string;
  /** none for a token: it may use the routes that say so (`tokens`) */
  readonly scopes: ReadonlySet<Scope>;
  /** keys of the only segments it may access; null: all */
  readonly segments: ReadonlySet<string> | null;
  /** the only customer it may access, for a customer token; null: all */
  readonly customerId: string | null;
  /** epoch milliseconds; null: never */
  readonly expiresAtMs: number | null;
  /** this caller's own limit; null: as configured */
  readonly requestsPerSecond: number | null;
}

const EVERYTHING = { segments: null, customerId: null, expiresAtMs: null, requestsPerSecond: null } as const;

/** The bearer of the key that the service was started with. */
export const ADMIN: Caller = { ...EVERYTHING, actor: 'admin', bearer: 'admin', identity: 'admin', scopes: new Set<Scope>(['admin']) };

/** A caller without credentials: it may do only what is public. */
export const NOBODY: Caller = { ...EVERYTHING, actor: 'nobody', bearer: 'nobody', identity: 'nobody', scopes: new Set<Scope>() };

export function allows(caller: Caller, scope: Scope): boolean {
  return caller.scopes.has(scope) || caller.scopes.has('admin');
}

/** Throws `forbidden`, naming the missing scope; of several, any one is enough. */
export function requireScope(caller: Caller, ...anyOf: readonly Scope[]): void {
  if (anyOf.some((scope) => allows(caller, scope))) return;
  if (isToken(caller)) throw new AppError('forbidden', `A ${caller.bearer} token is not for this; a key with a scope is.`);
  throw new AppError('forbidden', `This key lacks the scope ${anyOf.map((scope) => `\`${scope}\``).join(' or ')}.`);
}

export function isToken({ bearer }: Caller): boolean {
  return bearer === 'customer' || bearer === 'stream';
}

/** Throws `forbidden` for the bearer of a token of another customer. */
export function requireCustomer(caller: Caller, customerId: string | undefined): void {
  if (caller.customerId === null || caller.customerId === customerId) return;
  throw new AppError('forbidden', `This token is customer “${caller.customerId}”’s: it reads nobody else.`);
}

// ---------------------------------------------------------------- restriction to named segments

export function allowsSegment({ segments }: Caller, key: string): boolean {
  return segments === null || segments.has(key);
}

/** Throws `forbidden`, whether or not there are such segments: checked before they are looked up, so it reveals nothing. */
export function requireSegments(caller: Caller, keys: Iterable<string>): void {
  for (const key of keys) {
    if (!allowsSegment(caller, key))
      throw new AppError('forbidden', `This ${isToken(caller) ? 'token' : 'key'} is for named segments, and “${key}” is none of them.`);
  }
}

/** Throws `forbidden` for what concerns segments that the request does not name: only a key for all segments may do it. */
export function requireAllSegments(caller: Caller, what: string): void {
  if (caller.segments === null) return;
  throw new AppError('forbidden', `This key is for named segments: ${what} needs one for all.`);
}

export function onlyAllowed<Item>(caller: Caller, items: readonly Item[], keyOf: (item: Item) => string): readonly Item[] {
  return caller.segments === null ? items : items.filter((item) => allowsSegment(caller, keyOf(item)));
}
