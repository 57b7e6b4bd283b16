// Customers, orders and events over HTTP: what is written is read back, and every kind of bad input has its own clear error.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, built, type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const putCustomer = (id: string, body: unknown): Promise<Answer> => service.call('PUT', `/v1/customers/${encodeURIComponent(id)}`, body);
const putOrder = (id: string, body: unknown): Promise<Answer> => service.call('PUT', `/v1/orders/${encodeURIComponent(id)}`, body);
const places = (answer: Answer): string[] =>
  answer.body.errors.map((error: { pointer: string; code: string }) => `${error.pointer} ${error.code}`);

describe('customers', () => {
  test('a profile comes back as it was given', async () => {
    const profile = {
      email: 'ann@example.com',
      phone: '+44 1',
      firstName: 'Ann',
      lastName: 'O’Hara',
      gender: 'female',
      birthday: '1990-02-28',
      country: 'GB',
      region: 'ENG',
      city: 'Leeds',
      postalCode: 'LS1',
      language: 'en',
      source: 'web',
      tags: ['vip', 'a "b"'],
      consent: { email: true, sms: false },
      attributes: { tier: 'gold', points: 12.5, big: true, likes: ['x', 'y'], nested: { deep: 1 } },
      createdAt: '2024-01-01T00:00:00+01:00',
    };
    const written = await putCustomer('ann', profile);
    const customer = {
      ...profile,
      id: 'ann',
      attributes: { tier: 'gold', points: 12.5, big: true, likes: ['x', 'y'], 'nested.deep': 1 },
      createdAt: '2023-12-31T23:00:00.000Z',
    };
    expect(written).toMatchObject({ status: 200, body: { customer, segments: [], token: expect.any(String) } });
    expect((await service.call('GET', '/v1/customers/ann')).body).toEqual(customer);
  });

  test('fields merge, null clears, tags are replaced', async () => {
    await putCustomer('merge', {
      city: 'Leeds',
      country: 'GB',
      tags: ['a', 'b'],
      consent: { email: true, sms: true },
      attributes: { x: 1, y: 2 },
    });
    const { body } = await putCustomer('merge', { city: null, tags: ['c'], consent: { sms: null }, attributes: { x: null } });
    expect(body.customer).toMatchObject({ city: null, country: 'GB', tags: ['c'], consent: { email: true }, attributes: { y: 2 } });
  });

  test.each(['a/b', 'a%2Fb', 'a b+c', 'ü€😀', '...', 'a?b#c', '%', "'; drop table customers; --", 'ü'.repeat(128), '__proto__', 'null'])(
    'the id %s goes there and back',
    async (id) => {
      expect((await putCustomer(id, { city: id.slice(0, 9) })).status).toBe(200);
      const { status, body } = await service.call('GET', `/v1/customers/${encodeURIComponent(id)}`);
      expect([status, body?.id]).toEqual([200, id]);
      expect((await service.call('GET', `/v1/customers/${encodeURIComponent(id)}/segments`)).body).toEqual({
        customerId: id,
        segments: [],
      });
    },
  );

  test.each<[title: string, body: unknown, expected: string[]]>([
    ['unknown field', { emial: 'x' }, ['/emial unknown_field']],
    ['number for text', { email: 5 }, ['/email type_mismatch']],
    ['object for text', { city: {} }, ['/city type_mismatch']],
    ['date that is none', { birthday: '2023-02-30' }, ['/birthday invalid_date']],
    ['date too early', { birthday: '1899-12-31' }, ['/birthday invalid_date']],
    ['time without offset', { createdAt: '2024-01-01T00:00:00' }, ['/createdAt invalid_timestamp']],
    ['NUL', { city: 'a\u0000b' }, ['/city invalid_text']],
    ['lone surrogate', { city: 'a\ud800' }, ['/city invalid_text']],
    ['long field', { city: 'x'.repeat(10_000_000) }, ['/city limit_exceeded']],
    ['too many tags', { tags: Array.from({ length: 1001 }, (_, index) => `t${index}`) }, ['/tags limit_exceeded']],
    ['tags as text', { tags: 'vip' }, ['/tags type_mismatch']],
    ['consent as text', { consent: { email: 'yes' } }, ['/consent/email type_mismatch']],
    ['name with slash', { attributes: { 'a/b~c': { '': 1 } } }, ['/attributes/a~1b~0c/ invalid_name']],
    ['several', { emial: 'x', birthday: 'x', tags: 5 }, ['/birthday invalid_date', '/emial unknown_field', '/tags type_mismatch']],
    ['another id in the body', { id: 'other' }, ['/id invalid_id']],
  ])('%s is refused', async (_title, body, expected) => {
    const answer = await putCustomer('bad', body);
    expect([answer.status, answer.body.code, places(answer).sort()]).toEqual([422, 'invalid_fields', expected]);
    expect((await service.call('GET', '/v1/customers/bad')).status).toBe(404);
  });

  test('numbers that lose digits are refused', async () => {
    const answer = await putCustomer('bad', '{"attributes": {"n": 123456789012345678901234567890, "big": 1e400}}');
    expect([answer.status, places(answer).sort()]).toEqual([422, ['/attributes/big invalid_number', '/attributes/n invalid_number']]);
  });

  test('an attribute keeps its first type', async () => {
    await putCustomer('typed', { attributes: { level: 3 } });
    const answer = await putCustomer('typed', { attributes: { level: 'three' } });
    expect(places(answer)).toEqual(['/attributes/level type_mismatch']);
  });

  test('the nearest field is named', async () => {
    expect((await putCustomer('bad', { emial: 'x' })).body.errors[0].hint).toContain('email');
  });

  test('the list pages and filters by email', async () => {
    for (const id of ['p1', 'p2', 'p3']) await putCustomer(id, { email: 'paged@example.com' });
    const first = (await service.call('GET', '/v1/customers?email=paged%40example.com&limit=2')).body;
    const rest = (await service.call('GET', `/v1/customers?email=paged%40example.com&limit=2&after=${first.next}`)).body;
    expect([...first.data, ...rest.data].map((customer: { id: string }) => customer.id).sort()).toEqual(['p1', 'p2', 'p3']);
    expect(rest.next).toBeNull();
  });
});

describe('batches', () => {
  test('rows of one id apply in order', async () => {
    const answer = await service.call('POST', '/v1/customers', {
      data: [
        { id: 'twice', city: 'A', country: 'GB' },
        { id: 'twice', city: 'B' },
      ],
    });
    expect(answer.body).toMatchObject({ accepted: 2, repeated: 1, rejected: [], changes: 0, token: expect.any(String) });
    expect((await service.call('GET', '/v1/customers/twice')).body).toMatchObject({ city: 'B', country: 'GB' });
  });

  test('one bad row refuses all', async () => {
    const answer = await service.call('POST', '/v1/customers', {
      data: [{ id: 'all-1' }, { id: 'all-2', birthday: 'x' }, { city: 'no id' }],
    });
    expect([answer.status, answer.body.code, places(answer).sort()]).toEqual([
      422,
      'invalid_rows',
      ['/data/1/birthday invalid_date', '/data/2/id missing_field'],
    ]);
    expect((await service.call('GET', '/v1/customers/all-1')).status).toBe(404);
  });

  test('partial takes the good rows', async () => {
    const { body } = await service.call('POST', '/v1/customers?partial=true', {
      data: [{ id: 'part-1' }, { id: 'part-2', birthday: 'x' }],
    });
    expect(body).toMatchObject({ accepted: 1, rejected: [{ pointer: '/data/1/birthday', code: 'invalid_date' }] });
    expect((await service.call('GET', '/v1/customers/part-1')).status).toBe(200);
  });

  test.each<[title: string, body: unknown, expected: string[]]>([
    ['no data', {}, ['/data missing_field']],
    ['data as object', { data: {} }, ['/data type_mismatch']],
    ['too many rows', { data: Array.from({ length: 1001 }, (_, index) => ({ id: `r${index}` })) }, ['/data limit_exceeded']],
    ['unknown field beside data', { data: [], partial: true }, ['/partial unknown_field']],
  ])('%s is refused', async (_title, body, expected) => {
    for (const path of ['/v1/customers', '/v1/orders', '/v1/events']) {
      const answer = await service.call('POST', path, body);
      expect([path, answer.status, answer.body.code, places(answer)]).toEqual([path, 422, 'invalid_fields', expected]);
    }
  });

  test('no rows are a batch too', async () => {
    for (const path of ['/v1/customers', '/v1/orders', '/v1/events'])
      expect(await service.call('POST', path, { data: [] })).toMatchObject({
        status: 200,
        body: { accepted: 0, rejected: [], changes: 0 },
      });
  });

  test('partial is true or false', async () => {
    const { body } = await service.call('POST', '/v1/orders', { data: [], partial: true });
    expect(body.errors).toMatchObject([{ pointer: '/partial', hint: 'It is a parameter of the URL: `?partial=…`.' }]);
    expect(await service.call('POST', '/v1/customers?partial=1', { data: [] })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    });
  });
});

describe('orders', () => {
  const items = [{ productId: 'p1', sku: 's', name: 'Shoe', category: 'Shoes', brand: 'B', quantity: 2, unitPrice: '59.975' }];

  test('an order comes back with its items', async () => {
    const written = await putOrder('o-1', {
      customerId: 'buyer',
      status: 'paid',
      channel: 'web',
      placedAt: '2024-05-01T10:00:00Z',
      coupons: ['X'],
      items,
    });
    expect(written).toMatchObject({ status: 200, body: { id: 'o-1', customerId: 'buyer', segments: [] } });
    expect((await service.call('GET', '/v1/orders/o-1')).body).toMatchObject({
      id: 'o-1',
      customerId: 'buyer',
      status: 'paid',
      currency: 'USD',
      total: '119.95',
      discount: '0.00',
      coupons: ['X'],
      itemCount: '2',
      placedAt: '2024-05-01T10:00:00.000Z',
      items: [{ productId: 'p1', category: 'Shoes', quantity: '2', unitPrice: '59.975' }],
    });
  });

  test('float noise in money is taken', async () => {
    expect((await putOrder('noise', { customerId: 'buyer', total: 59.970000000000006 })).status).toBe(200);
    expect(places(await putOrder('noise', { customerId: 'buyer', total: '59.97001' }))).toEqual(['/total invalid_number']);
  });

  test('an order abroad goes back as read', async () => {
    const sent = {
      customerId: 'abroad',
      currency: 'JPY',
      exchangeRate: '0.0067',
      discount: 1,
      placedAt: '2024-05-01T10:00:00Z',
      items: [{ quantity: 1.5, unitPrice: '333.3333' }, { name: 'gift' }],
    };
    expect((await putOrder('yen', sent)).status).toBe(200);
    const read = async () => (await service.call('GET', '/v1/orders/yen')).body;
    const order = await read();
    expect(order).toMatchObject({
      currency: 'USD',
      exchangeRate: null,
      total: '3.35',
      discount: '0.0067',
      original: {
        currency: 'JPY',
        exchangeRate: '0.0067',
        total: '499.99995',
        discount: '1.00',
        items: [{ unitPrice: '333.3333' }, { unitPrice: null }],
      },
    });
    expect((await putOrder('yen', order)).status).toBe(200);
    expect(await read()).toEqual(order);
    expect(
      (await service.call('POST', '/v1/orders', { data: (await service.call('GET', '/v1/customers/abroad/orders')).body.data })).status,
    ).toBe(200);
    expect(await read()).toEqual(order);
    const unknown = { ...order.original, total: null, discount: null, items: null };
    await putOrder('yen', { ...order, original: unknown });
    expect(await read()).toEqual({ ...order, original: unknown });
    await putOrder('yen', { ...order, original: null });
    expect(await read()).toEqual({ ...order, original: null });
  });

  test.each<[title: string, change: object, expected: string[]]>([
    ['another total', { total: '2.00' }, ['/original/total invalid_number']],
    ['another count', { itemCount: 3 }, ['/itemCount invalid_number']],
    ['an item less', { items: [], itemCount: null }, ['/original/items invalid_number']],
    ['its own currency', { currency: 'EUR', exchangeRate: 2 }, ['/original unknown_field']],
    ['an original in the service’s', { original: { currency: 'USD', exchangeRate: 1 } }, ['/original/currency unknown_currency']],
    [
      'half an original',
      { original: { currency: 'EUR', exchangeRate: 2, total: '1.00' } },
      ['/original/discount missing_field', '/original/items type_mismatch'],
    ],
    ['more in an original', { original: { currency: 'EUR', exchangeRate: 2, status: 'paid' } }, ['/original/status unknown_field']],
    ['an original without its rate', { original: { currency: 'EUR' } }, ['/original/exchangeRate missing_exchange_rate']],
  ])('%s beside an original is refused', async (_title, change, expected) => {
    await putOrder('eur', { customerId: 'abroad', currency: 'EUR', exchangeRate: 2, total: 5, items: [{ unitPrice: 5 }] });
    const answer = await putOrder('eur', { ...(await service.call('GET', '/v1/orders/eur')).body, ...change });
    expect([answer.status, places(answer)]).toEqual([422, expected]);
  });

  test('an order can move and go', async () => {
    await service.call('POST', '/v1/segments', { key: 'buyers', name: 'Buyers', kind: 'rule', rule: 'count(orders) >= 1', publish: true });
    await built(service, 'buyers');
    const segmentsOf = async (id: string) =>
      (await service.call('GET', `/v1/customers/${id}/segments`)).body.segments.map((segment: { key: string }) => segment.key);
    expect((await putOrder('m', { customerId: 'from', total: 1 })).body.segments).toEqual(['buyers']);
    const moved = await putOrder('m', { customerId: 'to', total: 1 });
    expect(moved.body).toMatchObject({ customerId: 'to', segments: ['buyers'], changes: 2 });
    expect([await segmentsOf('from'), await segmentsOf('to')]).toEqual([[], ['buyers']]);
    expect(await service.call('DELETE', '/v1/orders/m')).toMatchObject({
      status: 200,
      body: { id: 'm', customerId: 'to', segments: [], changes: 1 },
    });
    expect([(await service.call('GET', '/v1/orders/m')).status, await segmentsOf('to')]).toEqual([404, []]);
  });

  test('the same order twice changes nothing', async () => {
    await putOrder('same', { customerId: 'buyer', total: 5 });
    const before = (await service.call('GET', '/v1/orders/same')).body;
    expect((await putOrder('same', { customerId: 'buyer', total: 5 })).body.changes).toBe(0);
    expect((await service.call('GET', '/v1/orders/same')).body).toEqual(before);
  });

  test.each<[title: string, body: unknown, expected: string[]]>([
    ['no customer', { total: 1 }, ['/customerId missing_field']],
    ['customer id as number', { customerId: 5 }, ['/customerId type_mismatch']],
    ['unknown currency', { customerId: 'c', currency: 'XXX1' }, ['/currency unknown_currency']],
    ['another currency without rate', { customerId: 'c', currency: 'EUR', total: 1 }, ['/exchangeRate missing_exchange_rate']],
    ['total too large', { customerId: 'c', total: '1000000000000' }, ['/total limit_exceeded']],
    ['total as word', { customerId: 'c', total: 'NaN' }, ['/total invalid_number']],
    ['time that is none', { customerId: 'c', placedAt: 'yesterday' }, ['/placedAt invalid_timestamp']],
    ['unknown field in an item', { customerId: 'c', items: [{ unitprice: 1 }] }, ['/items/0/unitprice unknown_field']],
    ['item as text', { customerId: 'c', items: ['x'] }, ['/items/0 type_mismatch']],
  ])('%s is refused', async (_title, body, expected) => {
    const answer = await putOrder('bad', body);
    expect([answer.status, answer.body.code, places(answer)]).toEqual([422, 'invalid_fields', expected]);
  });

  test('a customer’s orders come newest first', async () => {
    for (const day of ['01', '03', '02'])
      await putOrder(`d${day}`, { customerId: 'lister', total: 1, placedAt: `2024-01-${day}T00:00:00Z` });
    const first = (await service.call('GET', '/v1/customers/lister/orders?limit=2')).body;
    expect(first.data.map((order: { id: string }) => order.id)).toEqual(['d03', 'd02']);
    expect((await service.call('GET', `/v1/customers/lister/orders?after=${first.next}`)).body).toMatchObject({
      data: [{ id: 'd01' }],
      next: null,
    });
  });
});

describe('events', () => {
  test('a retry with its id is harmless', async () => {
    const event = {
      id: 'e1',
      customerId: 'viewer',
      name: 'page_view',
      occurredAt: '2024-01-01T00:00:00Z',
      properties: { path: '/sale', n: 1 },
    };
    const send = () => service.call('POST', '/v1/events', { data: [event, { customerId: 'viewer', name: 'login' }] });
    expect((await send()).body).toMatchObject({ accepted: 2, repeated: 0 });
    expect((await send()).body).toMatchObject({ accepted: 2, repeated: 1 });
    const { body } = await service.call('GET', '/v1/customers/viewer/events?name=page_view');
    expect(body.data).toEqual([{ ...event, occurredAt: '2024-01-01T00:00:00.000Z' }]);
    expect((await service.call('GET', '/v1/customers/viewer/events')).body.data).toHaveLength(3);
  });

  test.each<[title: string, row: unknown, expected: string[]]>([
    ['no name', { customerId: 'c' }, ['/data/0/name missing_field']],
    ['no customer', { name: 'x' }, ['/data/0/customerId missing_field']],
    ['unknown field', { customerId: 'c', name: 'x', when: 1 }, ['/data/0/when unknown_field']],
    ['properties as list', { customerId: 'c', name: 'x', properties: [] }, ['/data/0/properties type_mismatch']],
  ])('%s is refused', async (_title, row, expected) => {
    const answer = await service.call('POST', '/v1/events', { data: [row] });
    expect([answer.status, answer.body.code, places(answer)]).toEqual([422, 'invalid_rows', expected]);
  });
});
