// The metrics: who may read them, that they show what happened, and that docs/operations.md names each of them and no other.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildApp } from '../../src/app.ts';
import { TestClock } from '../../src/base/clock.ts';
import { createMeters } from '../../src/base/meters.ts';
import { ADMIN_KEY, type Service, startService } from '../api/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService({ background: false });
});
afterAll(() => service.close());

/** One metric's lines, without help and type. */
function linesOf(text: string, name: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(name) && !/^\w/.test(line.slice(name.length)));
}

test('the scope metrics opens them', async () => {
  const { body } = await service.call('POST', '/v1/keys', { name: 'prometheus', scopes: ['metrics'] });
  const authorization = `Bearer ${body.secret}`;
  expect((await service.call('GET', '/metrics', undefined, { authorization })).status).toBe(200);
  expect((await service.call('GET', '/v1/segments', undefined, { authorization })).status).toBe(403);
  const other = await service.call('POST', '/v1/keys', { name: 'reader', scopes: ['segments:read'] });
  expect((await service.call('GET', '/metrics', undefined, { authorization: `Bearer ${other.body.secret}` })).status).toBe(403);
  expect((await service.app.inject({ url: '/metrics' })).statusCode).toBe(401);
});

test('METRICS_PUBLIC opens them to everybody', async () => {
  const app = await buildApp({ strata: service.strata, adminKey: ADMIN_KEY, metricsPublic: true });
  try {
    expect((await app.inject({ url: '/metrics' })).statusCode).toBe(200);
    expect((await app.inject({ url: '/v1/segments' })).statusCode).toBe(401);
  } finally {
    await app.close();
  }
});

test('requests count by route and status', async () => {
  await service.call('GET', '/v1/customers/nobody-there');
  await service.call('GET', '/v1/nothing/such');
  const { text, headers } = await service.call('GET', '/metrics');
  expect(headers['content-type']).toMatch(/^text\/plain/);
  expect(text).toContain('strata_http_requests_total{method="GET",route="/v1/customers/:customerId",status="404"} 1');
  expect(text).toContain('strata_http_requests_total{method="GET",route="none",status="404"} 1');
  expect(text).not.toContain('nobody-there');
  expect(text).toMatch(/strata_http_request_seconds_count\{method="GET",route="\/v1\/customers\/:customerId"\} 1/);
});

test('what waits in the database shows', async () => {
  await service.call('POST', '/v1/segments', { key: 'all', name: 'All', kind: 'rule', rule: 'everyone', publish: true });
  await service.call('PUT', '/v1/customers/ann', {});
  const { text } = await service.call('GET', '/metrics');
  expect(linesOf(text, 'strata_database_up')).toEqual(['strata_database_up 1']);
  expect(linesOf(text, 'strata_feed_waiting_changes')).toEqual(['strata_feed_waiting_changes 1']);
  expect(linesOf(text, 'strata_segments')).toContain('strata_segments{status="building"} 1');
  expect(linesOf(text, 'strata_runs_open')).toContain('strata_runs_open{status="queued"} 1');
  expect(text).toMatch(/strata_evaluation_seconds_count\{of="customers"\} [1-9]/);
  expect(text).toMatch(/strata_self_check_mismatches_total\{kind="member"\} 0/);
});

test('every metric stands in the documentation', () => {
  const page = fs.readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'operations.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `(strata_\w+)/gm)].map((match) => match[1]);
  const meters = createMeters({ mismatches: [] });
  const names = [meters.registry, meters.vitals.registry].flatMap((registry) => registry.getMetricsAsArray().map(({ name }) => name));
  expect(documented.sort()).toEqual(names.sort());
});

test('every alert asks for metrics there are', () => {
  const page = fs.readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'operations.md'), 'utf8');
  const asked = [...page.matchAll(/^ +expr: (.*)$/gm)].flatMap((match) => match[1]?.match(/strata_\w+/g) ?? []);
  const meters = createMeters({ mismatches: [] });
  const names = [meters.registry, meters.vitals.registry].flatMap((registry) => registry.getMetricsAsArray().map(({ name }) => name));
  expect(asked.length).toBeGreaterThan(5);
  for (const name of asked) expect(names).toContain(name.replace(/_(bucket|count|sum)$/, ''));
});

test('what the self-check mends is counted and logged', async () => {
  const lines: string[] = [];
  const clock = new TestClock(Date.parse('2026-06-15T12:00:00Z'));
  const checked = await startService({ clock, background: true, log: (line) => lines.push(line) });
  try {
    await checked.call('POST', '/v1/segments', { key: 'all', name: 'All', kind: 'rule', rule: 'everyone', publish: true });
    const pump = (isThere: () => Promise<boolean> | boolean) =>
      vi.waitUntil(
        () => {
          clock.advance(1000);
          return isThere();
        },
        { timeout: 60_000, interval: 5 },
      );
    await pump(async () => (await checked.call('GET', '/v1/segments/all')).body.status === 'active');
    await checked.call('PUT', '/v1/customers/ann', {});
    await checked.strata.database.query({ text: 'delete from memberships' });
    const ofMember = () => lines.filter((line) => line.includes('self-check') && line.includes('"kind":"member"'));
    await pump(() => ofMember().length > 0);
    const [line = '{}'] = ofMember();
    expect(JSON.parse(line)).toMatchObject({ level: 50, kind: 'member', customerId: 'ann', segment: 'all' });
    const { text } = await checked.call('GET', '/metrics');
    expect(text).toContain('strata_self_check_mismatches_total{kind="member"} 1');
    const { body } = await checked.call('GET', '/v1/customers/ann/segments');
    expect(body.segments).toMatchObject([{ key: 'all' }]);
  } finally {
    await checked.close();
  }
});
