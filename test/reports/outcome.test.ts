// Outcomes of a small shop, each figure worked out by hand.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { write } from '../../src/pipeline.ts';
import { type Service, startService } from '../api/service.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';
import { customer, DAY_MS, order, START_MS } from '../membership/strata-under-test.ts';

/** The day's number since the campaign, and a fraction of it. */
const onDay = (day: number) => START_MS + day * DAY_MS;
const iso = (instantMs: number) => new Date(instantMs).toISOString();
const AT = iso(START_MS);
const FIRST_DAY = `segment=fans&from=${iso(onDay(0))}&to=${iso(onDay(5))}`;

const FANS = ['anna', 'ben', 'carl', 'dora'];
const OTHERS = ['emma', 'finn', 'gina', 'hugo', 'ines'];

let service: Service;
let clock: TestClock;
/** Read while the changes still waited for their places in the feed. */
let unnumbered: { position: number };

function tagged(id: string, ...tags: string[]) {
  return customer(id, { tags });
}

async function define(key: string, rule: string): Promise<void> {
  const made = await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
  expect(made.status, made.text).toBe(201);
  await finishRuns(service.strata);
}

function buy(day: number, id: string, customerId: string, total: string, status = 'paid') {
  return order(id, customerId, { total: `${total}0000`, placedAtMs: onDay(day), status });
}

async function publish(): Promise<void> {
  await publishChanges(service.strata);
}

beforeAll(async () => {
  clock = new TestClock(onDay(-2));
  service = await startService({ clock, background: false });
  const { strata } = service;
  await write(strata, { ...NO_FACTS, customers: [...FANS, ...OTHERS].map((id) => tagged(id)) });
  await define('fans', 'tags has ("fan")');
  await define('cool', 'not in segment "fans"');
  clock.set(onDay(-1));
  await write(strata, { ...NO_FACTS, customers: FANS.map((id) => tagged(id, 'fan')) });
  clock.set(onDay(5));
  await write(strata, { ...NO_FACTS, customers: [tagged('carl'), tagged('finn', 'fan'), tagged('late')] });
  clock.set(onDay(30));
  await write(strata, {
    ...NO_FACTS,
    orders: [
      buy(-1, 'before', 'anna', '99'),
      buy(0, 'at-the-instant', 'anna', '99'),
      buy(1, 'a1', 'anna', '10'),
      buy(9, 'a2', 'anna', '20'),
      buy(3, 'b1', 'ben', '5'),
      buy(3.5, 'b2', 'ben', '50', 'cancelled'),
      buy(14, 'd1', 'dora', '8'), // the last instant of the fortnight, which it still counts
      buy(20, 'd2', 'dora', '8'),
      buy(2, 'e1', 'emma', '7'),
      buy(2, 'e2', 'late', '700'),
      buy(6, 'f1', 'finn', '4'),
    ],
  });
  unnumbered = await outcome(`segment=fans&at=${AT}&days=14&afterwards=fans,cool`);
  await publish();
});

afterAll(() => service?.close());

async function outcome(query: string) {
  const answer = await service.call('GET', `/v1/reports/outcome?${query}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

const counts = ({ count, of }: { count: number; of: number }) => [count, of];

describe('members at an instant beside others', () => {
  it('counts who ordered, and again', async () => {
    const { conversion, repeat, customers } = await outcome(`segment=fans&at=${AT}&days=14&statuses=paid`);
    expect(customers).toEqual({ members: 4, compared: 5 }); // who was created later is not among the others
    expect([counts(conversion.members), counts(conversion.compared)]).toEqual([
      [3, 4],
      [2, 5],
    ]);
    expect([counts(repeat.members), counts(repeat.compared)]).toEqual([
      [1, 3],
      [0, 2],
    ]);
    expect(conversion.difference.value).toBeCloseTo(0.35, 12);
    // Wilson of 3 in 4 and of 2 in 5, by hand: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964
    expect(conversion.members.low).toBeCloseTo(0.300642, 6);
    expect(conversion.members.high).toBeCloseTo(0.954413, 6);
    expect(conversion.compared.low).toBeCloseTo(0.117621, 6);
    expect(conversion.compared.high).toBeCloseTo(0.769276, 6);
    expect(conversion.difference.low).toBeCloseTo(0.35 - Math.hypot(0.75 - 0.300642, 0.769276 - 0.4), 5);
    expect(conversion.difference.high).toBeCloseTo(0.35 + Math.hypot(0.954413 - 0.75, 0.4 - 0.117621), 5);
  });

  it('sums revenue, per customer with intervals', async () => {
    const { revenue, orders, averageOrder, revenuePerCustomer, ordersPerCustomer, addedRevenue } = await outcome(
      `segment=fans&at=${AT}&days=14&statuses=paid`,
    );
    expect(orders).toEqual({ members: 4, compared: 2 });
    expect(revenue).toEqual({ members: '43.00', compared: '11.00' });
    expect(averageOrder).toEqual({ members: '10.75', compared: '5.50' });
    expect([revenuePerCustomer.members.amount, revenuePerCustomer.compared.amount]).toEqual(['10.75', '2.20']);
    // 30, 5, 0, 8: variance 526.75/3; t of 3 degrees 3.182446: 10.75 ± 3.182446 × √(526.75/3/4)
    expect(Number(revenuePerCustomer.members.low)).toBeCloseTo(10.75 - 3.182446 * Math.sqrt(526.75 / 12), 3);
    expect(Number(revenuePerCustomer.members.high)).toBeCloseTo(10.75 + 3.182446 * Math.sqrt(526.75 / 12), 3);
    expect(revenuePerCustomer.difference.amount).toBe('8.55');
    expect(addedRevenue.amount).toBe('34.20');
    expect(ordersPerCustomer.members.value).toBe(1);
  });

  it('counts who came back by week', async () => {
    const { retention } = await outcome(`segment=fans&at=${AT}&days=20&statuses=paid`);
    const seen = retention.map(({ period, active }: { period: number; active: { members: object; compared: object } }) => [
      period,
      active.members,
      active.compared,
    ]);
    expect(seen).toMatchObject([
      [1, { count: 2, of: 4 }, { count: 2, of: 5 }],
      [2, { count: 2, of: 4 }, { count: 0, of: 5 }], // anna, and dora at its last instant; the six days behind are no week
    ]);
  });

  it('tells which segments they went to', async () => {
    const { segments } = await outcome(`segment=fans&at=${AT}&days=14&afterwards=fans,cool`);
    const seen = segments.map((one: { segment: string; atStart: Record<string, never>; atEnd: Record<string, never> }) => [
      one.segment,
      ...[one.atStart, one.atEnd].flatMap(({ members, compared }) => [counts(members as never), counts(compared as never)]),
    ]);
    expect(seen).toEqual([
      ['fans', [4, 4], [0, 5], [3, 4], [1, 5]],
      ['cool', [0, 4], [5, 5], [1, 4], [4, 5]],
    ]);
  });

  it('is the same before changes are numbered', async () => {
    const numbered = await outcome(`segment=fans&at=${AT}&days=14&afterwards=fans,cool`);
    expect([unnumbered.position, numbered.position]).toEqual([0, expect.any(Number)]);
    expect(numbered.position).toBeGreaterThan(0);
    expect({ ...numbered, position: 0 }).toEqual(unnumbered);
  });

  it('looks where they were before the change', async () => {
    const { segments } = await outcome(`segment=fans&at=${AT}&days=4`);
    expect(segments).toMatchObject([{ segment: 'fans', atEnd: { members: { count: 4 }, compared: { count: 0 } } }]);
  });
});

describe('those who entered in a period', () => {
  it('begin when they entered', async () => {
    // finn alone enters, on the fifth day, and orders a day later; he is not among the others, nor are the fans of before
    const from = iso(onDay(4));
    const answer = await outcome(`segment=fans&from=${from}&to=${iso(onDay(6))}&days=7&statuses=paid`);
    expect(answer.customers).toEqual({ members: 1, compared: 5 }); // emma, gina, hugo, ines; late, who was created the same instant
    expect(answer.conversion.members).toMatchObject({ count: 1, of: 1 });
    expect(answer.conversion.compared).toMatchObject({ count: 0, of: 5 });
    expect(answer.revenue).toEqual({ members: '4.00', compared: '0.00' });
    expect(answer.revenuePerCustomer.members).toEqual({ amount: '4.00', low: null, high: null }); // one alone has no variance
  });

  it('are nobody where nobody entered', async () => {
    const answer = await outcome(FIRST_DAY);
    expect(answer.customers).toEqual({ members: 0, compared: 0 });
    expect(answer.conversion).toEqual({
      members: { count: 0, of: 0, share: null, low: null, high: null },
      compared: { count: 0, of: 0, share: null, low: null, high: null },
      difference: { value: null, low: null, high: null },
    });
    expect(answer.addedRevenue).toEqual({ amount: null, low: null, high: null });
  });
});

describe('other comparisons', () => {
  it('splits the members by a bucket', async () => {
    const rows = await service.strata.database.query<{ external_id: string; bucket: string }>({
      text: `select c.external_id, strata_bucket('spring', c.external_id) as bucket from customers as c where c.external_id = any($1)`,
      values: [FANS],
    });
    const treated = rows.filter(({ bucket }) => Number(bucket) < 50).map(({ external_id }) => external_id);
    const buyers = ['anna', 'ben', 'dora'];
    const answer = await outcome(`segment=fans&at=${AT}&days=14&against=bucket&salt=spring&below=50`);
    expect(answer.customers).toEqual({ members: treated.length, compared: 4 - treated.length });
    expect(treated.length % 4).not.toBe(0);
    expect(answer.conversion.members.count).toBe(buyers.filter((id) => treated.includes(id)).length);
    expect(answer.conversion.compared.count).toBe(buyers.filter((id) => !treated.includes(id)).length);
  });

  it('takes the members of another segment', async () => {
    const answer = await outcome(`segment=fans&at=${AT}&days=14&against=segment&with=cool`);
    expect(answer.customers).toEqual({ members: 4, compared: 5 });
    const same = await outcome(`segment=fans&at=${AT}&days=14&against=segment&with=fans`);
    expect(same.customers).toEqual({ members: 4, compared: 0 });
  });

  it('leaves out who was a member before', async () => {
    // carl left the fans for the cool ones in that period, finn came to the fans, and late was new among the cool ones
    const answer = await outcome(`segment=fans&from=${iso(onDay(4))}&to=${iso(onDay(6))}&days=7&against=segment&with=cool`);
    expect(answer.customers).toEqual({ members: 1, compared: 1 });
  });
});

describe('the answer', () => {
  it('comes as CSV with the same figures', async () => {
    const query = `segment=fans&at=${AT}&days=14&statuses=paid`;
    const json = await outcome(query);
    const answer = await service.call('GET', `/v1/reports/outcome.csv?${query}`);
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(answer.headers['strata-report-position']).toBe(String(json.position));
    const lines = answer.text.trim().split('\r\n');
    expect(lines[1]).toBe('customers,,4,,,,,5,,,,,,,');
    expect(lines[3]).toBe('revenue,,43.00,,,,,11.00,,,,,,,');
    const { members, compared, difference } = json.conversion;
    const cells = [members.share, members.low, members.high, 3, 4, compared.share, compared.low, compared.high, 2, 5];
    expect(lines[5]).toBe(`conversion,,${[...cells, difference.value, difference.low, difference.high].join(',')}`);
    expect(lines.every((line) => line.split(',').length === 15)).toBe(true);
  });

  it('comes over GraphQL with the same figures', async () => {
    const asked = `segment: "fans", at: "${AT}", days: 14, statuses: ["paid"], afterwards: ["cool"]`;
    const query = `{ outcome(${asked}) { revenue { members } conversion { members { count of low } } segments { atEnd { members { count } } } } }`;
    const answer = await service.call('POST', '/graphql', { query });
    const { conversion } = await outcome(`segment=fans&at=${AT}&days=14&statuses=paid`);
    const { count, of, low } = conversion.members;
    expect(answer.body).toEqual({
      data: {
        outcome: {
          revenue: { members: '43.00' },
          conversion: { members: { count, of, low } },
          segments: [{ atEnd: { members: { count: 1 } } }],
        },
      },
    });
  });

  it.each([
    ['segment=fans', 'at'],
    [`segment=fans&at=${AT}&from=${AT}&to=${AT}`, 'at'],
    [`segment=fans&from=${AT}&to=${AT}`, 'from'],
    [`segment=fans&at=${AT}&days=31`, 'days'],
    [`segment=fans&at=${iso(onDay(29.5))}`, 'at'],
    [`segment=fans&at=${iso(onDay(31))}`, 'at'],
    [`segment=fans&at=${AT}&against=bucket&salt=spring`, 'salt'],
    [`segment=fans&at=${AT}&against=bucket&salt=spring&below=0`, 'below'],
    [`segment=fans&at=${AT}&salt=spring`, 'salt'],
    [`segment=fans&at=${AT}&against=bucket&below=50&salt=%00`, 'salt'],
    [`segment=fans&at=${AT}&statuses=%00`, 'statuses.0'],
    [`segment=fans&at=${AT}&against=segment`, 'with'],
    [`segment=fans&at=${AT}&with=cool`, 'with'],
    [`segment=fans&at=${AT}&confidence=0.5`, 'confidence'],
  ])('refuses %s', async (query, parameter) => {
    const answer = await service.call('GET', `/v1/reports/outcome?${query}`);
    expect(answer.status, answer.text).toBe(400);
    expect(answer.body.errors).toMatchObject([{ parameter }]);
  });

  it('refuses a past that was trimmed', async () => {
    const { database } = service.strata;
    await database.query({ text: 'update trimmed set position = 1, at = $1', values: [iso(onDay(1))] });
    const answer = await service.call('GET', `/v1/reports/outcome?segment=fans&at=${AT}`);
    expect(answer.status).toBe(410);
    expect(answer.body).toMatchObject({ code: 'history_trimmed', oldest: iso(onDay(1) + 1) });
  });
});
