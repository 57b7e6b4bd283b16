// The emitted statement on a small shop: its text, its rows, and that answers change exactly where due_at says.
import { describe, expect, it } from 'vitest';
import type { CatalogSegment } from '../../src/catalog/catalog.ts';
import { emitEvaluation, nextConstantFlip } from '../../src/rules/emit.ts';
import { divideIntoGroups } from '../../src/rules/emit-group.ts';
import { customerKeyOf } from '../oracle/world.ts';
import { checkText } from './check-text.ts';
import { catalog, emit, IDS, MEMBERS, NOW, useShop, ZONE } from './shop-of-four.ts';

const shop = useShop();
const { evaluate } = shop;

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
    await shop.database.query({
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
      await shop.database.query({ text: 'delete from memberships' });
    }
  });

  it('past are read from the log', async () => {
    const key = customerKeyOf('ann');
    const log = shop.database;
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
    // the same filter over rows of two sources; the orders have no items
    [
      ['count(items where placed_at > 100 days ago) >= 1', 'count(orders where placed_at > 100 days ago) >= 1'],
      'bob',
      '2026-12-01T12:00:00.000Z',
    ],
    // a date whose number is that of today beside a word of the calendar
    [['created_at > 1970-01-01', 'count(orders in yesterday) >= 1'], 'ann', '2026-11-21T16:00:00.000Z'],
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

  it('beside dates of 1970 is of today', async () => {
    for (const date of ['1969-12-31', '1970-01-01', '1970-01-02']) {
      const [row] = await evaluate(
        emit([`created_at > ${date}`, 'count(orders in yesterday) >= 1', `count(orders since ${date}) = 2`]),
        Date.parse(NOW),
        ['ann'],
      );
      expect([date, row?.want]).toEqual([date, [1, 2, 3]]);
    }
  });

  it('is the next instant the answer may differ', async () => {
    for (const [rule, id, due, timeZone] of FLIPS) {
      const [row] = await evaluate(emit([rule]), Date.parse(NOW), [id], false, timeZone);
      const dueAt = row?.dueAtMs == null ? null : new Date(row.dueAtMs).toISOString();
      expect([rule, id, dueAt]).toEqual([rule, id, due]);
    }
  });

  it('comes before every change of an answer', { timeout: 300_000 }, async () => {
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

  it('takes five hundred segments and many aggregates', { timeout: 300_000 }, async () => {
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
