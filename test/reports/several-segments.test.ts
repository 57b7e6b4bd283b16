// Reports over several segments: how they overlap, who moved between them, side by side, sizes in one read. Figures worked out by hand.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { DAY_MS } from '../../src/base/durations.ts';
import { type Service, startService } from '../api/service.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';

const START = Date.parse('2026-06-10T12:00:00.000Z');
let service: Service;
let clock: TestClock;

async function call(method: string, path: string, body?: unknown) {
  const answer = await service.call(method, path, body);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.body;
}

async function settle(): Promise<void> {
  await finishRuns(service.strata);
  await publish();
}

async function publish(): Promise<void> {
  await publishChanges(service.strata);
}

const spend = (customerId: string, id: string, total: string, placedAt = new Date(START).toISOString()) =>
  call('PUT', `/v1/orders/${id}`, { customerId, status: 'paid', total, placedAt });

/** high: more than 100; middle: more than 10; the group is in that order. big: more than 50, in no group. */
beforeAll(async () => {
  clock = new TestClock(START);
  service = await startService({ clock, background: false });
  await call('POST', '/v1/customers', {
    data: ['ada', 'ben', 'cleo', 'dora', 'eve'].map((id) => ({ id, country: id === 'ada' ? 'DE' : 'GB' })),
  });
  await spend('ada', '1', '200');
  await spend('ben', '2', '60');
  await spend('cleo', '3', '20');
  await spend('dora', '4', '5');
  for (const [key, least] of [
    ['high', 100],
    ['middle', 10],
    ['big', 50],
  ])
    await call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule: `sum(orders.total) > ${least}`, publish: true });
  await settle();
  await call('POST', '/v1/groups', { key: 'worth', name: 'Worth', segments: ['high', 'middle'] });
  await settle();
  clock.set(START + DAY_MS);
  await spend('ben', '5', '100'); // middle to high
  await spend('eve', '6', '15'); // none to middle
  await call('DELETE', '/v1/orders/1'); // ada: high to none
  await publish();
  clock.set(START + 2 * DAY_MS);
  await call('PUT', '/v1/customers/fay', {});
  await spend('fay', '7', '30'); // was no customer
  await publish();
  clock.set(START + 3 * DAY_MS);
});
afterAll(() => service.close());

describe('overlap', () => {
  test('counts pairs and exact intersections', async () => {
    const report = await call('GET', '/v1/reports/overlap?segments=high,middle,big');
    expect(report).toMatchObject({ everybody: 6, inAny: 4, intersectionCount: 2 });
    expect(report.sizes).toEqual([
      { segment: 'high', members: 1 }, // ben
      { segment: 'middle', members: 3 }, // cleo, eve, fay
      { segment: 'big', members: 1 }, // ben
    ]);
    expect(report.pairs).toEqual([
      { left: 'high', right: 'middle', both: 0, either: 4, jaccard: 0, shareOfLeft: 0, shareOfRight: 0, lift: 0 },
      { left: 'high', right: 'big', both: 1, either: 1, jaccard: 1, shareOfLeft: 1, shareOfRight: 1, lift: 6 },
      { left: 'middle', right: 'big', both: 0, either: 4, jaccard: 0, shareOfLeft: 0, shareOfRight: 0, lift: 0 },
    ]);
    expect(report.intersections).toEqual([
      { segments: ['middle'], customers: 3 },
      { segments: ['high', 'big'], customers: 1 },
    ]);
  });

  test('tells the largest where asked', async () => {
    const report = await call('GET', '/v1/reports/overlap?segments=high,middle,big&most=1');
    expect(report).toMatchObject({ intersections: [{ segments: ['middle'], customers: 3 }], intersectionCount: 2 });
  });

  test('takes one segment, also twice', async () => {
    const report = await call('GET', '/v1/reports/overlap?segments=middle,middle');
    expect(report).toMatchObject({ sizes: [{ segment: 'middle', members: 3 }], pairs: [], inAny: 3 });
  });

  test('is the same in GraphQL', async () => {
    const query =
      '{ overlap(keys: ["high", "big"]) { leftKey rightKey both } overlapReport(segments: ["high", "big"]) { pairs { both } } }';
    const { data } = await call('POST', '/graphql', { query });
    expect(data).toEqual({ overlap: [{ leftKey: 'high', rightKey: 'big', both: 1 }], overlapReport: { pairs: [{ both: 1 }] } });
  });

  test('comes as a file', async () => {
    const { text } = await service.call('GET', '/v1/reports/overlap.csv?segments=high,big');
    expect(text.split('\r\n')).toEqual([
      'kind,segments,customers,share,jaccard,lift',
      `segment,high,1,${1 / 6},,`,
      `segment,big,1,${1 / 6},,`,
      `pair,high big,1,${1 / 6},1,6`,
      `exactly,high big,1,${1 / 6},,`,
      '',
    ]);
  });
});

describe('flows', () => {
  const at = (days: number) => new Date(START + days * DAY_MS).toISOString();

  test('tell who moved in a group', async () => {
    const report = await call('GET', `/v1/reports/flows?group=worth&from=${at(0)}`);
    expect(report).toMatchObject({ from: at(0), to: at(3) });
    expect(report.segments).toEqual([
      { segment: 'high', before: 1, after: 1 },
      { segment: 'middle', before: 2, after: 3 },
    ]);
    expect(report.flows).toEqual([
      { from: 'high', to: null, customers: 1, share: 1 }, // ada
      { from: 'middle', to: 'high', customers: 1, share: 0.5 }, // ben
      { from: 'middle', to: 'middle', customers: 1, share: 0.5 }, // cleo
      { from: null, to: 'middle', customers: 2, share: 2 / 3 }, // eve, fay
      { from: null, to: null, customers: 1, share: 1 / 3 }, // dora
    ]);
  });

  test('end where they are asked to', async () => {
    const report = await call('GET', `/v1/reports/flows?group=worth&from=${at(0)}&to=${at(1.5)}`);
    expect(report.segments).toEqual([
      { segment: 'high', before: 1, after: 1 },
      { segment: 'middle', before: 2, after: 2 },
    ]);
    expect(report.flows.at(-2)).toEqual({ from: null, to: 'middle', customers: 1, share: 1 / 3 });
  });

  test('stand in the first of several', async () => {
    const { flows } = await call('GET', `/v1/reports/flows?segments=big,high&from=${at(0.5)}&to=${at(0.5)}`);
    expect(flows).toEqual([
      { from: 'big', to: 'big', customers: 2, share: 1 },
      { from: null, to: null, customers: 4, share: 1 },
    ]);
  });

  test('see what waits for its number', async () => {
    await spend('dora', '8', '500');
    const { flows } = await call('GET', `/v1/reports/flows?group=worth&from=${at(2.5)}`);
    const report = await call('GET', '/v1/segments/high/report?parts=mix&days=2');
    await publish();
    expect(flows).toContainEqual({ from: null, to: 'high', customers: 1, share: 0.5 });
    expect(report).toMatchObject({ members: 2, unnumbered: 1 });
    expect(report.trend.points).toMatchObject([
      { size: 1, entered: 0 },
      { size: 2, entered: 1, causes: { data: { entered: 1, left: 0 } } },
    ]);
    await call('DELETE', '/v1/orders/8');
    await publish();
  });

  test('refuse what cannot be told', async () => {
    for (const [query, parameter] of [
      [`group=worth&segments=high&from=${at(0)}`, 'segments'],
      [`from=${at(0)}`, 'segments'],
      [`group=worth&from=${at(4)}`, 'from'],
      [`group=worth&from=${at(0)}&to=${at(4)}`, 'to'],
      [`group=worth&from=${at(2)}&to=${at(1)}`, 'from'],
    ]) {
      const { status, body } = await service.call('GET', `/v1/reports/flows?${query}`);
      expect([query, status, body.errors[0].parameter]).toEqual([query, 400, parameter]);
    }
  });

  test('forget the erased', async () => {
    await call('PUT', '/v1/customers/gus', {});
    await spend('gus', '9', '30');
    const before = new Date(clock.nowMs()).toISOString();
    clock.set(clock.nowMs() + 1000);
    await call('DELETE', '/v1/customers/gus');
    const waiting = await call('GET', `/v1/reports/flows?group=worth&from=${before}`);
    await publish();
    const told = await call('GET', `/v1/reports/flows?group=worth&from=${before}`);
    expect(waiting.flows).toEqual(told.flows);
    expect(told.segments).toMatchObject([{}, { segment: 'middle', before: 3, after: 3 }]);
  });
});

test('segments side by side have the same values', async () => {
  const report = await call('GET', '/v1/reports/comparison?segments=middle,high,big&by=country&days=3');
  expect(report).toMatchObject({ everybody: 6, from: '2026-06-11T00:00:00.000Z' });
  const [middle, high] = report.segments;
  expect(middle).toMatchObject({ segment: 'middle', members: 3, share: 0.5, left: 2 });
  expect(middle.value.lifetime.members).toMatchObject({ orders: 3, revenue: '65.00' });
  expect(middle.value.lifetime.everybody).toMatchObject({ orders: 6, revenue: '230.00' });
  expect(high.value.lifetime).toMatchObject({ members: { orders: 2, revenue: '160.00' }, shareOfRevenue: 160 / 230 });
  expect(high.profile).toEqual([
    {
      field: 'country',
      values: [
        { value: 'GB', members: 1, share: 1, everybody: 4, shareOfEverybody: 4 / 6, lift: 1.5 },
        expect.objectContaining({ value: 'DE' }),
      ],
      missing: expect.objectContaining({ everybody: 1 }),
      others: expect.objectContaining({ everybody: 0 }),
    },
  ]);
  const { text } = await service.call('GET', '/v1/reports/comparison.csv?segments=middle,high&by=country');
  expect(text.split('\r\n')).toEqual(
    expect.arrayContaining(['figure,middle,high,everybody', 'members,3,1,6', 'lifetime revenue,65.00,160.00,230.00']),
  );
});

test('the parts of a report say the group', async () => {
  const { mix } = await call('GET', '/v1/segments/big/report?parts=mix');
  const part = { lift: expect.anything(), shareOfEverybody: expect.any(Number) };
  expect(mix).toEqual([
    {
      group: 'worth',
      name: 'Worth',
      segments: [
        { segment: 'high', name: 'high', members: 1, share: 1, everybody: 1, ...part },
        { segment: 'middle', name: 'middle', members: 0, share: 0, everybody: 3, ...part },
      ],
    },
  ]);
});

test('many sizes are those of each', async () => {
  for (const resolution of ['hour', 'day', 'week', 'month']) {
    const period = `resolution=${resolution}&from=2026-06-09T00:00:00Z`;
    const { segments, position } = await call('GET', `/v1/reports/sizes?segments=big,high,middle&${period}`);
    for (const { segment, points } of segments) {
      const alone = await call('GET', `/v1/segments/${segment}/sizes?${period}`);
      expect([segment, alone.points, alone.position]).toEqual([segment, points, position]);
    }
    expect(segments.map(({ points }: { points: readonly { size: number }[] }) => points.at(-1)?.size)).toEqual([1, 1, 3]);
  }
  const { status, body } = await service.call('GET', '/v1/reports/sizes?segments=big&from=1950-01-01T00:00:00Z');
  expect([status, body.code]).toEqual([400, 'invalid_request']);
});
