// The oracle against cases worked out by hand (cases.ts), and the meaning of writes.
import { describe, expect, it } from 'vitest';
import { type Case, NOW, SECTIONS, shopOf } from './cases.ts';
import { evaluateRule } from './evaluate.ts';
import { event, facts, order } from './hand-made-shop.ts';
import { parse } from './parse.ts';
import { apply, EMPTY_SHOP } from './shop.ts';
import { customerKeyOf } from './world.ts';

function check(given: Case): void {
  const shop = shopOf(given);
  const customer = shop.customers.find((row) => row.id === 'x');
  if (customer === undefined) throw new Error('the case has no customer x');
  const inSegment = (key: string) => key === 'vip';
  const answer = (text: string) => evaluateRule(parse(text), customer, shop, Date.parse(given.at ?? NOW), given.zone ?? 'UTC', inSegment);
  const expected = [...(given.holds ?? []).map((text) => [text, true]), ...(given.fails ?? []).map((text) => [text, false])];
  expect(expected.map(([text]) => [text, answer(text as string)])).toEqual(expected);
}

for (const [section, cases] of Object.entries(SECTIONS)) {
  describe(section, () => {
    for (const given of cases) it(given.title, () => check(given));
  });
}

describe('writes', () => {
  const NOW_MS = Date.parse(NOW);
  const shopAfter = (...writes: readonly (readonly [written: ReturnType<typeof facts>, atMs: number])[]) =>
    writes.reduce((shop, [written, atMs]) => apply(shop, written, atMs), EMPTY_SHOP);
  const ordered = (id: string, of: string, atMs: number) => facts({ orders: [{ id, of, at: new Date(atMs).toISOString() }] });

  it('takes times just ahead once', () => {
    const shop = shopAfter([ordered('o', 'x', NOW_MS + 5_000), NOW_MS], [ordered('o', 'x', NOW_MS + 5_000), NOW_MS + 3_000]);
    expect(shop.orders.map((row) => row.placedAtMs)).toEqual([NOW_MS]);
  });

  it('keeps times further ahead', () => {
    const shop = shopAfter([ordered('o', 'x', NOW_MS + 5_001), NOW_MS], [ordered('o', 'x', NOW_MS + 5_001), NOW_MS + 1_000]);
    expect(shop.orders.map((row) => row.placedAtMs)).toEqual([NOW_MS + 5_001]);
  });

  it('creates customers with their earliest row', () => {
    const shop = shopAfter([
      {
        ...facts({ events: [{ of: 'x', name: 'view', at: '2026-03-02T00:00:00Z' }] }),
        orders: [order({ id: 'o', of: 'x', at: '2026-03-01T00:00:00Z' }), order({ id: 'p', of: 'y', at: '2026-03-11T00:00:00Z' })],
      },
      NOW_MS,
    ]);
    expect(shop.customers.map((row) => [row.id, row.createdAtMs])).toEqual([
      ['x', Date.parse('2026-03-01T00:00:00Z')],
      ['y', NOW_MS],
    ]);
  });

  it('moves a replaced order', () => {
    const shop = shopAfter([ordered('o', 'x', NOW_MS - 9), NOW_MS], [ordered('o', 'y', NOW_MS - 8), NOW_MS]);
    expect(shop.orders.map((row) => [row.customerKey, row.placedAtMs])).toEqual([[customerKeyOf('y'), NOW_MS - 8]]);
  });

  it('keeps the first of an event', () => {
    const sent = (path: string) => ({ ...facts({}), events: [event({ id: 'e', of: 'x', name: 'view', at: NOW, properties: { path } })] });
    expect(shopAfter([sent('1'), NOW_MS], [sent('2'), NOW_MS]).events.map((row) => row.properties)).toEqual([{ path: '1' }]);
  });

  it('merges profiles and clears with null', () => {
    const shop = shopAfter(
      [facts({ customers: [{ id: 'x', profile: { city: 'Bern', country: 'CH' }, tags: ['a'], attributes: { a: 1, b: 2 } }] }), NOW_MS],
      [facts({ customers: [{ id: 'x', profile: { city: null }, attributes: { a: null, c: 3 } }] }), NOW_MS + 1],
    );
    expect(shop.customers).toEqual([
      {
        key: customerKeyOf('x'),
        id: 'x',
        profile: { country: 'CH' },
        tags: ['a'],
        attributes: { b: 2, c: 3 },
        consents: {},
        createdAtMs: NOW_MS,
        createdAtGivenMs: null,
      },
    ]);
  });
});
