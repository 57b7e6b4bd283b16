// Explanations of present memberships: what each condition saw, which rows counted, what is missing, when and why it changes next.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { supportOf } from '../../src/evaluation/next-change.ts';
import type { Program } from '../../src/evaluation/program.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { explainNow } from '../../src/membership/explain-now.ts';
import type { MembershipExplanation } from '../../src/membership/explanation.ts';
import { conditionsIn } from '../../src/rules/explain-rule.ts';
import type { Missing } from '../../src/rules/missing.ts';
import { customer, DAY_MS, openStrataUnderTest, order, START_MS, type StrataUnderTest } from '../membership/strata-under-test.ts';

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.define('china', 'country = "CN"');
  await shop.define('busy', 'count(orders where status = "paid" in the last 30 days) >= 3 and sum(orders.total) > 500');
  await shop.define('lapsed', 'last(orders.placed_at) < 60 days ago or not (in segment "china")');
  await shop.define('either', 'count(orders) >= 10 or sum(orders.total) >= 500 or country = "DE"');
  await shop.define('inner', 'count(orders in the last 7 days) >= 1');
  await shop.define('outer', 'in segment "inner" and country = "CN"');
  await shop.write({ customers: [customer('a', { profile: { country: 'CN' } })] });
  await shop.write({
    orders: [
      order('o1', 'a', { total: '2000000', placedAtMs: START_MS - 48 * DAY_MS }),
      order('o2', 'a', { total: '2600000', placedAtMs: START_MS - 2 * DAY_MS }),
    ],
  });
});

afterAll(() => shop.drop());

async function explain(customerId: string, segment: string): Promise<MembershipExplanation> {
  const program = shop.strata.programs.get();
  const id = program.definitions.segmentIds.get(segment);
  if (id === undefined) throw new Error(`no segment ${segment}`);
  return (await explainNow(shop.strata, customerKey(customerId), id)).explanation;
}

function sentences(missing: readonly Missing[]): unknown[] {
  return missing.map((part) => (part.kind === 'any' ? part.alternatives.map(sentences) : part.sentence));
}

describe('a condition', () => {
  it('tells what it asked and saw', async () => {
    const { tree, member, because } = await explain('a', 'busy');
    expect({ member, because, holds: tree?.holds }).toEqual({ member: false, because: 'rule', holds: false });
    const shown = conditionsIn(tree as NonNullable<typeof tree>).map(({ text, holds, seen, asked }) => ({
      text,
      holds,
      seen: seen?.value,
      operator: asked.operator,
      asked: asked.values.map((value) => value.value),
    }));
    expect(shown).toEqual([
      {
        text: 'count(orders where status = "paid" in the last 30 days) >= 3',
        holds: false,
        seen: '1',
        operator: '>=',
        asked: ['3'],
      },
      { text: 'sum(orders.total) > 500', holds: false, seen: '460', operator: '>', asked: ['500'] },
    ]);
  });

  it('tells where a relative instant stands', async () => {
    const { tree } = await explain('a', 'lapsed');
    const [first] = conditionsIn(tree as NonNullable<typeof tree>);
    expect(first?.seen).toEqual({
      text: 'last(orders.placed_at)',
      type: 'timestamp',
      value: new Date(START_MS - 2 * DAY_MS).toISOString(),
    });
    expect(first?.asked.values).toEqual([
      { text: '60 days ago', type: 'timestamp', value: new Date(START_MS - 60 * DAY_MS).toISOString() },
    ]);
  });

  it('names the rows that counted', async () => {
    const { rows } = await explain('a', 'busy');
    expect(rows.map(({ condition, count, newest }) => ({ condition, count, ids: newest.map((row) => row.id) }))).toEqual([
      { condition: 0, count: 1, ids: ['o2'] },
      { condition: 1, count: 2, ids: ['o2', 'o1'] },
    ]);
  });
});

describe('what is missing', () => {
  it('is told in numbers', async () => {
    expect(sentences((await explain('a', 'busy')).missing)).toEqual(['1 of 3 orders', '40.00 short of 500.00']);
  });

  it('lists alternatives, the nearest first', async () => {
    expect(sentences((await explain('a', 'either')).missing)).toEqual([
      [['40.00 short of 500.00'], ['2 of 10 orders'], ['country = "DE" does not hold: country is “CN”']],
    ]);
  });

  it('measures time in days', async () => {
    expect(sentences((await explain('a', 'lapsed')).missing)).toEqual([
      [['last(orders.placed_at) is 58 days too recent'], ['in segment "china"']],
    ]);
  });
});

describe('a nested segment', () => {
  it('is unfolded', async () => {
    const { tree, nested, member } = await explain('a', 'outer');
    expect(member).toBe(true);
    expect(conditionsIn(tree as NonNullable<typeof tree>).map(({ holds }) => holds)).toEqual([true, true]);
    const inner = nested.get(0);
    expect(inner?.key).toBe('inner');
    expect(inner?.rows.map((row) => row.newest.map(({ id }) => id))).toEqual([['o2']]);
  });
});

describe('the next change', () => {
  it('comes from a segment inside too', async () => {
    const { next } = await explain('a', 'outer');
    expect(next).toEqual({
      kind: 'change',
      atMs: START_MS + 5 * DAY_MS,
      type: 'exited',
      before: [true, true],
      after: [false, true],
    });
  });

  it('passes over flips that change no membership', async () => {
    const { next } = await explain('a', 'lapsed');
    expect(next).toMatchObject({
      kind: 'change',
      atMs: START_MS + 58 * DAY_MS + 1,
      type: 'entered',
      before: [false, true],
      after: [true, true],
    });
  });

  it('is unknown after fifty looks', async () => {
    await shop.define('crowded', 'count(events "view" in the last 60 days) < 1000');
    const events = Array.from({ length: 60 }, (_, n) => ({
      id: `v${n}`,
      customerKey: customerKey('a'),
      customerId: 'a',
      name: 'view',
      occurredAtMs: START_MS - (60 - n) * 3_600_000,
      properties: {},
    }));
    await shop.write({ events });
    const { next } = await explain('a', 'crowded');
    expect(next.kind).toBe('unknown');
    expect(next).toMatchObject({ afterMs: START_MS + 60 * DAY_MS - 10 * 3_600_000 - 1 });
  });

  it('is none where the clock has no say', async () => {
    expect((await explain('a', 'china')).next).toEqual({ kind: 'none' });
  });
});

describe('a change to come', () => {
  it('is the earlier of row and date', async () => {
    await shop.define('until-autumn', 'count(orders in the last 7 days) >= 1 and today < 2026-09-01');
    expect((await explain('a', 'until-autumn')).next).toMatchObject({ atMs: START_MS + 5 * DAY_MS, type: 'exited' });
    await shop.define('until-tuesday', 'count(orders in the last 7 days) >= 1 and today < 2026-06-16');
    expect((await explain('a', 'until-tuesday')).next).toMatchObject({ atMs: Date.parse('2026-06-16T00:00:00Z'), type: 'exited' });
  });

  it('takes a segment at rest as it is', async () => {
    await shop.define('still', 'country = "CN"');
    await shop.define('on-it', 'in segment "still" and count(orders in the last 7 days) >= 1');
    await shop.strata.database.query({ text: `update segments set status = 'failed', failure = 'too slow' where key = 'still'` });
    await shop.strata.database.query({ text: 'update definitions set epoch = epoch + 1' });
    await shop.strata.programs.reload();
    expect((await explain('a', 'on-it')).next).toMatchObject({ type: 'exited', before: [true, true], after: [true, false] });
  });
});

describe('asking', () => {
  it('sees values of every type', async () => {
    await shop.define(
      'typed',
      'birthday >= 1990-01-01 and tags has ("vip") and consent.email = true and created_at < 2027-01-01 and age > 5 and city = "Bern"',
    );
    const profile = { birthday: '1991-02-03', city: 'Bern' };
    await shop.write({ customers: [customer('t', { profile, tags: ['vip', 'new'], consents: { email: true }, createdAtMs: START_MS })] });
    const { tree } = await explain('t', 'typed');
    expect(conditionsIn(tree as NonNullable<typeof tree>).map(({ seen }) => seen?.value)).toEqual([
      '1991-02-03',
      ['vip', 'new'],
      true,
      new Date(START_MS).toISOString(),
      '35',
      'Bern',
    ]);
  });

  it('rests on the named and its group', () => {
    const live = (id: number, ...names: string[]) => ({ id, key: `s${id}`, checked: { reads: { segments: new Set(names) } } });
    const groups = [{ id: 1, segmentIds: [3, 5, 9], otherwiseId: 4 }];
    const program = {
      definitions: { live: [live(1, 's2'), live(2, 's3', 'gone'), live(3), live(4), live(5, 's6'), live(6), live(7)], groups },
    };
    expect(supportOf(program as unknown as Program, 1)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(supportOf(program as unknown as Program, 6)).toEqual([6]);
  });

  it('leaves out rows without what is asked of', async () => {
    await shop.define('paths', 'count(events "page".properties.path) >= 2 and last(events "page".properties.path) is missing');
    const page = (id: string, properties: Readonly<Record<string, string>>) => ({
      id,
      customerKey: customerKey('p'),
      customerId: 'p',
      name: 'page',
      occurredAtMs: START_MS - DAY_MS + Number(id),
      properties,
    });
    await shop.write({ events: [page('1', { path: '/' }), page('2', {}), page('3', { path: '/x' }), page('4', {})] });
    const { rows } = await explain('p', 'paths');
    expect(rows.map(({ count, newest }) => [count, newest.map(({ id }) => id)])).toEqual([
      [2, ['3', '1']],
      [4, ['4', '3', '2', '1']], // the last row may be one without
    ]);
  });

  it('gives its statements back', async () => {
    await explain('a', 'outer');
    const { pool } = shop.strata.database;
    const clients = await Promise.all(Array.from({ length: pool.idleCount }, () => pool.connect()));
    expect(clients.length).toBeGreaterThan(0);
    try {
      for (const client of clients) {
        const { rows } = await client.query(`select p.name from pg_prepared_statements as p where p.name like 'why%'`);
        expect(rows).toEqual([]);
      }
    } finally {
      for (const client of clients) client.release();
    }
  });
});

describe('a segment that has failed', () => {
  it('says why, and what would hold', async () => {
    await shop.define('failing', 'country = "CN"');
    await shop.strata.database.query({
      text: `update segments set status = 'failed', failure = 'too slow' where key = 'failing'`,
    });
    await shop.strata.database.query({ text: 'update definitions set epoch = epoch + 1' });
    await shop.write({ customers: [customer('f', { profile: { country: 'CN' } })] });
    const { member, status, tree, note, next } = await explain('f', 'failing');
    expect({ member, status, holds: tree?.holds, next }).toEqual({ member: false, status: 'failed', holds: true, next: { kind: 'none' } });
    expect(note).toBe('The segment has failed and keeps its last members: too slow. By its rule the customer would be a member.');
  });
});

describe('a late flip', () => {
  it('is caught up with before it is told', async () => {
    shop.clock.set(START_MS + 5 * DAY_MS); // nobody has looked
    const { member, next, tree } = await explain('a', 'outer');
    expect({ member, next: next.kind, holds: tree?.holds }).toEqual({ member: false, next: 'none', holds: false });
  });
});
