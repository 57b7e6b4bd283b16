// In charge of the single form of every refusal and failure: RFC 9457 problem+json. The errors are listed in errors.ts; what counts as an outage
// of the database is outage.ts. Nothing internal is shown to callers.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, ERRORS, type ErrorCode, type ErrorDetail, type ErrorExtensions } from '../../errors.ts';
import { logFailure } from './log-failure.ts';
import { describeOutage, isOutage } from './outage.ts';

export const PROBLEM_TYPE = 'application/problem+json';

export interface Problem extends ErrorExtensions {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly instance: string;
  readonly errors?: readonly ErrorDetail[];
}

/** `instance` is the request's id, the same as in the logs. */
export function problem(
  code: ErrorCode,
  detail: string,
  requestId: string,
  errors: readonly ErrorDetail[] = [],
  extensions: ErrorExtensions = {},
): Problem {
  const { status, title } = ERRORS[code];
  const type = `urn:strata:error:${code}`;
  const instance = `urn:strata:request:${requestId}`;
  return { type, title, status, detail, code, instance, ...(errors.length > 0 ? { errors } : {}), ...extensions };
}

/** Fastify's own refusals, by their code. A 4xx that is not listed is `invalid_request`. */
const FASTIFY_REFUSALS: Readonly<Record<string, readonly [code: ErrorCode, detail: string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [
    'body_too_large',
    'The body is larger than this service takes in one request; send it as an import or in parts.',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported_media_type',
    'This content type is not taken here. Send JSON with the header `Content-Type: application/json`; imports take `text/csv` and `application/x-ndjson`.',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The body is not as long as Content-Length says.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid_json', 'The body is not valid JSON.'],
  FST_ERR_BAD_URL: ['invalid_request', 'The path is not correctly percent-encoded UTF-8.'],
  FST_ERR_MAX_PARAM_LENGTH: ['invalid_request', 'A part of the path is too long.'],
};

/** What the caller is told about any error; `failure` is for the log, if somebody must act. */
export function explainError(error: unknown): { readonly refusal: AppError; readonly failure: boolean } {
  if (error instanceof AppError) return { refusal: error, failure: error.status === 500 };
  const code = codeOf(error);
  const known = FASTIFY_REFUSALS[code];
  if (known !== undefined) return { refusal: new AppError(known[0], known[1], { cause: error }), failure: false };
  if (code.startsWith('FST_') && isRefusalStatus(error)) {
    return { refusal: new AppError('invalid_request', 'The request cannot be read.', { cause: error }), failure: false };
  }
  if (isOutage(error)) {
    return { refusal: new AppError('unavailable', describeOutage(error), { cause: error }), failure: true };
  }
  return { refusal: new AppError('internal_error', 'An unexpected error; its request id is in the log.', { cause: error }), failure: true };
}

export function handleError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { refusal, failure } = explainError(error);
  const about = { method: request.method, route: request.routeOptions.url };
  if (failure) logFailure(request.log, refusal.cause ?? refusal, about, refusal.code);
  else request.log.debug({ code: refusal.code, ...about }, 'refused'); // not `detail`, which repeats the input
  sendProblem(reply, refusal);
}

/**
 * An upload without permission, or to an unknown path, is not read on. One whose columns or options do not fit is: its sender, often still
 * writing, would otherwise find the connection closed, and never see the answer that says what to correct.
 */
const REFUSED_BY_HEAD: ReadonlySet<number> = new Set([403, 404, 405, 415, 429]);

function sendProblem(reply: FastifyReply, refusal: AppError): void {
  const { id } = reply.request;
  if (refusal.retryAfterS !== null || refusal.status === 503) reply.header('retry-after', String(refusal.retryAfterS ?? 1));
  if (refusal.code === 'unauthenticated')
    reply.header('www-authenticate', 'Bearer realm="strata"').header('connection', 'close'); // nothing more is read from a stranger
  else if (REFUSED_BY_HEAD.has(refusal.status) && isStillComing(reply)) reply.header('connection', 'close');
  reply
    .code(refusal.status)
    .header('x-request-id', id)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problem(refusal.code, refusal.message, id, refusal.errors, refusal.extensions)));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function isRefusalStatus(error: unknown): boolean {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500;
}

/** The body of the request has not come to its end. */
export function isStillComing({ request }: FastifyReply): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  return !request.raw.complete && (coding !== undefined || (length !== undefined && length !== '0'));
}
