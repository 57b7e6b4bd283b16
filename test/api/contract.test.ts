// The document and the code, checked against each other both ways: errors, routes, the committed openapi.yaml.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PROBLEM_TYPE } from '../../src/api/rest/problem.ts';
import { refusalsOf } from '../../src/api/rest/route.ts';
import { apiDocument, ROUTES } from '../../src/api/rest/routes.ts';
import { isOpenapiCurrent } from '../../src/cli/openapi.ts';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';

/** Of features that are still to come; each code leaves this list with the first route that answers it. */
const NOT_YET_ANSWERED: readonly ErrorCode[] = [];
/** Answered by no route in particular, or by GraphQL only. */
const EVERYWHERE: readonly ErrorCode[] = ['method_not_allowed', 'not_acceptable', 'query_too_complex'];

interface Operation {
  readonly summary?: string;
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Readonly<Record<string, unknown>> }>>;
}

const operations = Object.values(apiDocument()['paths'] as Record<string, Record<string, Operation>>).flatMap((methods) =>
  Object.values(methods),
);

test('the committed document is current', async () => {
  expect(await isOpenapiCurrent()).toBe(true);
});

test('every error code is documented by a route', () => {
  const documented = new Set(ROUTES.flatMap(refusalsOf));
  const missing = Object.keys(ERRORS).filter((code) => !documented.has(code as ErrorCode));
  expect(missing.sort()).toEqual([...NOT_YET_ANSWERED, ...EVERYWHERE].sort());
});

test('documented codes have the statuses of the table', () => {
  const problems = operations.flatMap(({ responses }) =>
    Object.entries(responses).filter(([, response]) => response.content?.[PROBLEM_TYPE] !== undefined),
  );
  expect(problems.length).toBeGreaterThan(operations.length); // each refuses who shows no key, and more
  for (const [status, { description }] of problems) {
    const codes = [...description.matchAll(/`([a-z_]+)`/g)].map((match) => match[1] as ErrorCode);
    expect(codes.length).toBeGreaterThan(0);
    for (const code of codes) expect([code, ERRORS[code]?.status]).toEqual([code, Number(status)]);
  }
});

test('no code of the table is unused', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'errors.ts')
    .map((file) => readFileSync(path.join('src', file), 'utf8'))
    .join('\n');
  const unused = Object.keys(ERRORS).filter((code) => !sources.includes(`'${code}'`));
  expect(unused.sort()).toEqual([...NOT_YET_ANSWERED].sort());
});

test('every route describes itself', () => {
  const ids = ROUTES.map((route) => route.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const route of ROUTES)
    expect([route.path, route.summary.length > 0, Object.keys(route.answers).length > 0]).toEqual([route.path, true, true]);
});
