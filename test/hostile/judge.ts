// In charge of whether an answer is one that the document promises for that route: its status, its code, its form. Every breach is a sentence.
import type { z } from 'zod';
import { type Route, refusalsOf } from '../../src/api/rest/route.ts';
import { ProblemSchema } from '../../src/api/rest/wire.ts';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';
import type { Got } from './send.ts';

const INNER = /node_modules|\/src\/|\bat \w+ \(|select .* from|SQLSTATE|postgres/i;

export interface Expectation {
  readonly method: string;
  /** null: the path is of no route, or of whichever */
  readonly route: Route | null;
  /** nothing is wrong with it */
  readonly isValid: boolean;
  /** it is cut off on the way, or too large: the connection may end first */
  readonly mayClose: boolean;
}

/** undefined: all is well */
export function judge({ method, route, isValid, mayClose }: Expectation, got: Got): string | undefined {
  const { outcome, status, text } = got;
  if (outcome === 'hung') return 'no answer came';
  if (outcome === 'closed') return mayClose && !isValid ? undefined : `the connection was closed without an answer: ${text.slice(0, 200)}`;
  if (isValid && (status < 200 || status >= 300)) return `valid, and refused with ${status}: ${text.slice(0, 600)}`;
  if (status >= 500 && status !== 503) return `${status}: ${text.slice(0, 300)}`;
  if (method === 'HEAD') return undefined; // a status is all there is
  if (status >= 400) return judgeRefusal(route, got);
  if (route === null || status === 304) return undefined;
  return judgeAnswer(route, got);
}

function judgeRefusal(route: Route | null, { status, headers, text }: Got): string | undefined {
  const body = text.includes('\r\n\r\n') && Object.keys(headers).length === 0 ? text.slice(text.indexOf('\r\n\r\n') + 4) : text;
  const problem = ProblemSchema.safeParse(parse(body));
  if (!problem.success) return `${status} is no problem+json: ${text.slice(0, 300)}`;
  const code = problem.data.code as ErrorCode;
  if (ERRORS[code]?.status !== status || problem.data.status !== status) return `${code} was answered with ${status}`;
  if (status >= 500 && INNER.test(body)) return `${status} tells of the inside: ${body.slice(0, 300)}`;
  if (route !== null && !refusalsOf(route).includes(code))
    return `${code} is not in the document for ${route.operationId}: ${body.slice(0, 300)}`;
  return undefined;
}

function judgeAnswer(route: Route, { status, headers, text }: Got): string | undefined {
  const schema: z.ZodType | undefined = route.answers[status];
  if (schema === undefined) return `${status} is not in the document for ${route.operationId}`;
  if (headers['x-request-id'] === undefined) return 'there is no X-Request-Id';
  if (route.media !== undefined) {
    const type = String(headers['content-type']);
    return type.startsWith(route.media) ? undefined : `${type} in place of ${route.media}`;
  }
  const checked = schema.safeParse(parse(text));
  return checked.success ? undefined : `the answer is not of its schema: ${checked.error.message.slice(0, 500)} in ${text.slice(0, 300)}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
