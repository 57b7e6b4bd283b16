// In charge of who calls: what a request has proven to be, and what it may. Not of how it was proven (api/rest/authenticate.ts).
import { AppError } from '../errors.ts';
import type { Scope } from './scopes.ts';

export interface Caller {
  /** stands in versions, pins, changes and the audit as who did it */
  readonly actor: string;
  readonly scopes: ReadonlySet<Scope>;
  /** keys of the only segments that may be asked about; null: all */
  readonly segments: ReadonlySet<string> | null;
  /** the only customer that may be asked about: the bearer of a customer token; null: all */
  readonly customerId: string | null;
}

/** The bearer of the key that the service was started with. */
export const ADMIN: Caller = { actor: 'admin', scopes: new Set<Scope>(['admin']), segments: null, customerId: null };

/** Who has shown nothing: what is public is for everybody, and nothing else is. */
export const NOBODY: Caller = { actor: 'nobody', scopes: new Set<Scope>(), segments: null, customerId: null };

export function allows(caller: Caller, scope: Scope): boolean {
  return caller.scopes.has(scope) || caller.scopes.has('admin');
}

/** Throws `forbidden`, naming the scope that lacks; of several any one is enough. */
export function requireScope(caller: Caller, ...anyOf: readonly Scope[]): void {
  if (anyOf.some((scope) => allows(caller, scope))) return;
  if (caller.customerId !== null) throw new AppError('forbidden', 'A customer token reads the segments of its customer, and nothing else.');
  throw new AppError('forbidden', `This key lacks the scope ${anyOf.map((scope) => `\`${scope}\``).join(' or ')}.`);
}

/** Throws `forbidden` for the bearer of a token of another customer. */
export function requireCustomer(caller: Caller, customerId: string | undefined): void {
  if (caller.customerId === null || caller.customerId === customerId) return;
  throw new AppError('forbidden', 'This token is of another customer.');
}
