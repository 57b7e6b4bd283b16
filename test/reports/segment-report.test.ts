// The report of a segment over a shop of six customers, with figures worked out by hand.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { type Service, startService } from '../api/service.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';

const NOW = Date.parse('2026-06-15T12:00:00.000Z');
let service: Service;
let clock: TestClock;

const CUSTOMERS = [
  {
    id: 'ada',
    gender: 'female',
    birthday: '2008-06-15',
    country: 'DE',
    city: 'Köln',
    tags: ['a', 'b'],
    attributes: { tier: 'gold', likes: ['x', 'y'] },
  },
  { id: 'ben', gender: 'male', birthday: '2008-06-16', country: 'DE', tags: ['b'], attributes: { tier: 'gold', likes: ['y'] } },
  { id: 'cleo', gender: 'female', birthday: '1961-06-15', country: 'GB', attributes: { tier: 'silver' } },
  { id: 'dora', country: 'FR', birthday: '2026-06-16' }, // tomorrow: of no age yet
  { id: 'eve', gender: 'female', country: 'DE' },
  { id: 'fay', country: '=1+1,"x"' },
];
const items = (productId: string, category: string, quantity: number, unitPrice: string) => ({
  productId,
  category,
  quantity,
  unitPrice,
  name: `The ${productId}`,
});
const ORDERS = [
  {
    id: '1',
    customerId: 'ada',
    status: 'paid',
    total: '100.00',
    placedAt: '2026-06-10T10:00:00Z',
    items: [items('lamp', 'light', 10, '10.00')],
  },
  {
    id: '2',
    customerId: 'ada',
    status: 'paid',
    total: '50.00',
    placedAt: '2025-01-01T10:00:00Z',
    items: [items('old', 'light', 1, '50.00')],
  },
  {
    id: '3',
    customerId: 'ben',
    status: 'paid',
    total: '30.00',
    placedAt: '2026-03-18T00:00:00Z',
    items: [items('bulb', 'light', 3, '10.00')],
  },
  { id: '4', customerId: 'cleo', status: 'paid', total: '20.00', placedAt: '2026-03-17T23:59:59Z' },
  {
    id: '5',
    customerId: 'eve',
    status: 'paid',
    total: '70.00',
    placedAt: '2026-06-01T10:00:00Z',
    items: [items('lamp', 'light', 7, '10.00')],
  },
  { id: '6', customerId: 'eve', status: 'cancelled', total: '1000.00', placedAt: '2026-06-01T10:00:00Z' },
  { id: '7', customerId: 'fay', status: 'paid', total: '-5.00', placedAt: '2026-06-15T11:59:59Z' },
  { id: '8', customerId: 'fay', status: 'paid', total: '500.00', placedAt: '2026-06-17T12:00:00Z' },
];
const EVENTS = [
  { id: '1', customerId: 'ada', name: 'seen', occurredAt: '2026-06-14T23:00:00Z' },
  { id: '2', customerId: 'ada', name: 'seen', occurredAt: '2026-06-14T01:00:00Z' },
  { id: '3', customerId: 'ada', name: 'liked', occurredAt: '2026-06-15T01:00:00Z' },
  { id: '4', customerId: 'dora', name: 'seen', occurredAt: '2026-06-15T01:00:00Z' },
  { id: '5', customerId: 'ben', name: 'seen', occurredAt: '2026-03-17T23:59:59Z' },
];

async function settle(): Promise<void> {
  await finishRuns(service.strata);
  await publish();
}

async function publish(): Promise<void> {
  await publishChanges(service.strata);
}

async function define(key: string, rule: string): Promise<void> {
  const made = await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
  expect(made.status, made.text).toBe(201);
  await settle();
}

async function get(path: string) {
  const answer = await service.call('GET', path);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

const part = (members: number, everybody: number, of = 3, all = 6) => ({
  members,
  share: of === 0 ? null : members / of,
  everybody,
  shareOfEverybody: everybody / all,
  lift: of === 0 || everybody === 0 ? null : members / of / (everybody / all),
});

beforeAll(async () => {
  clock = new TestClock(NOW);
  service = await startService({ clock, background: false });
  await service.call('POST', '/v1/customers', { data: CUSTOMERS });
  await service.call('POST', '/v1/orders', { data: ORDERS });
  await service.call('POST', '/v1/events', { data: EVENTS });
  await define('german', 'country = "DE"'); // ada, ben, eve
  await define('nobody', 'country = "XX"');
});
afterAll(() => service.close());

describe('a report', () => {
  test('tells size, share and place', async () => {
    const report = await get('/v1/segments/german/report?parts=mix');
    expect(report).toMatchObject({ members: 3, everybody: 6, share: 0.5, unnumbered: 0, currency: 'USD', timeZone: 'UTC' });
    expect(report).toMatchObject({
      at: '2026-06-15T12:00:00.000Z',
      position: 3,
      from: '2026-03-18T00:00:00.000Z',
      profile: null,
      value: null,
    });
    expect(report.trend.points).toHaveLength(90);
    expect(report.trend.points.at(-1)).toMatchObject({ at: '2026-06-15T00:00:00.000Z', size: 3, entered: 3, left: 0 });
    expect(report.trend.points.at(-1).causes).toEqual({ definition: { entered: 3, left: 0 } });
  });

  test('spreads members over values against everybody', async () => {
    const { profile } = await get('/v1/segments/german/report?parts=profile&by=gender,age,city,tags,attributes.tier,attributes.likes');
    const [gender, age, city, tags, tier, likes] = profile;
    expect(gender).toEqual({
      field: 'gender',
      values: [
        { value: 'female', ...part(2, 3) },
        { value: 'male', ...part(1, 1) },
      ],
      missing: part(0, 2),
      others: { ...part(0, 0), lift: null },
    });
    expect(age.values).toEqual([
      { value: '18–24', ...part(1, 1) },
      { value: 'under 18', ...part(1, 1) },
      { value: '65+', ...part(0, 1) },
    ]);
    expect(age.missing).toEqual(part(1, 3));
    expect(city).toMatchObject({ values: [{ value: 'Köln', members: 1 }], missing: { members: 2, everybody: 5 } });
    expect(tags).toEqual({
      field: 'tags',
      values: [
        { value: 'b', ...part(2, 2) },
        { value: 'a', ...part(1, 1) },
      ],
      missing: part(1, 4),
      others: null,
    });
    expect(tier.values).toEqual([
      { value: 'gold', ...part(2, 2) },
      { value: 'silver', ...part(0, 1) },
    ]);
    expect(likes).toMatchObject({
      values: [
        { value: 'y', members: 2 },
        { value: 'x', members: 1 },
      ],
      missing: { everybody: 4 },
      others: null,
    });
  });

  test('counts the values behind the list together', async () => {
    const { profile } = await get('/v1/segments/german/report?parts=profile&by=country&most=1');
    expect(profile).toEqual([{ field: 'country', values: [{ value: 'DE', ...part(3, 3) }], missing: part(0, 0), others: part(0, 3) }]);
  });

  test('adds up what was spent', async () => {
    const { value } = await get('/v1/segments/german/report?parts=value&statuses=paid');
    expect(value.period).toEqual({
      members: {
        customers: 3,
        buyers: 3,
        orders: 3,
        revenue: '200.00',
        averageOrder: '66.6667',
        ordersPerBuyer: 1,
        revenuePerCustomer: '66.6667',
        repeatShare: 0,
      },
      everybody: {
        customers: 6,
        buyers: 4,
        orders: 4,
        revenue: '195.00',
        averageOrder: '48.75',
        ordersPerBuyer: 1,
        revenuePerCustomer: '32.50',
        repeatShare: 0,
      },
      shareOfOrders: 3 / 4,
      shareOfRevenue: 200 / 195,
    });
    expect(value.lifetime.members).toMatchObject({ buyers: 3, orders: 4, revenue: '250.00', repeatShare: 1 / 3, averageOrder: '62.50' });
    expect(value.lifetime.everybody).toMatchObject({ buyers: 5, orders: 6, revenue: '265.00', repeatShare: 1 / 5 });
    const seconds = (from: string) => Math.floor((NOW - Date.parse(from)) / 1000);
    const sum = ['2026-06-10T10:00:00Z', '2026-03-18T00:00:00Z', '2026-06-01T10:00:00Z'].reduce((total, at) => total + seconds(at), 0);
    expect(value.recencyDays.members).toBeCloseTo(sum / 86_400 / 3, 10);
  });

  test('bands customers by what they did', async () => {
    const { value } = await get('/v1/segments/german/report?parts=value&statuses=paid');
    expect(value.byOrders).toEqual([
      { from: null, to: null, ...part(0, 1) },
      { from: 1, to: 2, ...part(2, 4) },
      { from: 2, to: 3, ...part(1, 1) },
    ]);
    const filled = (bands: readonly { members: number; everybody: number; from: number; to: number }[]) =>
      bands.filter(({ everybody }) => everybody > 0).map(({ from, to, members, everybody }) => [from, to, members, everybody]);
    expect(filled(value.byRevenue)).toEqual([
      [null, null, 0, 1],
      [null, 0, 0, 1],
      [20, 50, 1, 2],
      [50, 100, 1, 1],
      [100, 200, 1, 1],
    ]);
    expect(filled(value.byAverageOrder)).toEqual([
      [null, null, 0, 1],
      [null, 0, 0, 1],
      [20, 50, 1, 2],
      [50, 100, 2, 2],
    ]);
    // ben ordered 89.5 days ago, cleo a second and half a day more than 89
    expect(filled(value.byRecency)).toEqual([
      [null, null, 0, 1],
      [0, 7, 1, 2],
      [7, 30, 1, 1],
      [60, 90, 1, 2],
    ]);
    expect(value.lifecycle.map(({ stage, members, everybody }: Record<string, number>) => [stage, members, everybody])).toEqual([
      ['never ordered', 0, 1],
      ['new', 1, 2],
      ['active', 2, 3],
      ['slowing', 0, 0],
      ['lapsed', 0, 0],
    ]);
  });

  test('counts all statuses unless told', async () => {
    const { value } = await get('/v1/segments/german/report?parts=value');
    expect(value.period.members).toMatchObject({ orders: 4, revenue: '1200.00', repeatShare: 1 / 3 });
  });

  test('names what members buy', async () => {
    const { goods } = await get('/v1/segments/german/report?parts=goods&most=1');
    expect(goods).toMatchObject({ revenue: '200.00', revenueOfEverybody: '200.00' });
    expect(goods.products.byShare).toEqual([
      {
        value: 'lamp',
        name: 'The lamp',
        lines: 2,
        quantity: '17',
        revenue: '170.00',
        share: 0.85,
        revenueOfEverybody: '170.00',
        shareOfEverybody: 0.85,
        lift: 1,
      },
    ]);
    expect(goods.categories.byShare).toMatchObject([{ value: 'light', name: null, lines: 3, share: 1 }]);
    expect(goods.brands).toEqual({ byShare: [], byLift: [] });
    expect(goods.products.byLift).toEqual([]); // nothing bought ten times
  });

  test('counts who did what on which days', async () => {
    const { engagement } = await get('/v1/segments/german/report?parts=engagement');
    expect(engagement).toEqual({
      events: [
        { event: 'seen', ...part(1, 2), times: 2, timesOfEverybody: 3 },
        { event: 'liked', ...part(1, 1), times: 1, timesOfEverybody: 1 },
      ],
      active: part(1, 2),
      activeDays: { members: 2, everybody: 1.5 },
      byActiveDays: [
        { from: 1, to: 2, ...part(0, 1) },
        { from: 2, to: 3, ...part(1, 1) },
      ],
    });
  });

  test('of nobody divides by nothing', async () => {
    const report = await get('/v1/segments/nobody/report');
    expect(report).toMatchObject({ members: 0, share: 0 });
    expect(report.value.period.members).toMatchObject({ orders: 0, revenue: '0.00', averageOrder: null, repeatShare: null });
    expect(report.value.byOrders[0]).toEqual({ from: null, to: null, ...part(0, 1, 0) });
    expect(report.goods.products).toEqual({ byShare: [], byLift: [] });
    expect(JSON.stringify(report)).not.toMatch(/NaN|Infinity/);
  });

  test('comes as a file without formulas', async () => {
    const answer = await service.call('GET', '/v1/segments/german/report.csv?by=country');
    expect(answer.headers).toMatchObject({ 'content-type': 'text/csv; charset=utf-8', 'strata-report-position': '3' });
    const lines = answer.text.split('\r\n');
    expect(lines[0]).toBe('part,figure,value,members,everybody,share,shareOfEverybody,lift');
    expect(lines).toContain('size,customers,,3,6,0.5,1,');
    expect(lines).toContain(`profile,country,"'=1+1,""x""",0,1,0,${1 / 6},0`);
    expect(lines).toContain(`lifetime,revenue,,1250.00,1265.00,${1250 / 1265},,`);
    expect(lines).toContain('value,byOrders,1..2,1,3,0.3333333333333333,0.5,0.6666666666666666');
  });

  test('refuses what is no field or part', async () => {
    for (const [query, parameter] of [
      ['by=email', 'by'],
      ['by=attributes.unknown', 'by'],
      ['parts=everything', 'parts.0'],
      ['days=0', 'days'],
    ]) {
      const answer = await service.call('GET', `/v1/segments/german/report?${query}`);
      expect([query, answer.status, answer.body.errors[0].parameter]).toEqual([query, 400, parameter]);
    }
  });
});
