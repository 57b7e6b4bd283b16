// In charge of recording in the audit fields that were refused while their operation ran. Those that stand for a route are recorded under its
// name, as by REST, at the moment they are refused, since an answer need not contain all of them; the others are recorded from the answer. What
// is refused before anything runs is recorded where it is refused.
import type { GraphQLError } from 'graphql';
import { recordRefusal } from '../rest/record-call.ts';
import type { Route } from '../rest/route.ts';
import type { GraphqlContext } from './context.ts';
import { originalOf } from './graphql-errors.ts';

const told = new WeakSet<object>();

/** The error came from the route. */
export function recordRefusedRoute({ routes, caller, http }: GraphqlContext, { operationId }: Route, error: unknown): void {
  if (typeof error === 'object' && error !== null) told.add(error);
  recordRefusal(routes.strata, caller, http.request, operationId, error);
}

export function recordRefusedFields({ routes, caller, http }: GraphqlContext, errors: readonly GraphQLError[] = []): void {
  for (const error of errors.map(originalOf)) {
    const isTold = typeof error === 'object' && error !== null && told.has(error);
    if (!isTold) recordRefusal(routes.strata, caller, http.request, 'graphql', error);
  }
}
