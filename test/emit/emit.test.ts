// The emitted statement on a small shop: its text, its rows, and that answers change exactly where due_at says.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Catalog, CatalogSegment } from '../../src/catalog/catalog.ts';
import { type EmitRequest, type EmittedEvaluation, emitEvaluation, nextConstantFlip } from '../../src/rules/emit.ts';
import { emitExplanation } from '../../src/rules/emit-explanation.ts';
import { divideIntoGroups } from '../../src/rules/emit-group.ts';
import { emitRecorded } from '../../src/rules/emit-recorded.ts';
import { type RecordedSeen, readRecords, type SeenPlan, seenOf, type Told } from '../../src/rules/emit-seen.ts';
import type { SeenCondition } from '../../src/rules/explain-rule.ts';
import { todayOf } from '../../src/rules/plan.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { facts, type HandMadeFacts } from '../oracle/hand-made-shop.ts';
import { apply, EMPTY_SHOP } from '../oracle/shop.ts';
import { storeShop } from '../oracle/store-shop.ts';
import { CATALOG, customerKeyOf } from '../oracle/world.ts';
import { checkText } from './check-text.ts';

const NOW = '2026-11-21T12:00:00.000Z'; // a Saturday; 20:00 in Shanghai
const ZONE = 'Asia/Shanghai';
const IDS = ['ann', 'bob', 'cleo', 'dan'] as const;

const SHOP: HandMadeFacts = {
  customers: [
    {
      id: 'ann',
      profile: { country: 'CN', gender: 'female', birthday: '2000-02-29', email: 'ann@example.com' },
      tags: ['vip', 'new'],
      attributes: { tier: 'gold', points: 12.5, joined: '2026-11-21', seen: '2026-11-20T16:00:00.000Z', interests: ['tea', 'silk'] },
      consents: { email: true },
      createdAt: '2026-11-01T00:00:00Z',
    },
    { id: 'bob', profile: { country: 'DE', birthday: '1990-11-23' }, createdAt: '2026-10-22T12:00:00Z' },
    { id: 'cleo', profile: { country: 'CN' }, attributes: { joined: '2026-11-01' }, createdAt: '2024-01-01T00:00:00Z' },
    { id: 'dan', createdAt: '2026-11-21T12:00:00Z' },
  ],
  orders: [
    {
      id: 'a1',
      of: 'ann',
      at: '2026-11-20T12:00:00Z',
      total: 100,
      status: 'paid',
      discount: 5,
      coupons: ['x'],
      items: [{ name: 'cup', category: 'Tea', unitPrice: 20, quantity: 5 }],
    },
    {
      id: 'a2',
      of: 'ann',
      at: '2026-10-22T12:00:00Z',
      total: 33.3333,
      status: 'paid',
      items: [{ name: 'pot', category: 'Tea', unitPrice: '33.3333' }],
    },
    { id: 'a3', of: 'ann', at: '2026-12-24T00:00:00Z', total: 1, status: 'paid' },
    { id: 'b1', of: 'bob', at: '2026-08-23T12:00:00Z', total: 0.1, status: 'open', coupons: ['x', 'y'] },
    { id: 'b2', of: 'bob', at: '2026-08-23T12:00:00Z', total: 200, status: 'paid', channel: 'web' },
  ],
  events: [
    { of: 'ann', name: 'login', at: NOW },
    { of: 'bob', name: 'page_view', at: '2026-11-21T11:59:30Z', properties: { path: '/sale/%', seconds: 3, promo: true, topics: ['a'] } },
    { of: 'bob', name: 'page_view', at: '2026-11-14T12:00:00Z', properties: { path: '/home', seconds: 4.5 } },
    { of: 'cleo', name: 'booked', at: '2026-11-01T00:00:00Z', properties: { day: '2026-11-22', until: '2026-11-21T12:00:00.000Z' } },
    // what ingest would refuse: values of other types count as missing
    { of: 'dan', name: 'page_view', at: '2026-11-21T00:00:00Z', properties: { path: 7, seconds: 'many', promo: 'yes', topics: { a: 1 } } },
    { of: 'dan', name: 'booked', at: '2026-11-21T00:00:00Z', properties: { day: '2026-02-30', until: 'soon' } },
  ],
};

/** rule → who is in */
const MEMBERS: Readonly<Record<string, string>> = {
  everyone: 'ann bob cleo dan',
  'country = "CN"': 'ann cleo',
  'country != "CN"': 'bob dan',
  'not (country = "CN" or country is missing)': 'bob',
  'country > "C" and country < "D"': 'ann cleo',
  'country in ("DE", "FR")': 'bob',
  'email ends with "example.com" and email contains "@" and email starts with "ann"': 'ann',
  'email contains "_"': '',
  'tags has any ("vip", "x")': 'ann',
  'tags has all ("vip", "x")': '',
  'tags is missing': 'bob cleo dan',
  'consent.email = true': 'ann',
  'attributes.tier in ("gold") and attributes.points > 12.49': 'ann',
  'attributes.interests has all ("tea", "silk")': 'ann',
  'attributes.joined = today': 'ann',
  'attributes.seen >= 2026-11-21': 'ann',
  'attributes.seen in today': 'ann',
  'attributes.seen in yesterday': '',
  'age = 26': 'ann',
  'age between 26 and 35': 'ann bob',
  'age > 26.5': 'bob',
  'age < 34.5': 'ann',
  'age <= 34.5': 'ann',
  'age <= 35': 'ann bob',
  'age <= 34': 'ann',
  'age >= 34.5': 'bob',
  'age >= 35.5': '',
  'age = 35.5': '',
  'age in (26, 35)': 'ann bob',
  'age is missing': 'cleo dan',
  'birthday anniversary in the next 2 days': '',
  'birthday anniversary in the next 3 days': 'bob',
  'birthday anniversary in this month': 'bob',
  'created_at in the last 30 days': 'ann dan',
  'created_at in the last 31 days': 'ann bob dan',
  'created_at = today': 'dan',
  'created_at in last month': 'bob',
  'count(orders) = 2': 'ann bob',
  'count(orders) = 0': 'cleo dan',
  'count(orders) > 1.5': 'ann bob',
  'count(orders where status = "paid" in the last 30 days) >= 1': 'ann',
  'count(orders in the last 30 days) = 2': '',
  'count(orders since 30 days ago) = 2': 'ann',
  'count(orders between 90 days ago and 30 days ago) = 2': 'bob',
  'count(orders in this week) = 1 and count(orders in yesterday) = 1': 'ann',
  'count(orders before 2026-11-20) = 1': 'ann',
  'sum(orders.total) = 133.3333': 'ann',
  'sum(orders.total) > 200.09999': 'bob',
  'sum(orders.total) / count(orders) = 66.66665': 'ann',
  'avg(orders.total) between 66 and 67': 'ann',
  'avg(orders.total) is missing': 'cleo dan',
  'max(orders.total) in (100, 200)': 'ann bob',
  'min(orders.discount) = 0 and max(orders.discount) = 5': 'ann',
  'last(orders.id) = "b2" and first(orders.id) = "b1"': 'bob',
  'first(orders.coupons) has any ("y")': 'bob',
  'last(orders.coupons) is missing': 'bob cleo dan',
  'last(orders.placed_at) < 60 days ago': 'bob',
  'days_between(first(orders.placed_at), last(orders.placed_at)) = 29': 'ann',
  'count(orders where discount > 0) / count(orders) >= 0.5': 'ann',
  'distinct(items.category) = 1': 'ann',
  'sum(items.total) = 133.3333': 'ann',
  'sum(items.total) = sum(orders.total)': 'ann cleo dan',
  'last(items.name) = "cup" and sum(items.quantity) = 6': 'ann',
  'count(events "page_view" where properties.path starts with "/sale/%" in the last 1 hour) = 1': 'bob',
  'sum(events "page_view".properties.seconds) = 7.5': 'bob',
  'count(events "page_view".properties.topics) = 1': 'bob',
  'count(events "page_view") >= 1': 'bob dan',
  'count(events) = 2': 'bob dan',
  'last(events "booked".properties.day) > today': 'cleo',
  'count(events "booked" where properties.until <= now and properties.day >= 2026-11-22) = 1': 'cleo',
  'bucket("s") >= 0 and bucket("s") < 100': 'ann bob cleo dan',
  'today >= 2026-11-21 and now < 2026-11-22': 'ann bob cleo dan',
};

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const client = await testDatabase.database.pool.connect();
  try {
    await storeShop(client, apply({ ...EMPTY_SHOP, catalog: CATALOG }, facts(SHOP), Date.parse('2026-11-21T12:00:00Z')));
  } finally {
    client.release();
  }
});
afterAll(() => testDatabase.drop());

const KEYS = ['s1', 's2', 's3', 's4', 'stored'];
const SEGMENT_IDS = new Map(KEYS.map((key, place) => [key, place + 1]));
const catalog: Catalog = {
  ...CATALOG,
  segments: new Map(
    KEYS.map((key): [string, CatalogSegment] => [key, { id: SEGMENT_IDS.get(key) ?? 0, key, status: 'active', references: [] }]),
  ),
};

function emit(rules: readonly string[], more: Partial<EmitRequest> = {}): EmittedEvaluation {
  const segments = rules.map((text, place) => ({ id: place + 1, key: `s${place + 1}`, checked: checkText(text, catalog) }));
  return emitEvaluation({ segments, segmentIds: SEGMENT_IDS, catalog, narrow: 'ids', memberships: 'present', ...more });
}

interface Row {
  readonly id: string;
  readonly have: readonly number[];
  readonly want: readonly number[];
  readonly dueAtMs: number | null;
}

async function evaluate(
  emitted: EmittedEvaluation,
  asOfMs = Date.parse(NOW),
  ids: readonly string[] = IDS,
  range = false,
  timeZone = ZONE,
): Promise<readonly Row[]> {
  const customers = range ? { afterKey: '-9223372036854775808', throughKey: '9223372036854775807' } : { keys: ids.map(customerKeyOf) };
  const rows = await testDatabase.database.query<{ customer_id: string; have: number[]; want: number[]; due_at: number | null }>({
    text: `select e.* from (${emitted.text}) as e`,
    values: emitted.bind({ asOfMs, timeZone, customers }),
  });
  return rows
    .map((row) => ({
      id: ids.find((id) => customerKeyOf(id) === row.customer_id) ?? '',
      have: row.have,
      want: row.want,
      dueAtMs: row.due_at,
    }))
    .sort((a, b) => a.id.localeCompare(b.id));
}

describe('members', () => {
  it('are who the rules say', async () => {
    const rules = Object.keys(MEMBERS);
    const emitted = [emit(rules), emit(rules, { narrow: 'range' }), emit(rules, { memberships: 'past' })];
    for (const [place, evaluation] of emitted.entries()) {
      const rows = await evaluate(evaluation, Date.parse(NOW), IDS, place === 1);
      const members = rules.map((_, rule) => rows.filter((row) => row.want.includes(rule + 1)).map((row) => row.id));
      expect(Object.fromEntries(rules.map((rule, index) => [rule, members[index]?.join(' ')]))).toEqual(MEMBERS);
    }
  });

  it('follow segments that name each other', async () => {
    const emitted = emit(['in segment "s2" and not in segment "stored"', 'in segment "s3"', 'country = "CN"']);
    const member = { customer_id: customerKeyOf('ann'), since: NOW };
    await testDatabase.database.query({
      text: `insert into memberships (customer_id, segment_id, since, version) values ($1, 5, $2, 1), ($1, 3, $2, 1), ($1, 2, $2, 1)`,
      values: [member.customer_id, member.since],
    });
    try {
      const rows = await evaluate(emitted, Date.parse(NOW), ['ann', 'cleo']);
      expect(rows.map(({ id, have, want }) => ({ id, have, want }))).toEqual([
        { id: 'ann', have: [2, 3], want: [2, 3] },
        { id: 'cleo', have: [], want: [1, 2, 3] },
      ]);
      expect(emitted.segmentIds).toEqual([1, 2, 3]);
    } finally {
      await testDatabase.database.query({ text: 'delete from memberships' });
    }
  });

  it('past are read from the log', async () => {
    const key = customerKeyOf('ann');
    const log = testDatabase.database;
    // entered 1 and 5 on the 1st, left 5 on the 10th, came back on the 15th (still in the outbox), left 1 on the 20th
    await log.query({
      text: `insert into memberships (customer_id, segment_id, since, version) values ($1, 5, '2026-11-15Z', 1)`,
      values: [key],
    });
    await log.query({
      text: `insert into changes (position, type, segment_id, customer_id, version, cause, at) values
        (1, 'entered', 1, $1, 1, 'data', '2026-11-01Z'), (2, 'entered', 5, $1, 1, 'data', '2026-11-01Z'), (3, 'exited', 5, $1, 1, 'data', '2026-11-10Z')`,
      values: [key],
    });
    await log.query({
      text: `insert into outbox (decision, ordinal, customer_id, segment_id, type, version, cause, at) values
        (4, 1, $1, 5, 'entered', 1, 'data', '2026-11-15Z'), (5, 1, $1, 1, 'exited', 1, 'data', '2026-11-20Z')`,
      values: [key],
    });
    try {
      for (const narrow of ['ids', 'range'] as const) {
        const emitted = emit(['in segment "stored"'], { memberships: 'past', narrow });
        const seen: Record<string, unknown> = {};
        for (const day of ['2026-11-02', '2026-11-12', '2026-11-16', '2026-11-21']) {
          const rows = await evaluate(emitted, Date.parse(`${day}T12:00:00Z`), ['ann'], narrow === 'range');
          const ann = rows.find((row) => row.id === 'ann');
          seen[day] = [ann?.have, ann?.want];
        }
        expect(seen).toEqual({
          '2026-11-02': [[1], [1]],
          '2026-11-12': [[1], []],
          '2026-11-16': [[1], [1]],
          '2026-11-21': [[], [1]],
        });
      }
      const earlier = await evaluate(emit(['everyone'], { memberships: 'past' }), Date.parse('2026-11-01T00:00:00Z'));
      expect(earlier.map((row) => row.id)).toEqual(['ann', 'bob', 'cleo']); // dan was created later
    } finally {
      for (const table of ['memberships', 'changes', 'outbox']) await log.query({ text: `delete from ${table}` });
    }
  });
});

describe('due_at', () => {
  const CREATED_31_DAYS_LATER = {
    bob: '2026-11-22T12:00:00.000Z',
    ann: '2026-12-02T00:00:00.000Z',
    dan: '2026-12-22T12:00:00.000Z',
  } as const;
  /** rule → customer → the first instant after NOW at which the answer may differ */
  const FLIPS: readonly (readonly [rule: string, id: string, due: string | null, timeZone?: string])[] = [
    ['country = "CN"', 'ann', null],
    ['count(orders in the last 30 days) >= 1', 'ann', '2026-12-20T12:00:00.000Z'],
    ['count(orders since 30 days ago) >= 1', 'ann', '2026-11-21T12:00:00.001Z'],
    ['count(orders between 180 days ago and 90 days ago) >= 1', 'bob', '2026-11-21T12:00:00.001Z'],
    ['count(orders between 180 days ago and 91 days ago) >= 1', 'bob', '2026-11-22T12:00:00.001Z'],
    ['count(orders) >= 3', 'ann', '2026-12-24T00:00:00.000Z'],
    ['count(orders) >= 3', 'bob', null],
    ['count(orders in today) = 0', 'ann', '2026-12-24T00:00:00.000Z'],
    ['count(orders in yesterday) = 0', 'ann', '2026-11-21T16:00:00.000Z'],
    ['count(orders in this month) = 0', 'ann', '2026-11-30T16:00:00.000Z'],
    ['count(orders in last quarter) = 0', 'bob', '2026-12-31T16:00:00.000Z'],
    ['count(orders since 2026-12-01) = 0', 'bob', null],
    ['count(orders between 20 days ago and 2026-11-10) = 0', 'ann', null], // what lies behind the end never counted
    ['count(orders before today) = 0', 'bob', null],
    ['count(orders before today) = 0', 'ann', '2026-12-24T00:00:00.000Z'],
    ['last(orders.placed_at) < 30 days ago', 'ann', '2026-12-20T12:00:00.001Z'],
    ['last(orders.placed_at) <= 30 days ago', 'ann', '2026-12-20T12:00:00.000Z'],
    ['created_at in the last 30 days', 'dan', '2026-12-21T12:00:00.000Z'],
    ['created_at in the last 30 days', 'bob', null],
    ['created_at = today', 'dan', '2026-11-21T16:00:00.000Z'],
    ['created_at in this week', 'dan', '2026-11-22T16:00:00.000Z'],
    ['created_at in last month', 'ann', '2026-11-30T16:00:00.000Z'],
    ['age >= 36', 'bob', '2026-11-22T16:00:00.000Z'],
    ['age >= 36', 'ann', '2027-02-28T16:00:00.000Z'],
    ['birthday anniversary in the next 2 days', 'bob', '2026-11-21T16:00:00.000Z'],
    ['birthday anniversary in the next 3 days', 'bob', '2026-11-23T16:00:00.000Z'],
    ['birthday anniversary in the last 2 days', 'bob', '2026-11-22T16:00:00.000Z'],
    ['birthday anniversary in next month', 'ann', '2027-01-31T16:00:00.000Z'], // 1 March in a common year
    ['attributes.joined > 3 days ago', 'ann', '2026-11-23T16:00:00.000Z'],
    ['attributes.joined < 3 days ago', 'ann', '2026-11-24T16:00:00.000Z'],
    ['attributes.joined in this month', 'cleo', '2026-12-01T05:00:00.000Z', 'America/New_York'],
    ['attributes.joined <= today', 'ann', null],
    ['attributes.joined < today', 'ann', '2026-11-21T16:00:00.000Z'],
    ['last(events "booked".properties.day) = today', 'cleo', '2026-11-21T16:00:00.000Z'],
    ['last(events "booked".properties.day) < today', 'cleo', '2026-11-22T16:00:00.000Z'],
    // a row of this very moment
    ['count(events "login" before now) >= 1', 'ann', '2026-11-21T12:00:00.001Z'],
    ['last(events "login".occurred_at in the last 7 days) is missing', 'ann', '2026-11-28T12:00:00.000Z'],
    ['count(events "booked" where properties.until < 1 hour ago) = 1', 'cleo', '2026-11-21T13:00:00.001Z'],
    ['count(events "page_view" in the last 7 days) = 1', 'bob', '2026-11-28T11:59:30.000Z'],
    // enough for every number asked about in the newer half of the window: nothing flips before half a window
    ['count(events "page_view" in the last 7 days) <= 1', 'bob', '2026-11-28T11:59:30.000Z'],
    ['count(events "page_view" in the last 8 days) <= 2', 'bob', '2026-11-22T12:00:00.000Z'],
    ['count(events "page_view" in the last 7 days) >= 1', 'bob', '2026-11-25T00:00:00.000Z'],
    ['count(events "page_view" in the last 7 days) > 0', 'bob', '2026-11-25T00:00:00.000Z'],
    [
      'count(events "page_view" in the last 7 days) >= 1 or count(events "page_view" in the last 7 days) >= 2',
      'bob',
      '2026-11-28T11:59:30.000Z',
    ],
    ['count(events "page_view" in the last 7 days) >= 0', 'ann', null],
    ['count(events "page_view" where properties.seconds > 4 in the last 8 days) > 0', 'bob', '2026-11-22T12:00:00.000Z'],
    ['today >= 2026-12-01', 'ann', null],
  ];

  /** rules of segments → customer → the first instant at which one of them may differ; who is kept out of them by what they are is spared */
  const SHARED: readonly (readonly [rules: readonly string[], id: string, due: string | null])[] = [
    [['country = "DE" and created_at in the last 31 days'], 'bob', '2026-11-22T12:00:00.000Z'],
    [['country = "DE" and created_at in the last 31 days'], 'ann', null],
    [['count(orders in the last 30 days) >= 2'], 'ann', '2026-12-24T00:00:00.000Z'], // one of them leaves before, and the other comes then
    [['count(orders in the last 30 days) >= 3'], 'bob', null],
    [['country = "DE" and count(orders) >= 3'], 'ann', null],
    [['country = "DE" and attributes.joined < today'], 'ann', null],
    [['country = "CN" and attributes.joined < today'], 'ann', '2026-11-21T16:00:00.000Z'],
    ...(['bob', 'ann', 'dan'] as const).flatMap((id) =>
      [
        ['country = "DE" and created_at in the last 31 days', 'country = "CN" and created_at in the last 31 days'],
        ['created_at in the last 31 days', 'country = "CN" and created_at in the last 31 days'],
        ['country = "CN" and created_at in the last 31 days', 'created_at in the last 31 days'],
      ].map((rules, place) => [rules, id, id === 'dan' && place === 0 ? null : CREATED_31_DAYS_LATER[id]] as const),
    ),
  ];

  it('is one of a segment that asks', async () => {
    for (const [rules, id, due] of SHARED) {
      const [row] = await evaluate(emit(rules), Date.parse(NOW), [id]);
      expect([rules, id, row?.dueAtMs == null ? null : new Date(row.dueAtMs).toISOString()]).toEqual([rules, id, due]);
    }
  });

  it('is the next instant the answer may differ', async () => {
    for (const [rule, id, due, timeZone] of FLIPS) {
      const [row] = await evaluate(emit([rule]), Date.parse(NOW), [id], false, timeZone);
      const dueAt = row?.dueAtMs == null ? null : new Date(row.dueAtMs).toISOString();
      expect([rule, id, dueAt]).toEqual([rule, id, due]);
    }
  });

  it('comes before every change of an answer', { timeout: 120_000 }, async () => {
    const rules = Object.keys(MEMBERS);
    const checked = rules.map((rule) => checkText(rule, catalog));
    const emitted = emit(rules);
    let flips = 0;
    for (const id of IDS) {
      let atMs = Date.parse(NOW);
      for (let step = 0; step < 12; step += 1) {
        const [row] = await evaluate(emitted, atMs, [id]);
        const constants = checked.map((rule) => nextConstantFlip(rule, atMs, ZONE) ?? Number.POSITIVE_INFINITY);
        const nextMs = Math.min(row?.dueAtMs ?? Number.POSITIVE_INFINITY, ...constants);
        if (nextMs === Number.POSITIVE_INFINITY) break;
        expect(nextMs).toBeGreaterThan(atMs);
        for (const betweenMs of [nextMs - 1, Math.floor((atMs + nextMs) / 2)]) {
          const [between] = await evaluate(emitted, betweenMs, [id]);
          expect([id, betweenMs, between?.want]).toEqual([id, betweenMs, row?.want]);
        }
        const [then] = await evaluate(emitted, nextMs, [id]);
        if (JSON.stringify(then?.want) !== JSON.stringify(row?.want)) flips += 1;
        atMs = nextMs;
      }
    }
    expect(flips).toBeGreaterThan(10);
  });

  it('leaves the segment what depends on no row', () => {
    const flip = (rule: string): string | null => {
      const at = nextConstantFlip(checkText(rule, catalog), Date.parse(NOW), ZONE);
      return at === null ? null : new Date(at).toISOString();
    };
    expect(flip('today >= 2026-12-01')).toBe('2026-11-30T16:00:00.000Z');
    expect(flip('country = "CN" and not today < 2026-12-01')).toBe('2026-11-30T16:00:00.000Z');
    expect(flip('now > 2026-12-01T00:00:00Z')).toBe('2026-12-01T00:00:00.001Z');
    expect(flip('count(orders where today = 2026-12-01) > 0')).toBe('2026-11-30T16:00:00.000Z');
    expect(flip('today between 2026-01-01 and 2026-11-30')).toBe('2026-11-30T16:00:00.000Z');
    expect(flip('today >= 2026-01-01')).toBeNull();
    expect(flip('created_at < 30 days ago')).toBeNull();
  });
});

describe('what is seen', () => {
  interface Sight {
    readonly id: string;
    readonly told: Told;
  }

  async function see(emitted: EmittedEvaluation): Promise<readonly Sight[]> {
    const rows = await testDatabase.database.query<{ customer_id: string; want: number[]; seen: string }>({
      text: `select e.customer_id, e.want, ${emitted.seen} as seen from (${emitted.text}) as e`,
      values: emitted.bind({ ...MOMENT, customers: { keys: IDS.map(customerKeyOf) } }),
    });
    return rows.map(({ customer_id, want, seen }) => ({
      id: customer_id,
      told: { records: readRecords(seen), want: new Set(want), asOfMs: MOMENT.asOfMs, today: todayOf(MOMENT) },
    }));
  }

  const MOMENT = { asOfMs: Date.parse(NOW), timeZone: ZONE };

  it('is what an explanation sees', async () => {
    const rules = Object.keys(MEMBERS);
    const ids = rules.map((_, place) => place + 1);
    const emitted = emit(rules, { told: new Set(ids) });
    const sights = await see(emitted);
    expect(sights).toHaveLength(IDS.length);
    for (const [place, rule] of rules.entries()) {
      const checked = checkText(rule, catalog);
      const explanation = emitExplanation(checked, SEGMENT_IDS);
      const explained = await testDatabase.database.query<{ customer_id: string; seen: SeenCondition[] }>({
        text: explanation.text,
        values: explanation.bind({ ...MOMENT, customers: { keys: IDS.map(customerKeyOf) } }),
      });
      for (const { id, told } of sights) {
        const { at, saw } = JSON.parse(seenOf(emitted.seenPlan, told, place + 1) ?? '{}') as RecordedSeen;
        expect(at).toBe(MOMENT.asOfMs);
        const recorded = emitRecorded(checked, saw, MOMENT);
        const [row] = recorded === null ? [] : await testDatabase.database.query<{ holds: boolean[] }>(recorded);
        const judged = saw.map((values, index) => [row?.holds[index], ...values]);
        expect({ rule, id, seen: judged }).toEqual({ rule, id, seen: explained.find((each) => each.customer_id === id)?.seen });
      }
    }
  });

  it('outgrows a record and a group', async () => {
    const rules = Array.from(
      { length: 650 },
      (_, n) => `attributes.points + ${n} > 5 or attributes.tier = "gold" or attributes.points - ${n} > 5`,
    );
    const emitted = emit(rules, { told: new Set([1, 550, 650]) });
    const all = emit(rules, { told: new Set(rules.map((_, place) => place + 1)) });
    for (const each of [emitted, all]) {
      const ann = (await see(each)).find(({ id }) => id === customerKeyOf('ann'));
      const told = [1, 2, 550, 650].map((id) => ann && seenOf(each.seenPlan, ann.told, id));
      const seen = (n: number) => `{"at":${MOMENT.asOfMs},"saw":[["${12.5 + n}"],["gold"],["${12.5 - n}"]]}`;
      expect(told).toEqual([seen(0), each === all ? seen(1) : null, seen(549), seen(649)]);
    }
  });

  it('is not judged as another type', async () => {
    const checked = checkText('attributes.points > 5', catalog);
    expect(emitRecorded(checked, [['many']], MOMENT)).toBeNull();
    expect(emitRecorded(checked, [[true]], MOMENT)).toBeNull();
    expect(emitRecorded(checked, [['12.5']], MOMENT)).not.toBeNull();
  });
});

describe('numbers that were told', () => {
  const CUSTOMER = { want: new Set<number>(), asOfMs: 7, today: todayOf({ asOfMs: Date.parse(NOW), timeZone: ZONE }) };
  const PLAN: SeenPlan = new Map([[1, [{ kind: 'values', values: [{ record: 0, place: 0, type: 'number', scale: 4 }] }]]]);
  const told = (number: string): Told => ({ ...CUSTOMER, records: [[number]] });

  it.each([
    ['0', '0'],
    ['-0', '0'],
    ['1', '0.0001'],
    ['-12', '-0.0012'],
    ['10000', '1'],
    ['5999900', '599.99'],
    ['123456789012345678901234567890', '12345678901234567890123456.789'],
    ['1.50', '0.00015'],
  ])('%s lose no digit', (number, units) => {
    expect(seenOf(PLAN, told(number), 1)).toBe(`{"at":7,"saw":[["${units}"]]}`);
  });
});

describe('records as Postgres prints them', () => {
  it.each([
    [['plain', 'two words', '"', '\\', '""\\"']],
    [[',', '(', ')', '),(', '","', 'a,b)(c']],
    [[null, '', ' ', null]],
    [[null]],
    [['']],
    [['line\nbreak', '\t', '国', '🙂', "it's", '{"f1":5}']],
    [['[1, "a"]', null, '-12.50', 't']],
  ])('are read back: %j', async (values) => {
    const places = values.map((_, index) => `$${index + 1}::text`).join(', ');
    const text = `select row(${places})::text || row(1, 'x y')::text as seen`;
    const [row] = await testDatabase.database.query<{ seen: string }>({ text, values });
    expect(readRecords(row?.seen ?? '')).toEqual([values, ['1', 'x y']]);
  });
});

describe('the statement', () => {
  it('reads each source once, values as parameters', () => {
    const emitted = emit(['count(orders where status = "paid" in the last 30 days) >= 2', 'sum(orders.total in the last 30 days) > 500.5']);
    expect(emitted.text).toBe(
      `select c.id as customer_id, c.revision,
  coalesce(h.have, '{}'::integer[]) as have,
  array_remove(array[case when (o1.g3 >= $1::bigint) then 1 end, case when (o1.g4 > $2::numeric) then 2 end]::integer[], null) as want,
  least(o1.g1, o1.g2 + $3::interval) as due_at
from customers as c
cross join lateral (select array_agg(k.segment_id order by k.segment_id) as have from (select m.customer_id, m.segment_id from memberships as m where m.customer_id = c.id and m.segment_id + 0 = any($4::integer[])) as k) as h
cross join lateral (select min(r.x1) filter (where r.x2) as g1, min(r.x1) filter (where r.x3) as g2, count(*) filter (where r.x3 and r.x4) as g3, coalesce(sum(r.x5) filter (where r.x3), 0) as g4 from (select s."placed_at" as x1, (s."placed_at" > $5::timestamptz) as x2, (s."placed_at" <= $5::timestamptz and s."placed_at" > $6::timestamptz) as x3, (s."status" = $7::text collate "C") as x4, s."total" as x5 from orders as s where s.customer_id = c.id and s."placed_at" >= $6::timestamptz offset 0) as r) as o1
where c.id = any($8::bigint[])
offset 0`,
    );
    expect(emitted.bind({ asOfMs: Date.parse(NOW), timeZone: ZONE, customers: { keys: ['1'] } })).toEqual([
      '2',
      '5005000',
      '2592000000 milliseconds',
      [1, 2],
      NOW,
      '2026-10-22T12:00:00.000Z',
      'paid',
      ['1'],
    ]);
  });

  it('never holds a value of a rule', () => {
    const hostile = `x'); drop table customers; -- $1 \\" {asOf}`;
    const { text, bind } = emit([
      `country = "${hostile}" or attributes.tier contains "${hostile}" or count(events "${hostile}" where properties."${hostile}" = "${hostile}") > 987654`,
    ]);
    expect(text).not.toContain('drop table');
    expect(text).not.toContain('987654');
    const values = bind({ asOfMs: Date.parse(NOW), timeZone: ZONE, customers: { keys: [] } });
    expect(values).toContain(hostile.replace('\\"', '"'));
  });

  it('is the same for the same request', () => {
    const rules = Object.keys(MEMBERS);
    expect(emit(rules).text).toBe(emit(rules).text);
  });

  it('takes five hundred segments and many aggregates', { timeout: 120_000 }, async () => {
    const wide = Array.from({ length: 500 }, (_, i) => `s${i + 1}`);
    const known = new Map(wide.map((key, i): [string, CatalogSegment] => [key, { id: i + 1, key, status: 'active', references: [] }]));
    const rules = wide.map((_, i) =>
      i % 100 === 0 && i > 0
        ? `in segment "s${500 - i}" and not in segment "s1"`
        : `count(orders where total > ${i} in the last ${i + 1} days) > 1 or sum(orders.total where discount < ${i}) > ${i}`,
    );
    const segments = rules.map((rule, i) => ({ id: i + 1, key: `s${i + 1}`, checked: checkText(rule, { ...catalog, segments: known }) }));
    const expected = wide
      .map((_, i) => i)
      .filter((i) => ofAnn(i % 100 === 0 && i > 0 ? 499 - i : i))
      .map((i) => i + 1);
    for (const narrow of ['ids', 'range'] as const) {
      const emitted = emitEvaluation({ segments, segmentIds: new Map(), catalog, narrow, memberships: 'present' });
      expect(emitted.segmentIds).toEqual(wide.map((_, i) => i + 1));
      const rows = await evaluate(emitted, Date.parse(NOW), IDS, narrow === 'range');
      const [ann, , cleo] = rows;
      expect(ann?.want).toEqual(expected);
      expect(ann?.dueAtMs).toBe(Date.parse('2026-11-22T12:00:00Z')); // 2 days after a1, of the second window
      expect(cleo).toEqual({ id: 'cleo', have: [], want: [], dueAtMs: null });
    }
  });

  /** What the wide rules say of ann: two orders, of 100 a day ago with a discount of 5 and of 33.3333 thirty days ago. */
  function ofAnn(i: number): boolean {
    const counted = (i + 1 > 1 && 100 > i ? 1 : 0) + (i + 1 > 30 && 33.3333 > i ? 1 : 0);
    const sum = (5 < i ? 100 : 0) + (0 < i ? 33.3333 : 0);
    return counted > 1 || sum > i;
  }

  it('is cut before a row is too wide', () => {
    const different = Array.from({ length: 700 }, (_, i) => `count(orders where total > ${i}) > 1`);
    const nodes = [...different, ...different].map((rule, i) => ({
      id: i + 1,
      key: `s${i + 1}`,
      checked: checkText(rule, catalog),
      choice: null,
    }));
    const groups = divideIntoGroups(nodes);
    expect(groups.flat().map(({ id }) => id)).toEqual(nodes.map(({ id }) => id));
    for (const group of groups) expect(new Set(group.map(({ id }) => (id - 1) % 700)).size).toBeLessThanOrEqual(300); // each with its filter
  });

  it('answers with nobody for no customers', async () => {
    expect(await evaluate(emit(['everyone']), Date.parse(NOW), [])).toEqual([]);
  });
});
