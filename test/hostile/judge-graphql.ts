// In charge of whether an answer of GraphQL is one that the document promises: its form, its status, and the codes of its errors.
import { z } from 'zod';
import { refusalsOf } from '../../src/api/rest/route.ts';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';
import { ROUTE_OF } from './drafts.ts';
import type { Got } from './send.ts';

const FormattedError = z.looseObject({
  message: z.string(),
  extensions: z.looseObject({ code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]) }),
});
const Result = z.strictObject({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z.array(FormattedError).min(1).optional(),
  extensions: z.unknown().optional(),
});

/** Of a document, before or beside its fields. */
const OF_DOCUMENTS: readonly ErrorCode[] = [
  'invalid_request',
  'invalid_json',
  'invalid_encoding',
  'query_too_complex',
  'method_not_allowed',
  'not_acceptable',
  'unsupported_media_type',
  'body_too_large',
  'token_unknown',
  'invalid_cursor',
  'not_found',
];

/** undefined: all is well */
export function judgeGraphql(field: string, isMutation: boolean, isValid: boolean, { outcome, status, text }: Got): string | undefined {
  if (outcome !== 'answered') return `no answer: ${outcome} ${text.slice(0, 200)}`;
  if (status >= 500 && status !== 503) return `${status}: ${text.slice(0, 300)}`;
  const checked = Result.safeParse(parse(text));
  if (!checked.success) return `${status}, and no result of GraphQL: ${checked.error.message.slice(0, 300)} in ${text.slice(0, 500)}`;
  const { data, errors = [] } = checked.data;
  if (isValid && errors[0]?.extensions.code === 'query_too_complex') return undefined; // right, and too much at once
  if (isValid && (status !== 200 || errors.length > 0 || data == null))
    return `valid, and refused with ${status}: ${JSON.stringify(errors).slice(0, 300)} ${text.slice(0, 300)}`;
  const codes = errors.map((error) => error.extensions.code);
  if (codes.includes('internal_error')) return `internal_error: ${text.slice(0, 500)}`;
  const route = isMutation ? ROUTE_OF.get(field) : undefined;
  if (route === undefined) return undefined;
  const known = new Set<ErrorCode>([...refusalsOf(route), ...OF_DOCUMENTS]);
  const strange = codes.find((code) => !known.has(code));
  return strange === undefined ? undefined : `${strange} is not in the document for ${field}: ${text.slice(0, 300)}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
