// Bodies that are wrong in more places than an answer can list: each is refused with a bounded list that says how long it would be, and names
// are compared with the known ones only so often.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ERRORS_MAX } from '../../src/errors.ts';
import { type Service, startService } from './service.ts';

/** More than a call takes as arguments. */
const MANY = 200_000;
/** How often a name is compared with the known ones. */
const NEAR_NAMES = 100;

let service: Service;

beforeAll(async () => {
  service = await startService({ background: false });
});
afterAll(() => service.close());

const named = (count: number, prefix: string) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, 0]));

test.each<[title: string, method: string, path: string, body: unknown, mistakes: number]>([
  ['a token', 'POST', '/v1/customer-tokens', { customerId: 'a', minutes: 5, ...named(MANY, 'a') }, MANY],
  ['a customer', 'PUT', '/v1/customers/a', named(MANY, 'a'), MANY],
  ['an order', 'PUT', '/v1/orders/a', { customerId: 'a', ...named(MANY, 'a') }, MANY],
  ['an item', 'PUT', '/v1/orders/a', { customerId: 'a', items: [named(MANY, 'a')] }, MANY],
  ['a row', 'POST', '/v1/customers', { data: [{ id: 'a', ...named(MANY, 'a') }] }, MANY],
  ['an event', 'POST', '/v1/events', { data: [{ customerId: 'a', name: 'seen', ...named(MANY, 'a') }] }, MANY],
  ['a batch', 'POST', '/v1/customers', { data: [], ...named(MANY, 'a') }, MANY],
  ['unusable numbers', 'POST', '/v1/customer-tokens', `{"customerId": [${'1e400,'.repeat(MANY - 1)}1e400]}`, MANY],
])('mistakes without end: %s', async (_title, method, path, body, mistakes) => {
  const answer = await service.call(method, path, body);
  expect([answer.status, answer.body.errors?.length]).toEqual([422, ERRORS_MAX]);
  expect(answer.body.detail).toContain(`Only the first ${ERRORS_MAX} of ${mistakes} mistakes are listed.`);
});

test('a rule lists fewer still', async () => {
  const { status, body } = await service.call('POST', '/v1/rules/check', { rule: { everyone: true, ...named(MANY, 'a') } });
  expect([status, body.errors.length]).toEqual([422, 201]);
});

test.each<[title: string, method: string, path: string, body: object]>([
  ['a token', 'POST', '/v1/customer-tokens', named(500, 'customerId')],
  ['a customer', 'PUT', '/v1/customers/a', named(500, 'attributes')],
  ['rows', 'POST', '/v1/customers', { data: [named(250, 'attributes'), named(250, 'attributes')] }],
])('near names are looked for seldom: %s', async (_title, method, path, body) => {
  const { body: problem } = await service.call(method, path, body);
  const hints: string[] = problem.errors.flatMap(({ code, hint = '' }: { code: string; hint?: string }) =>
    code === 'unknown_field' ? hint : [],
  );
  expect(hints.length).toBe(500);
  expect(hints.filter((hint) => /did you mean/i.test(hint)).length).toBe(NEAR_NAMES);
  expect(hints.filter((hint) => /known/i.test(hint)).length).toBe(500 - NEAR_NAMES);
});

test('with partial, each bad row has a reason', async () => {
  const data = Array.from({ length: 600 }, (_, index) => ({ id: `bad-${index}`, ...named(10, 'a') }));
  const { status, body } = await service.call('POST', '/v1/customers?partial=true', { data: [...data, { id: 'good' }] });
  expect([status, body.accepted]).toEqual([200, 1]);
  const rows = body.rejected.map(({ pointer }: { pointer: string }) => Number(pointer.split('/')[2]));
  expect(new Set(rows).size).toBe(600);
  expect(rows.length).toBe(ERRORS_MAX + 500); // ten of each of the first hundred, then one
});
