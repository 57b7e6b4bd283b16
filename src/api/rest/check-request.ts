// In charge of checking a request against its route's schemas: everything that is wrong with path, query and body is reported at once.
import { z } from 'zod';
import { NearNames } from '../../base/nearest-name.ts';
import { AppError, ERRORS_MAX, type ErrorDetail } from '../../errors.ts';
import { UnusableJson } from '../../ingest/problem.ts';
import { requireWellFormed } from './query-string.ts';
import type { Route } from './route.ts';
import { sayIssue } from './say-issue.ts';

const NOTHING = z.strictObject({});
const FRESH = { fresh: z.string().optional() };
const ACCESS_TOKEN = { access_token: z.string().optional() };

interface CheckedRequest {
  readonly params: unknown;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export type CheckRequest = (request: { params: unknown; query: unknown; body?: unknown }) => CheckedRequest;

/** Throws `invalid_fields` if only the body is wrong, otherwise `invalid_request`; never stops at the first mistake. */
export function requestChecker(route: Route): CheckRequest {
  const params = route.params ?? NOTHING;
  const query = (route.query ?? NOTHING).extend({
    ...(route.fresh === undefined ? {} : FRESH),
    ...(route.tokens === undefined ? {} : ACCESS_TOKEN),
  });
  const body = route.body?.kind === 'schema' ? route.body.schema : undefined;
  const isOptional = route.body?.kind === 'schema' && route.body.optional === true;
  const hintAt = hintAtMisplaced(query, route);
  return (request) => {
    requireWellFormed(request.query as object);
    const found: Found = { errors: [], mistakes: 0, near: new NearNames() };
    const checkedParams = check(params, request.params, found, asParameter);
    found.errors = found.errors.map(hintAtEmpty(request.params));
    const checked = {
      params: checkedParams,
      query: check(query, { ...(request.query as object) }, found, asParameter) as Record<string, unknown>,
      body: body === undefined || (isOptional && request.body === undefined) ? request.body : checkBody(body, request.body, found),
    };
    const { errors, mistakes } = found;
    if (errors.length === 0) return checked;
    const inUrl = errors.some((error) => error.parameter !== undefined);
    throw new AppError(inUrl ? 'invalid_request' : 'invalid_fields', summaryOf(errors, mistakes), { errors: errors.map(hintAt) });
  };
}

/** What is wrong with one request, listed as far as one answer lists it. */
interface Found {
  errors: ErrorDetail[];
  /** listed or not */
  mistakes: number;
  readonly near: NearNames;
}

/** One sentence for people who read only `detail`. `mistakes`: how many there are, listed or not. */
export function summaryOf(errors: readonly ErrorDetail[], mistakes = errors.length): string {
  const [first] = errors;
  if (first === undefined) return 'Nothing is wrong.';
  const place = first.parameter ?? first.pointer ?? (first.line === undefined ? '' : `line ${first.line}`);
  const listed = Math.min(errors.length, ERRORS_MAX);
  const more = listed === 1 ? '' : ` (${listed - 1} more in \`errors\`.)`;
  const cut = mistakes > listed ? ` Only the first ${listed} of ${mistakes} mistakes are listed.` : '';
  return `${place === '' ? '' : `${place}: `}${first.detail}${more}${cut}`;
}

/** As of `/v1/segments/`, whose key is empty. */
function hintAtEmpty(params: unknown) {
  return (error: ErrorDetail): ErrorDetail => {
    const isEmpty = (params as Readonly<Record<string, unknown>>)[error.parameter ?? ''] === '';
    return isEmpty ? { ...error, hint: 'It is empty in this path; the list has no slash at its end.' } : error;
  };
}

/** What was put into the body and belongs elsewhere: a parameter of the URL, or another call. */
function hintAtMisplaced(query: z.ZodObject, { elsewhere = {} }: Route) {
  const hints = new Map<string, string>([
    ...Object.keys(query.shape).map((name) => [`/${name}`, inUrlHint(name)] as const),
    ...Object.entries(elsewhere).map(([name, hint]) => [`/${name}`, hint] as const),
  ]);
  return (error: ErrorDetail): ErrorDetail => {
    const hint = error.code === 'unknown_field' ? hints.get(error.pointer ?? '') : undefined;
    return hint === undefined ? error : { ...error, hint };
  };
}

export function inUrlHint(name: string): string {
  return `It is a parameter of the URL: \`?${name}=…\`.`;
}

type Placed = Pick<ErrorDetail, 'pointer' | 'parameter'>;
type Place = (path: readonly PropertyKey[]) => Placed;

function check(schema: z.ZodType, value: unknown, found: Found, place: Place): unknown {
  const outcome = schema.safeParse(value, { reportInput: true });
  if (outcome.success) return outcome.data;
  for (const issue of outcome.error.issues) {
    if (issue.code === 'unrecognized_keys') addUnknown(issue, schema, found, place);
    else add(found, () => detailOf(issue, place));
  }
  return undefined;
}

/** What is not listed is not made either: a body can be wrong in millions of places. */
function add(found: Found, make: () => ErrorDetail): void {
  found.mistakes += 1;
  if (found.errors.length < ERRORS_MAX) found.errors.push(make());
}

function checkBody(schema: z.ZodType, body: unknown, found: Found): unknown {
  const before = found.mistakes;
  addUnusable(body, [], found);
  return found.mistakes > before ? undefined : check(schema, body, found, asPointer);
}

/** What the JSON parser left in place of values that JavaScript would have changed silently. The parser bounds the depth. */
function addUnusable(value: unknown, path: PropertyKey[], found: Found): void {
  if (value instanceof UnusableJson) {
    const { code, detail, hint } = value;
    add(found, () => ({ ...asPointer(path), code, detail, ...(hint === undefined ? {} : { hint }) }));
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const addInner = (inner: unknown, name: PropertyKey) => {
    if (typeof inner !== 'object') return;
    path.push(name);
    addUnusable(inner, path, found);
    path.pop();
  };
  if (Array.isArray(value)) value.forEach(addInner);
  else for (const name of Object.keys(value)) addInner((value as Readonly<Record<string, unknown>>)[name], name);
}

function asParameter(path: readonly PropertyKey[]): Placed {
  return { parameter: path.map(String).join('.') };
}

function asPointer(path: readonly PropertyKey[]): Placed {
  return { pointer: path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('') };
}

function addUnknown({ keys, path }: z.core.$ZodIssueUnrecognizedKeys, schema: z.ZodType, found: Found, place: Place): void {
  const known = fieldsAt(schema, path);
  const noun = place === asParameter ? 'parameter' : 'field';
  const others = known.length > 0 ? `Known here: ${known.join(', ')}.` : 'Nothing is taken here.';
  for (const key of keys) {
    add(found, () => {
      const nearest = found.near.find(key, known);
      return {
        ...place([...path, key]),
        code: `unknown_${noun}`,
        detail: `There is no ${noun} \`${key.slice(0, 100)}\` here.`,
        hint: nearest === undefined ? others : `Did you mean \`${nearest}\`?`,
      };
    });
  }
}

function detailOf(issue: z.core.$ZodIssue, place: Place): ErrorDetail {
  if (issue.code === 'invalid_type' && issue.input === undefined) {
    return { ...place(issue.path), code: 'missing_field', detail: 'This is needed.' };
  }
  if (issue.code === 'invalid_value' && issue.input === undefined) {
    return { ...place(issue.path), code: 'missing_field', detail: sayIssue(issue).replace(/^This is/, 'This is needed:') };
  }
  return { ...place(issue.path), code: issue.code === 'invalid_type' ? 'type_mismatch' : 'invalid_value', detail: sayIssue(issue) };
}

/** The names that an object may have at that place of the schema; empty if the schema does not say. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let here: unknown = schema;
  for (const part of path) {
    const inner = unwrap(here);
    if (inner instanceof z.ZodObject) here = inner.shape[String(part)];
    else if (inner instanceof z.ZodArray) here = inner.element;
    else return [];
  }
  const inner = unwrap(here);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function unwrap(schema: unknown): unknown {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault
    ? unwrap(schema.unwrap())
    : schema;
}
