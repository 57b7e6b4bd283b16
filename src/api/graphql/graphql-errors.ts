// In charge of the single form of errors in GraphQL: what went wrong, with its code in `extensions`, and nothing about the inside. The codes are
// in the table in errors.ts.

import type { FastifyBaseLogger } from 'fastify';
import type { GraphQLError, GraphQLFormattedError } from 'graphql';
import { AppError } from '../../errors.ts';
import { logFailure } from '../rest/log-failure.ts';
import { explainError } from '../rest/problem.ts';

/** The contents of `extensions`, besides what some codes add. */
export function refusalExtensions({ code, errors, extensions }: AppError): Readonly<Record<string, unknown>> {
  return { code, ...(errors.length > 0 ? { errors } : {}), ...extensions };
}

/** For an error that comes before anything runs; a mistake in the document is the caller's. */
export function requestErrors(
  error: unknown,
  log: FastifyBaseLogger,
): { readonly refusal: AppError; readonly errors: readonly GraphQLFormattedError[] } {
  const mistakes = mistakesOf(error);
  if (mistakes.length > 0) {
    const refusal = new AppError('invalid_request', mistakes[0]?.message ?? 'The document is not valid.');
    return {
      refusal,
      errors: mistakes.map((mistake) => ({ ...placeOf(mistake), message: mistake.message, extensions: { code: refusal.code } })),
    };
  }
  const refusal = explain(error, log);
  return { refusal, errors: [{ message: refusal.message, extensions: refusalExtensions(refusal) }] };
}

/** mercurius, the parser and the compiled executor have their own forms for what is wrong with a document or its variables. */
function mistakesOf(error: unknown): readonly GraphQLError[] {
  if (isMistake(error)) return [error];
  if (typeof error !== 'object' || error === null || error instanceof AppError || !('errors' in error)) return [];
  const { errors } = error;
  return Array.isArray(errors) && errors.every(isMistake) ? errors : [];
}

/** Not recognised by its class: the compiled executor has another one. */
function isMistake(error: unknown): error is GraphQLError {
  return error instanceof Error && 'locations' in error && 'originalError' in error && !(error.originalError instanceof AppError);
}

/** For an error of a field that ran. */
export function fieldError(error: GraphQLError, log: FastifyBaseLogger): GraphQLFormattedError {
  const refusal = explain(originalOf(error), log);
  return { message: refusal.message, ...placeOf(error), extensions: refusalExtensions(refusal) };
}

function explain(error: unknown, log: FastifyBaseLogger): AppError {
  const { refusal, failure } = explainError(error);
  if (failure) logFailure(log, refusal.cause ?? refusal, {}, refusal.code);
  return refusal;
}

/** What a resolver threw, unwrapped. */
export function originalOf(error: unknown): unknown {
  const isWrapped = error instanceof Error && 'originalError' in error && error.originalError instanceof Error;
  return isWrapped ? originalOf(error.originalError) : error;
}

function placeOf({ locations, path }: GraphQLError): Pick<GraphQLFormattedError, 'locations' | 'path'> {
  return { ...(locations === undefined ? {} : { locations }), ...(path === undefined ? {} : { path }) };
}
