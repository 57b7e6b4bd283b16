// Every value and every name that reaches SQL, hostile: nothing is executed, nothing is lost, and what was written is found again exactly.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built, type Service, startService } from './api/service.ts';

const HOSTILE: readonly string[] = [
  `'; drop table customers; --`,
  `" ; drop table orders; --`,
  `') or 1=1 --`,
  `$1`,
  `$$; select pg_sleep(10); $$`,
  `\\'; drop schema public cascade; --`,
  `x' || (select string_agg(name, ',') from settings) || 'x`,
  `%_\\%`,
  `{"a":"b"}`,
  `{a,b}`,
  `ARRAY['x']::text[]`,
  `a\u2019b; truncate memberships`,
  `NULL`,
  `-- comment`,
  `/* comment */`,
];

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(async () => {
  await service.close();
});

const encode = encodeURIComponent;
/** As a string of the rule language. */
const quote = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

async function matching(rule: unknown): Promise<string[]> {
  const answer = await service.call('POST', '/v1/rules/preview', { rule, sample: 1000 });
  expect(answer.status, answer.text).toBe(200);
  return answer.body.sample.map((customer: { id: string }) => customer.id);
}

describe.each(HOSTILE)('%s', (text) => {
  it('comes back from every field', async () => {
    const customer = {
      email: text,
      firstName: text,
      country: text,
      tags: [text],
      attributes: { note: text, [text]: 'x' },
      consent: { [text]: true },
    };
    const put = await service.call('PUT', `/v1/customers/${encode(text)}`, customer);
    expect(put.status, put.text).toBe(200);
    const order = {
      customerId: text,
      status: text,
      channel: text,
      coupons: [text],
      items: [{ sku: text, name: text, category: text, unitPrice: 1 }],
    };
    expect((await service.call('PUT', `/v1/orders/${encode(text)}`, order)).status).toBe(200);
    const events = { data: [{ id: text, customerId: text, name: text, properties: { [text]: text } }] };
    const posted = await service.call('POST', '/v1/events', events);
    expect(posted.status, posted.text).toBe(200);
    const read = await service.call('GET', `/v1/customers/${encode(text)}`);
    expect(read.body).toMatchObject({ id: text, email: text, country: text, tags: [text], attributes: { note: text } });
    expect((await service.call('GET', `/v1/orders/${encode(text)}`)).body).toMatchObject({ id: text, status: text, coupons: [text] });
    const list = await service.call('GET', `/v1/customers?email=${encode(text)}`);
    expect(list.body.data.map((found: { id: string }) => found.id)).toEqual([text]);
  });

  it('is found by a rule, and only there', async () => {
    for (const rule of [
      `country = ${quote(text)}`,
      `country in (${quote(text)})`,
      `first_name contains ${quote(text)} and first_name starts with ${quote(text)} and first_name ends with ${quote(text)}`,
      `tags has any (${quote(text)})`,
      `tags has all (${quote(text)})`,
      `attributes.note = ${quote(text)}`,
      `consent.${quote(text)} = true`,
      `count(orders where status = ${quote(text)} and coupons has any (${quote(text)})) = 1`,
      `last(orders.channel) = ${quote(text)}`,
      `count(items where category = ${quote(text)}) = 1`,
      `count(events ${quote(text)}) = 1`,
      `count(events ${quote(text)} where properties.${quote(text)} = ${quote(text)}) = 1`,
      `id between ${quote(text)} and ${quote(text)}`,
    ]) {
      expect(await matching(rule), rule).toEqual([text]);
    }
    expect((await matching(`bucket(${quote(text)}) >= 0`)).length).toBeGreaterThan(0);
  });

  it('is refused or kept as a name', async () => {
    const segment = await service.call('POST', '/v1/segments', { key: text, name: text, kind: 'rule', rule: 'everyone', publish: false });
    expect(segment.status).toBe(422);
    const named = await service.call('POST', '/v1/rules/check', { rule: `in segment ${quote(text)}` });
    expect(named.body.errors[0].code).toBe('unknown_segment');
    for (const path of ['segments', 'runs', 'changes?after=', 'changes?segment=', 'customers?after=']) {
      const separator = path.includes('?') ? '' : '/';
      expect((await service.call('GET', `/v1/${path}${separator}${encode(text)}`)).status).toBeGreaterThanOrEqual(400);
    }
  });
});

it('leaves every table where it was', async () => {
  const made = await service.call('POST', '/v1/segments', { key: 'all', name: HOSTILE[0], kind: 'rule', rule: 'everyone', publish: true });
  expect(made.status, made.text).toBe(201);
  await built(service, 'all');
  const [row] = await service.strata.database.query({
    text: 'select (select count(*)::integer from customers) as customers, (select count(*)::integer from orders) as orders, (select count(*)::integer from memberships) as members',
  });
  expect(row).toEqual({ customers: HOSTILE.length, orders: HOSTILE.length, members: HOSTILE.length });
});
