// docs/rules.md, checked against what there is: every example is a valid rule, and every field of the catalog is listed.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { built, type Service, startService } from '../api/service.ts';

const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'rules.md'), 'utf8');
const rules = [...page.matchAll(/```rule\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trim().split('\n'));

let service: Service;

beforeAll(async () => {
  service = await startService();
  for (const [name, type] of [
    ['loyalty_tier', 'string'],
    ['shoe-size', 'number'],
    ['renewal', 'date'],
  ] as const)
    expect((await service.call('PUT', `/v1/attributes/${name}`, { type })).status).toBe(200);
  await service.call('PUT', '/v1/customers/ada', { consent: { email: true } });
  const viewed = { name: 'page_view', customerId: 'ada', properties: { path: '/sale/lamps' } };
  await service.call('POST', '/v1/events', { data: [viewed, { name: 'cart_abandoned', customerId: 'ada' }] });
  for (const key of ['vip', 'suppressed']) {
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'manual', publish: true });
    await built(service, key);
  }
});

afterAll(() => service?.close());

test('every example is a rule', async () => {
  expect(rules.length).toBeGreaterThan(20);
  for (const rule of rules) {
    const { body } = await service.call('POST', '/v1/rules/check', { rule });
    expect([rule, body.errors, body.warnings]).toEqual([rule, undefined, []]);
  }
});

test('every field of the catalog stands there', async () => {
  const { body } = await service.call('GET', '/v1/catalog');
  const paths = (body.data as { scope: string; path: string; kind: string }[])
    .filter(({ kind }) => kind === 'field')
    .map((field) => field.path);
  expect(paths.length).toBeGreaterThan(25);
  expect(paths.filter((field) => !page.includes(`\`${field}\``))).toEqual([]);
});
