// The graph over what REST answers: queries, lists, mutations, errors, and how often the database is asked.
import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built, type Service, startService } from '../api/service.ts';
import { ask, codesOf, dataOf } from './ask.ts';

const CUSTOMERS = 50;

let service: Service;
const logged: string[] = [];

beforeAll(async () => {
  service = await startService({ log: (line) => logged.push(line) });
  const rows = Array.from({ length: CUSTOMERS }, (_, index) => `c${String(index).padStart(2, '0')}`);
  await service.call('POST', '/v1/customers', {
    data: rows.map((id) => ({ id, email: `${id}@example.com`, country: 'DE', attributes: { tier: 'gold' } })),
  });
  await service.call('POST', '/v1/orders', {
    data: rows.flatMap((id) =>
      [1, 2, 3].map((n) => ({ id: `${id}-${n}`, customerId: id, status: 'paid', total: `${n}.50`, placedAt: `2026-01-0${n}T00:00:00Z` })),
    ),
  });
  await service.call('POST', '/v1/events', {
    data: rows.map((id) => ({ id: `e-${id}`, customerId: id, name: 'visit', properties: { page: 'home' } })),
  });
  for (const key of ['german', 'buyers']) {
    const rule = key === 'german' ? 'country = "DE"' : 'count(orders) >= 3';
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
    await built(service, key);
  }
});

afterAll(() => service.close());

const counted = new AsyncLocalStorage<{ count: number }>();

/** Statements that the operation asks of the database; what the service does meanwhile by itself, and the audit, do not count. */
async function statementsOf(query: string, variables: object): Promise<number> {
  const { database } = service.strata;
  const asked = database.query;
  const counting = (statement: Parameters<typeof asked>[0]) => {
    const store = counted.getStore();
    if (store !== undefined && !/audit/.test(statement.text)) store.count += 1;
    return asked.call(database, statement);
  };
  const store = { count: 0 };
  Object.assign(database, { query: counting });
  try {
    await counted.run(store, () => dataOf(service, query, variables));
  } finally {
    Object.assign(database, { query: asked });
  }
  return store.count;
}

describe('reading', () => {
  test('members come with customers, segments and orders', async () => {
    const { segment } = await dataOf(
      service,
      `{ segment(key: "german") { key memberCount kind status etag members(first: 2) {
        edges { cursor node { customerId since source customer {
          id email attributes segments { key since segment { name } } orders(first: 2) { edges { node { id total placedAt } } pageInfo { hasNextPage } }
          events(first: 1) { edges { node { id name properties } } }
        } } } pageInfo { hasNextPage endCursor } } } }`,
    );
    expect(segment).toMatchObject({ key: 'german', kind: 'rule', status: 'active' });
    expect(segment.members.edges).toHaveLength(2);
    expect(segment.members.pageInfo.hasNextPage).toBe(true);
    const { node } = segment.members.edges[0];
    expect(node.customer.email).toBe(`${node.customerId}@example.com`);
    expect(node.customer.segments.map(({ key }: { key: string }) => key)).toEqual(['buyers', 'german']);
    expect(node.customer.orders.edges.map(({ node: order }: { node: { id: string; total: string } }) => [order.id, order.total])).toEqual([
      [`${node.customerId}-3`, '3.50'],
      [`${node.customerId}-2`, '2.50'],
    ]);
    expect(node.customer.orders.pageInfo.hasNextPage).toBe(true);
    expect(node.customer.events.edges[0].node).toMatchObject({ name: 'visit', properties: { page: 'home' } });
    expect(node.customer.attributes).toEqual({ tier: 'gold' });
  });

  test('a page costs statements whatever its size', async () => {
    const page = `query ($first: Int) { segment(key: "german") { members(first: $first) { edges { node { customer {
      id email country segments { key name segment { name } } orders(first: 3) { edges { node { id total items { name } customer { id } } } } events { edges { node { id } } }
    } } } } } }`;
    const few = await statementsOf(page, { first: 2 });
    const many = await statementsOf(page, { first: CUSTOMERS });
    expect(many).toBe(few);
    expect(many).toBeGreaterThan(4);
    expect(many).toBeLessThan(12);
  });

  test('a segment asked for members is not reread', async () => {
    const page = '{ segment(key: "buyers") { key members(first: 3) { edges { node { customer { country } } } } } }';
    const { segment } = await dataOf(service, page);
    expect(segment).toMatchObject({ key: 'buyers', members: { edges: [{}, {}, {}] } });
    expect(await statementsOf(page, {})).toBe(1);
    expect(await dataOf(service, page)).toEqual({ segment });
    expect(await dataOf(service, '{ segment(key: "nobodys") { members { edges { cursor } } } }')).toEqual({ segment: null });
  });

  test('later pages of members say what REST says', async () => {
    const page = `query ($after: String) { segment(key: "german") { members(first: 7, after: $after) {
      edges { node { customerId since source version customer { id country city createdAt tags consent attributes } } } pageInfo { hasNextPage endCursor } } } }`;
    const seen: { readonly customer: { readonly id: string } }[] = [];
    let after: string | null = null;
    do {
      const { segment } = await dataOf(service, page, { after });
      seen.push(...segment.members.edges.map(({ node }: { node: { customer: { id: string } } }) => node));
      after = segment.members.pageInfo.hasNextPage ? segment.members.pageInfo.endCursor : null;
    } while (after !== null);
    const { body } = await service.call('GET', '/v1/segments/german/members?limit=1000');
    expect(seen.map(({ customer: _, ...member }) => member)).toEqual(body.data);
    expect(seen.length).toBeGreaterThan(14);
    for (const { customer } of seen.slice(0, 3)) {
      const { body: whole } = await service.call('GET', `/v1/customers/${customer.id}`);
      expect(whole).toMatchObject(customer);
    }
  });

  test('pages asked for together are each right', async () => {
    const page = (customer: string) => `query ($key: String!, $first: Int, $after: String) { segment(key: $key) {
      members(first: $first, after: $after) { edges { node { since source customer { id ${customer} } } } pageInfo { endCursor } } } }`;
    const start = await dataOf(service, page('country'), { key: 'german', first: 5 });
    const asked = ['german', 'buyers'].flatMap((key) =>
      [4, 4, 9].flatMap((first) =>
        ['country', 'email tags'].map((customer, index) => {
          const after = index === 0 ? null : start.segment.members.pageInfo.endCursor;
          return [page(customer), { key, first, after }] as const;
        }),
      ),
    );
    const apart = [];
    for (const [query, variables] of asked) apart.push(await dataOf(service, query, variables));
    expect(apart.map(({ segment }) => segment.members.edges.length)).toEqual(asked.map(([, { first }]) => first));
    expect(await Promise.all(asked.map(([query, variables]) => dataOf(service, query, variables)))).toEqual(apart);
  });

  test('a wrong cursor spoils its own field only', async () => {
    const { data, errors } = await ask(
      service,
      '{ german: segment(key: "german") { members(first: 1) { edges { node { customerId } } } } buyers: segment(key: "buyers") { members(first: 1, after: "x") { edges { node { customerId } } } } }',
    );
    expect(data.german.members.edges).toHaveLength(1);
    expect(data.buyers).toBeNull();
    expect(errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)).toEqual(['invalid_cursor']);
  });

  test('cursors of every edge lead on', async () => {
    const all = await dataOf(service, '{ customers(first: 50) { edges { cursor node { id } } } }');
    for (const at of [0, 20, 48]) {
      const { customers } = await dataOf(
        service,
        'query ($after: String) { customers(first: 1, after: $after) { edges { node { id } } } }',
        {
          after: all.customers.edges[at].cursor,
        },
      );
      expect(customers.edges[0].node.id).toBe(all.customers.edges[at + 1].node.id);
    }
  });

  test('every list can be paged to its end', async () => {
    const lists = [
      ['orders', 'orders(customerId: "c01", first: $first, after: $after)', 3],
      ['changes', 'changes(first: $first, after: $after)', 100],
      ['members', 'members(segment: "buyers", first: $first, after: $after)', CUSTOMERS],
      ['customerHistory', 'customerHistory(customerId: "c01", first: $first, after: $after)', 2],
      ['runs', 'runs(first: $first, after: $after)', 2],
      ['segments', 'segments(first: $first, after: $after)', 2],
    ] as const;
    for (const [name, field, count] of lists) {
      let after: string | null = null;
      let seen = 0;
      for (;;) {
        const found = await dataOf(
          service,
          `query ($first: Int, $after: String) { ${field} { edges { cursor } pageInfo { hasNextPage endCursor } } }`,
          {
            first: name === 'changes' || name === 'members' ? 40 : 1,
            after,
          },
        );
        const { edges, pageInfo } = found[name];
        seen += edges.length;
        if (!pageInfo.hasNextPage) break;
        after = pageInfo.endCursor;
      }
      expect([name, seen]).toEqual([name, count]);
    }
  });

  test('what there is not is null', async () => {
    expect(await dataOf(service, '{ customer(id: "nobody") { id } segment(key: "nothing") { key } order(id: "none") { id } }')).toEqual({
      customer: null,
      segment: null,
      order: null,
    });
  });

  test('rules are previewed, explained and compared', async () => {
    const found = await dataOf(
      service,
      `query ($rule: Rule!) {
        rulePreview(rule: $rule, sample: 1) { count sample { id } }
        explanation(customerId: "c01", segment: "buyers") { member because tree nextChangeAt segment { key } }
        overlap(keys: ["german", "buyers"]) { leftKey rightKey both left { memberCount } }
        catalog { path type operators }
        ruleCheck(rule: "country = \\"DE\\"") { text timeDependent }
        changes(first: 1) { edges { node { position type segmentKey customer { id } } } }
        segmentSizes(segment: "german", resolution: day) { points { at size causes } }
      }`,
      { rule: 'count(orders) >= 1' },
    );
    expect(found.rulePreview.count).toBe(CUSTOMERS);
    expect(found.explanation).toMatchObject({ member: true, segment: { key: 'buyers' } });
    expect(found.overlap).toEqual([{ leftKey: 'german', rightKey: 'buyers', both: CUSTOMERS, left: { memberCount: expect.any(Number) } }]);
    expect(found.changes.edges[0].node.position).toBe('1');
    expect(found.catalog.length).toBeGreaterThan(5);
  });

  test('more large reads than may wait are answered', async () => {
    const asked = Array.from({ length: 20 }, (_, n) => `n${n}`);
    const part = (name: string, n: number) =>
      n % 2 === 0 ? `${name}: overlap(keys: ["german", "buyers"]) { both }` : `${name}: rulePreview(rule: "everyone") { count }`;
    const found = await dataOf(service, `{ ${asked.map(part).join(' ')} }`);
    expect(asked.map((name, n) => (n % 2 === 0 ? found[name][0].both : found[name].count))).toEqual(asked.map(() => CUSTOMERS));
  });

  test('the second time is as the first', async () => {
    const query =
      'query ($id: ID!, $rule: Rule!) { customer(id: $id) { id attributes } rulePreview(rule: $rule) { count } a: ruleCheck(rule: {op: "=", left: {field: "country"}, right: "DE"}) { text } }';
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(service, query, { id: 'c01', rule: 'country = "DE"' })));
    expect(answers[0]).toMatchObject({
      data: { customer: { id: 'c01' }, rulePreview: { count: expect.any(Number) }, a: { text: 'country = "DE"' } },
    });
    for (const answer of answers) expect({ ...answer }).toEqual({ ...answers[0] });
  });

  test('of several operations the named one runs', async () => {
    const query = 'query a { customer(id: "c01") { id } } query b { customer(id: "c02") { id } }';
    for (const name of ['a', 'b', 'a', 'b', 'b', 'a']) {
      const { body } = await service.call('POST', '/graphql', { query, operationName: name });
      expect(body.data.customer.id).toBe(name === 'a' ? 'c01' : 'c02');
    }
  });
});

describe('writing', () => {
  test('a write answers with what it changed', async () => {
    const { putOrder, putCustomer } = await dataOf(
      service,
      `mutation ($order: OrderInput!, $customer: CustomerInput!) {
        putCustomer(customerId: "new", input: $customer) { customer { id email consent } segmentKeys segments { key } token }
        putOrder(orderId: "n-1", input: $order) { id customer { id } segmentKeys changes token }
      }`,
      {
        order: { customerId: 'new', total: '9.99', items: [{ name: 'Lamp', quantity: 1, unitPrice: '9.99' }] },
        customer: { email: 'n@example.com', country: 'DE', consent: { email: true } },
      },
    );
    expect(putCustomer).toMatchObject({
      customer: { id: 'new', email: 'n@example.com', consent: { email: true } },
      segmentKeys: ['german'],
      segments: [{ key: 'german' }],
    });
    expect(putOrder).toMatchObject({ id: 'n-1', customer: { id: 'new' }, segmentKeys: ['german'], changes: 0 });
    expect((await dataOf(service, '{ order(id: "n-1") { total items { unitPrice } } }')).order).toEqual({
      total: '9.99',
      items: [{ unitPrice: '9.99' }],
    });
  });

  test('null clears, and what is absent stays', async () => {
    const put = 'mutation ($input: CustomerInput!) { putCustomer(customerId: "n2", input: $input) { customer { email country } } }';
    await dataOf(service, put, { input: { email: 'a@b.example', country: 'FR' } });
    expect((await dataOf(service, put, { input: { email: null } })).putCustomer.customer).toEqual({ email: null, country: 'FR' });
    expect(
      (await dataOf(service, 'mutation { putCustomer(customerId: "n2", input: { country: null }) { customer { country } } }')).putCustomer
        .customer,
    ).toEqual({ country: null });
  });

  test('a segment is made, published, filled, archived', async () => {
    const { createSegment } = await dataOf(
      service,
      'mutation { createSegment(input: { key: "made", name: "Made", kind: rule, rule: "country = \\"XX\\"" }) { segment { key status etag draft } } }',
    );
    expect(createSegment.segment).toMatchObject({ key: 'made', status: 'draft', draft: 1 });
    const { etag } = createSegment.segment;
    const { publishVersion } = await dataOf(
      service,
      'mutation ($etag: String) { publishVersion(key: "made", number: 1, ifMatch: $etag) { run { id status segment { key } } } }',
      { etag },
    );
    expect(publishVersion.run.segment.key).toBe('made');
    expect(
      await codesOf(
        service,
        'mutation ($etag: String) { updateSegment(key: "made", input: { name: "x" }, ifMatch: $etag) { segment { key } } }',
        { etag },
      ),
    ).toEqual(['version_conflict']);
    await built(service, 'made');
    expect(
      (await dataOf(service, 'mutation { pinIn(key: "made", customerId: "c01", input: { reason: "why not" }) { segmentKeys changes } }'))
        .pinIn.segmentKeys,
    ).toContain('made');
    expect((await dataOf(service, '{ pins(segment: "made") { edges { node { customerId reason } } } }')).pins.edges[0].node).toEqual({
      customerId: 'c01',
      reason: 'why not',
    });
    const { moveMembers } = await dataOf(
      service,
      'mutation { moveMembers(input: { customerIds: ["c01"], from: "made", to: "buyers" }) { moved changes } }',
    );
    expect(moveMembers).toEqual({ moved: 1, changes: 1 });
    expect(
      (await dataOf(service, 'mutation { archiveSegment(key: "made") { segment { status } } }')).archiveSegment.segment.status,
    ).toMatch(/^archiv/);
  });

  test('an idempotency key makes a retry harmless', async () => {
    const query =
      'mutation ($key: String, $data: [EventRowInput!]!) { appendEvents(input: { data: $data }, idempotencyKey: $key) { accepted token } }';
    const data = [{ customerId: 'c05', name: 'retried' }];
    const first = await dataOf(service, query, { key: 'k-1', data });
    const second = await dataOf(service, query, { key: 'k-1', data });
    expect(second.appendEvents.accepted).toBe(first.appendEvents.accepted);
    expect(await codesOf(service, query, { key: 'k-1', data: [{ customerId: 'c05', name: 'other' }] })).toEqual(['key_reused']);
    const { events } = await dataOf(service, '{ events(customerId: "c05", name: "retried") { edges { node { name } } } }');
    expect(events.edges).toHaveLength(1);
  });
});

describe('mistakes', () => {
  test('refusals carry the codes and places of REST', async () => {
    const { errors } = await ask(service, 'mutation ($input: OrderInput!) { putOrder(orderId: "x", input: $input) { id } }', {
      input: { customerId: 'c01', total: 'much', placedAt: 'never' },
    });
    expect(errors[0]).toMatchObject({ path: ['putOrder'], extensions: { code: 'invalid_fields' } });
    expect(errors[0].extensions.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual(['/placedAt', '/total']);
    const rule = await ask(service, '{ ruleCheck(rule: "contry = 1") { text } }');
    expect(rule.errors[0].extensions.code).toBe('invalid_rule');
    expect(rule.errors[0].extensions.errors[0]).toMatchObject({ hint: expect.stringContaining('country') });
    expect(await codesOf(service, '{ members(segment: "nothing") { edges { cursor } } }')).toEqual(['not_found']);
    expect(await codesOf(service, '{ customers(after: "junk") { edges { cursor } } }')).toEqual(['invalid_cursor']);
    expect(await codesOf(service, '{ customers(first: 1001) { edges { cursor } } }')).toEqual(['invalid_request']);
    expect(await codesOf(service, '{ segment(key: "german") { members(first: 0) { edges { cursor } } } }')).toEqual(['invalid_request']);
  });

  test('what the service cannot help says nothing inside', async () => {
    const { database } = service.strata;
    const asked = database.query;
    Object.assign(database, { query: () => Promise.reject(new Error('select secret from inside')) });
    const answer = await ask(service, '{ customers { edges { node { id } } } segments { edges { node { key } } } }').finally(() =>
      Object.assign(database, { query: asked }),
    );
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(answer.errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)).toContain('internal_error');
    expect(logged.join('')).toContain('select secret from inside');
    logged.length = 0;
  });

  test('writes go by POST, one at a time', async () => {
    const query = 'mutation { deleteOrder(orderId: "n-1") { id } }';
    expect((await service.call('GET', `/graphql?query=${encodeURIComponent(query)}`)).status).toBe(405);
    const batch = await service.call('POST', '/graphql', [{ query: '{ __typename }' }, { query: '{ __typename }' }]);
    expect([batch.status, batch.body.errors[0].extensions.code]).toEqual([400, 'invalid_request']);
    expect((await service.call('POST', '/graphql', { query: '{ __typename }' }, { 'idempotency-key': 'x' })).status).toBe(400);
    expect((await service.call('DELETE', '/graphql')).status).toBe(405);
    expect((await service.call('POST', '/graphql', { query: '{ __typename }' }, { accept: 'text/html' })).status).toBe(406);
    expect(
      (await service.call('POST', '/graphql', { query: '{ __typename }' }, { authorization: 'Bearer wrong' })).body.errors[0].extensions
        .code,
    ).toBe('unauthenticated');
  });
});
