// Rules and the catalog over HTTP: check, preview, JSON Schema, declared types.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  await service.call('POST', '/v1/customers', {
    data: [
      { id: 'a', country: 'CN', attributes: { tier: 'gold', points: '12' }, consent: { email: true }, createdAt: '2020-01-01T00:00:00Z' },
      { id: 'b', country: 'CN', attributes: { tier: 'silver' }, createdAt: '2024-01-01T00:00:00Z' },
      { id: 'c', country: 'GB', createdAt: '2020-01-01T00:00:00Z' },
    ],
  });
  await service.call('PUT', '/v1/orders/o', { customerId: 'a', total: 10, placedAt: '2021-01-01T00:00:00Z' });
  await service.call('POST', '/v1/events', { data: [{ customerId: 'a', name: 'page_view', properties: { path: '/sale' } }] });
});
afterAll(() => service.close());

const check = (rule: unknown) => service.call('POST', '/v1/rules/check', { rule });
const preview = (rule: unknown, more: object = {}) => service.call('POST', '/v1/rules/preview', { rule, ...more });

describe('check', () => {
  test('a rule comes back in both forms', async () => {
    expect((await check('country="CN" AND count( orders in the last 30 days )>=2')).body).toEqual({
      valid: true,
      text: 'country = "CN" and count(orders in the last 30 days) >= 2',
      json: {
        and: [
          { op: '=', left: { field: 'country' }, right: 'CN' },
          { op: '>=', left: { aggregate: 'count', of: 'orders', window: { last: '30d' } }, right: 2 },
        ],
      },
      reads: { profile: true, orders: true, events: [], segments: [] },
      timeDependent: true,
      warnings: [],
    });
  });

  test('both forms mean the same', async () => {
    const { body } = await check('not (country is missing) or count(events "page_view") > 3');
    expect((await check(body.json)).body).toEqual(body);
  });

  test('unknown events are warned of', async () => {
    const { body } = await check('count(events "nobody_sent_this") > 0');
    expect(body.warnings).toEqual([expect.objectContaining({ code: 'unknown_event' })]);
  });

  test.each([
    ['text', 'contry = 1', { code: 'unknown_field', pointer: '/rule', span: { start: 0, end: 6, line: 1, column: 1 } }],
    ['JSON', { op: '=', left: { field: 'contry' }, right: 1 }, { code: 'unknown_field', pointer: expect.stringMatching(/^\/rule\/left/) }],
  ])('mistakes in %s have their place', async (_form, rule, error) => {
    const answer = await check(rule);
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid_rule']);
    expect(answer.body.errors[0]).toMatchObject(error);
    expect(answer.body.errors[0].hint).toContain('country');
  });

  test.each([
    ['number', 5, 'invalid_fields'],
    ['list', [], 'invalid_fields'],
    ['null', null, 'invalid_fields'],
    ['empty text', '', 'invalid_rule'],
    ['empty object', {}, 'invalid_rule'],
    ['text too long', `country = "${'x'.repeat(40_000)}"`, 'invalid_rule'],
    ['NUL', 'country = "\u0000"', 'invalid_rule'],
    ['deep brackets', `${'('.repeat(100_000)}everyone${')'.repeat(100_000)}`, 'invalid_rule'],
  ])('a rule that is %s is refused', async (_title, rule, code) => {
    const answer = await check(rule);
    expect([answer.status, answer.body.code]).toEqual([422, code]);
  });

  test('deep JSON is refused, not crashed on', async () => {
    const answer = await service.call(
      'POST',
      '/v1/rules/check',
      `{"rule":${'{"not":'.repeat(50_000)}{"everyone":true}${'}'.repeat(50_001)}`,
    );
    expect(answer.status).toBe(422);
  });

  test('numbers that lose digits are refused', async () => {
    const answer = await service.call(
      'POST',
      '/v1/rules/check',
      '{"rule": {"op": ">", "left": {"field": "age"}, "right": 1.00000000000000000001}}',
    );
    expect(answer.body.errors).toEqual([expect.objectContaining({ pointer: '/rule/right', code: 'invalid_number' })]);
  });
});

describe('preview', () => {
  test('counts and shows without storing', async () => {
    const { body } = await preview('country = "CN"', { sample: 1 });
    expect(body).toMatchObject({ count: 2, population: 3, sample: [{ id: 'a', country: 'CN' }], warnings: [] });
    expect((await service.call('GET', '/v1/segments')).body.data).toEqual([]);
  });

  test('a past instant knows only what was', async () => {
    expect((await preview('count(orders) = 0', { at: '2020-06-01T00:00:00Z' })).body).toMatchObject({ count: 2, population: 2 });
    expect((await preview('count(orders) = 0', { at: '2022-06-01T02:00:00+02:00' })).body).toMatchObject({
      count: 1,
      population: 2,
      at: '2022-06-01T00:00:00.000Z',
    });
    // who came without a time of his own was there from his first order or event on
    await service.call('PUT', '/v1/customers/untimed', { country: 'NO' });
    await service.call('PUT', '/v1/customers/unseen', { country: 'NO' });
    await service.call('PUT', '/v1/orders/untimed-1', { customerId: 'untimed', placedAt: '2021-01-01T00:00:00Z' });
    const norse = { at: '2021-06-01T00:00:00Z' };
    expect((await preview('country = "NO"', norse)).body).toMatchObject({ count: 1, population: 3, sample: [{ id: 'untimed' }] });
    const before = (await preview('count(orders) = 0', { at: '2020-06-01T00:00:00Z' })).body;
    expect(before).toMatchObject({ count: 2, population: 2 });
    for (const id of ['untimed', 'unseen']) await service.call('DELETE', `/v1/customers/${id}`);
  });

  test.each([
    [{ sample: 1001 }, '/sample'],
    [{ sample: -1 }, '/sample'],
    [{ sample: '5' }, '/sample'],
    [{ at: 'yesterday' }, '/at'],
    [{ at: '2999-01-01T00:00:00Z' }, '/at'],
    [{ at: '2150-01-01T00:00:00Z' }, '/at'],
    [{ size: 5 }, '/size'],
  ])('%o is refused', async (more, pointer) => {
    const answer = await preview('everyone', more);
    expect([answer.status, answer.body.errors?.[0].pointer]).toEqual([422, pointer]);
  });
});

describe('catalog', () => {
  test('fields come with operators and frequent values', async () => {
    const { body } = await service.call('GET', '/v1/catalog');
    const entry = (path: string) => body.data.find((each: { path: string; scope: string }) => each.path === path);
    expect(entry('country')).toMatchObject({ scope: 'customers', type: 'string', values: ['CN', 'GB'] });
    expect(entry('country').operators).toContain('contains');
    expect(entry('attributes.tier')).toMatchObject({ kind: 'attribute', type: 'string', declared: false });
    expect(entry('properties.path')).toMatchObject({ kind: 'property', event: 'page_view' });
    expect(entry('consent.email')).toMatchObject({ type: 'boolean' });
  });

  test('declaring converts what is stored', async () => {
    const declared = await service.call('PUT', '/v1/attributes/points', { type: 'number', description: 'Loyalty points' });
    expect(declared).toMatchObject({
      status: 200,
      body: { name: 'points', type: 'number', declared: true, description: 'Loyalty points' },
    });
    expect((await service.call('GET', '/v1/customers/a')).body.attributes.points).toBe(12);
    expect((await preview('attributes.points > 11')).body.count).toBe(1);
    const listed = (await service.call('GET', '/v1/attributes')).body.data;
    expect(listed.map((attribute: { name: string }) => attribute.name)).toEqual(['points', 'tier']);
  });

  test('values that do not convert refuse a type', async () => {
    expect(await service.call('PUT', '/v1/attributes/tier', { type: 'number' })).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });

  test('a type that a live rule reads stays', async () => {
    await service.call('PUT', '/v1/customers/a', { attributes: { level: '1' } });
    await service.call('POST', '/v1/segments', { key: 'levels', name: 'L', kind: 'rule', rule: 'attributes.level = "1"', publish: true });
    expect(await service.call('PUT', '/v1/attributes/level', { type: 'number' })).toMatchObject({
      status: 409,
      body: { code: 'in_use', errors: [{ code: 'in_use', segment: 'levels' }] },
    });
    expect((await service.call('PUT', '/v1/attributes/level', { type: 'string', description: 'same' })).status).toBe(200);
  });

  test('a property is declared per event', async () => {
    const path = `/v1/events/${encodeURIComponent('a/b')}/properties/at`;
    expect(await service.call('PUT', path, { type: 'timestamp' })).toMatchObject({
      status: 200,
      body: { event: 'a/b', name: 'at', type: 'timestamp' },
    });
    const wrong = await service.call('POST', '/v1/events', { data: [{ customerId: 'a', name: 'a/b', properties: { at: 'noon' } }] });
    expect(wrong.body.errors[0]).toMatchObject({ pointer: '/data/0/properties/at' });
  });

  test.each([
    [{ type: 'date time' }, '/type'],
    [{}, '/type'],
    [{ type: 'string', desc: 'x' }, '/desc'],
  ])('the declaration %o is refused', async (body, pointer) => {
    const answer = await service.call('PUT', '/v1/attributes/x', body);
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, pointer]);
  });
});

test('the schema of rules is served', async () => {
  const { status, body } = await service.call('GET', '/v1/rules/schema');
  expect([status, body.title]).toEqual([200, 'Rule']);
});
