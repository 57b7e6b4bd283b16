// The reference page: complete, and unable to load or run anything.
import { hash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiDocument, ROUTES } from '../../src/api/rest/routes.ts';
import { ERRORS } from '../../src/errors.ts';
import { type Answer, type Service, startService } from './service.ts';

let service: Service;
let page: Answer;

beforeAll(async () => {
  service = await startService({ background: false });
  page = await service.call('GET', '/docs', undefined, { authorization: '' });
});
afterAll(() => service.close());

const matches = (pattern: RegExp) => [...page.text.matchAll(pattern)].map((match) => match[1] ?? '');

test('everybody may read it', () => {
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
});

test('it shows every operation, schema and error', () => {
  const ids = matches(/ id="([^"]+)"/g);
  const { schemas } = apiDocument()['components'] as { schemas: object };
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining(ROUTES.map(({ operationId }) => operationId)));
  expect(ids).toEqual(expect.arrayContaining(Object.keys(schemas).map((name) => `schema-${name}`)));
  expect(ids).toEqual(expect.arrayContaining(Object.keys(ERRORS).map((code) => `error-${code}`)));
});

test('every link leads somewhere', () => {
  const ids = new Set(matches(/ id="([^"]+)"/g));
  const links = new Set(matches(/ href="([^"]+)"/g));
  expect([...links].filter((link) => !(link.startsWith('#') && ids.has(link.slice(1))))).toEqual(['/openapi.json']);
});

test('it loads and runs nothing', () => {
  expect(page.text).not.toMatch(/<(?:script|img|link|iframe|object|base|form)\b|\son\w+=|\sstyle=|@import|url\(/i);
  const style = /<style>([\s\S]*)<\/style>/.exec(page.text)?.[1] ?? '';
  const policy = String(page.headers['content-security-policy']).split('; ');
  expect(policy).toContain(`style-src 'sha256-${hash('sha256', style, 'base64')}'`);
  expect(policy).toEqual(expect.arrayContaining([`default-src 'none'`, `base-uri 'none'`, `frame-ancestors 'none'`]));
});

test('requests are shown as curl sends them', () => {
  expect(page.text).not.toMatch(/undefined|\[object/);
  expect(page.text).toContain('curl -X PUT &#34;$URL/v1/orders/1001&#34;');
});
