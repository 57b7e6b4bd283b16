// The structure of a small customer base, each figure worked out by hand.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { write } from '../../src/pipeline.ts';
import { type Service, startService } from '../api/service.ts';
import { finishRuns } from '../membership/leader-by-hand.ts';
import { customer, order, START_MS } from '../membership/strata-under-test.ts';

let service: Service;
let clock: TestClock;

function buy(id: string, customerId: string, day: string, total: number, status = 'paid') {
  return order(id, customerId, { total: String(total * 10_000), placedAtMs: Date.parse(`${day}T00:00:00Z`), status });
}

beforeAll(async () => {
  clock = new TestClock(START_MS); // 15 June, noon
  service = await startService({ clock, background: false });
  await write(service.strata, {
    ...NO_FACTS,
    customers: ['anna', 'ben', 'carl', 'dora', 'emma'].map((id) =>
      customer(id, { createdAtMs: Date.parse('2025-10-01T00:00:00Z'), tags: id < 'c' ? ['early'] : [] }),
    ),
    orders: [
      buy('a1', 'anna', '2026-01-10', 100),
      buy('a2', 'anna', '2026-02-10', 50),
      buy('a3', 'anna', '2026-02-20', -10),
      buy('a4', 'anna', '2026-06-20', 1000), // it has not been placed yet
      buy('b1', 'ben', '2026-02-05', 20),
      buy('c1', 'carl', '2025-11-01', 30),
      buy('c2', 'carl', '2026-02-01', 30),
      buy('e1', 'emma', '2026-02-15', 5, 'cancelled'),
    ],
  });
  await service.call('POST', '/v1/segments', { key: 'early', name: 'early', kind: 'rule', rule: 'tags has ("early")', publish: true });
  await finishRuns(service.strata);
});

afterAll(() => service?.close());

async function report(path: string) {
  const answer = await service.call('GET', `/v1/reports/${path}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

async function csv(path: string): Promise<string[]> {
  const answer = await service.call('GET', `/v1/reports/${path}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.text.trim().split('\r\n');
}

const WINTER = 'from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z';

describe('cohorts', () => {
  it('follow those of each first order', async () => {
    const { cohorts, unit, timeZone } = await report(`cohorts?${WINTER}`);
    expect({ unit, timeZone }).toEqual({ unit: 'month', timeZone: 'UTC' });
    expect(cohorts).toEqual([
      {
        start: '2026-01-01T00:00:00.000Z',
        customers: 1,
        periods: [
          { offset: 0, customers: 1, orders: 1, revenue: '100.00', share: 1, revenuePerCustomer: '100.00' },
          { offset: 1, customers: 1, orders: 2, revenue: '40.00', share: 1, revenuePerCustomer: '140.00' },
        ],
      },
      {
        start: '2026-02-01T00:00:00.000Z',
        customers: 2,
        periods: [{ offset: 0, customers: 2, orders: 2, revenue: '25.00', share: 1, revenuePerCustomer: '12.50' }],
      },
    ]);
  });

  it('come as CSV', async () => {
    expect(await csv(`cohorts.csv?${WINTER}&statuses=paid`)).toEqual([
      'cohort,cohortCustomers,offset,customers,share,orders,revenue,revenuePerCustomer',
      '2026-01-01T00:00:00.000Z,1,0,1,1,1,100.00,100.00',
      '2026-01-01T00:00:00.000Z,1,1,1,1,2,40.00,140.00',
      '2026-02-01T00:00:00.000Z,1,0,1,1,1,20.00,20.00',
    ]);
  });

  it('end now and span a year unless said', async () => {
    const { cohorts } = await report('cohorts');
    expect(cohorts).toHaveLength(12);
    expect(cohorts.at(-1)).toEqual({
      start: '2026-06-01T00:00:00.000Z',
      customers: 0,
      periods: [{ offset: 0, customers: 0, orders: 0, revenue: '0.00', share: null, revenuePerCustomer: null }],
    });
    expect(cohorts[4]).toMatchObject({ start: '2025-11-01T00:00:00.000Z', customers: 1 });
  });
});

describe('new and returning', () => {
  it('are told by their first order’s period', async () => {
    const { periods } = await report(`new-and-returning?${WINTER}`);
    expect(periods).toEqual([
      {
        start: '2026-01-01T00:00:00.000Z',
        new: { customers: 1, orders: 1, revenue: '100.00' },
        returning: { customers: 0, orders: 0, revenue: '0.00' },
        shareOfNew: 1,
      },
      {
        start: '2026-02-01T00:00:00.000Z',
        new: { customers: 2, orders: 2, revenue: '25.00' },
        returning: { customers: 2, orders: 3, revenue: '70.00' },
        shareOfNew: 25 / 95,
      },
    ]);
  });

  it('come as CSV, of the members alone', async () => {
    expect(await csv(`new-and-returning.csv?${WINTER}&segment=early&unit=quarter`)).toEqual([
      'start,newCustomers,newOrders,newRevenue,returningCustomers,returningOrders,returningRevenue,shareOfNew',
      '2026-01-01T00:00:00.000Z,2,4,160.00,0,0,0.00,1',
    ]);
  });
});

describe('value and purchase cycle', () => {
  it('cross in a grid', async () => {
    const grid = await report('value-grid?value=50,100&cycle=30');
    expect(grid).toMatchObject({ customers: 5, withOrders: 4, revenue: '225.00', valueCuts: ['50.00', '100.00'], cycleCuts: [30] });
    expect(grid.cells).toHaveLength(9);
    const taken = grid.cells.filter((cell: { customers: number }) => cell.customers > 0);
    expect(taken).toMatchObject([
      { valueBand: 0, valueBelow: '50.00', cycleBand: null, customers: 2, orders: 2, revenue: '25.00', share: 0.5 },
      { valueBand: 1, cycleBand: 1, cycleFrom: 30, cycleBelow: null, customers: 1, orders: 2, revenue: '60.00' }, // 92 days
      { valueBand: 2, cycleBand: 0, cycleBelow: 30, customers: 1, orders: 3, revenue: '140.00', shareOfRevenue: 140 / 225 }, // 20.5 days
    ]);
  });

  it('are cut into halves where not said', async () => {
    const { valueCuts, cycleCuts } = await report('value-grid?bands=2');
    expect({ valueCuts, cycleCuts }).toEqual({ valueCuts: ['60.00'], cycleCuts: [92] }); // 5, 20 | 60, 140 and 20.5 | 92
  });

  it('are of a past instant where asked', async () => {
    const grid = await report('value-grid?at=2026-02-01T00:00:00Z&value=50&cycle=30');
    expect(grid).toMatchObject({ at: '2026-02-01T00:00:00.000Z', customers: 5, withOrders: 2, revenue: '160.00' });
  });

  it('come as CSV', async () => {
    const lines = await csv('value-grid.csv?value=50&cycle=30');
    expect(lines[0]).toBe('valueBand,valueFrom,valueBelow,cycleBand,cycleFrom,cycleBelow,customers,orders,revenue,share,shareOfRevenue');
    expect(lines.slice(1, 4)).toEqual([
      '0,,50.00,0,,30,0,0,0.00,0,0',
      '0,,50.00,1,30,,0,0,0.00,0,0',
      `0,,50.00,,,,2,2,25.00,0.5,${25 / 225}`,
    ]);
  });
});

describe('recency, frequency, monetary value', () => {
  it('score each customer with an order', async () => {
    const rfm = await report('rfm?recency=120&frequency=2&monetary=50');
    expect(rfm).toMatchObject({ customers: 5, withOrders: 4, recencyCuts: [120], frequencyCuts: [2], monetaryCuts: ['50.00'] });
    expect(rfm.cells).toEqual([
      { recency: 2, frequency: 2, monetary: 2, customers: 1, orders: 3, revenue: '140.00' }, // anna, 115 days ago
      { recency: 1, frequency: 2, monetary: 2, customers: 1, orders: 2, revenue: '60.00' }, // carl, 134
      { recency: 1, frequency: 1, monetary: 1, customers: 2, orders: 2, revenue: '25.00' }, // ben, 130; emma, 120
    ]);
  });

  it('never part equal values', async () => {
    const { frequencyCuts } = await report('rfm?scores=5'); // 1, 1, 2, 3 orders
    expect(frequencyCuts).toEqual([2, 3]);
  });

  it('come as CSV', async () => {
    expect((await csv('rfm.csv?recency=120&frequency=2&monetary=50')).slice(0, 2)).toEqual([
      'recency,frequency,monetary,customers,orders,revenue',
      '2,2,2,1,3,140.00',
    ]);
  });
});

describe('nobody', () => {
  it('gives empty reports', async () => {
    const none = 'statuses=never';
    expect(await report(`value-grid?${none}`)).toMatchObject({
      customers: 5,
      withOrders: 0,
      valueCuts: [],
      cycleCuts: [],
      revenue: '0.00',
    });
    expect((await report(`value-grid?${none}`)).cells).toMatchObject([
      { customers: 0, share: null },
      { customers: 0, shareOfRevenue: null },
    ]);
    expect(await report(`rfm?${none}`)).toMatchObject({ withOrders: 0, recencyCuts: [], cells: [] });
    expect((await report(`new-and-returning?${none}&${WINTER}`)).periods[0]).toMatchObject({ new: { orders: 0 }, shareOfNew: null });
  });

  it.each([
    ['cohorts?unit=day&from=2026-01-01T00:00:00Z', 'from'],
    [`cohorts?from=2026-03-01T00:00:00Z&to=2026-03-01T00:00:00Z`, 'from'],
    ['rfm?recency=20,10', 'recency'],
    ['rfm?recency=1,x', 'recency.1'],
    ['value-grid?value=1,2,3,4,5,6,7,8,9,10', 'value'],
    ['rfm?at=2026-07-01T00:00:00Z', 'at'],
  ])('is not told for %s', async (path, parameter) => {
    const answer = await service.call('GET', `/v1/reports/${path}`);
    expect(answer.status, answer.text).toBe(400);
    expect(answer.body.errors[0].parameter).toBe(parameter);
  });
});
