// What the check answers for a good rule: the types of its expressions, what it reads, whether the clock alone can change it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Catalog, type CatalogSegment, EMPTY_CATALOG, type ValueType } from '../../src/catalog/catalog.ts';
import { checkInput, checkRule } from '../../src/rules/check-rule.ts';
import type { CheckedRule } from '../../src/rules/checked-rule.ts';
import { operatorsFor } from '../../src/rules/operators.ts';
import { ruleToJson } from '../../src/rules/print-json.ts';
import { printExpression, printRule } from '../../src/rules/print-text.ts';
import { arbitraryRule } from '../oracle/arbitrary-rule.ts';
import { CATALOG as SHOP } from '../oracle/world.ts';

const CATALOG: Catalog = {
  ...EMPTY_CATALOG,
  attributes: new Map<string, ValueType>([['joined_on', 'date']]),
  events: new Map([['page_view', new Map<string, ValueType>([['path', 'string']])]]),
  segments: new Map(['vip', 'b'].map((key) => [key, { id: 1, key, status: 'active', references: [] }])),
};

function check(text: string, catalog = CATALOG): CheckedRule {
  const { checked, errors } = checkInput(text, catalog, { purpose: 'check' });
  if (checked === null) throw new Error(`${text}: ${JSON.stringify(errors)}`);
  return checked;
}

const READS: readonly (readonly [text: string, reads: string, timeDependent: boolean])[] = [
  ['everyone', '', false],
  ['bucket("a") < 50', '', false],
  ['country = "CN"', 'profile', false],
  ['attributes.joined_on = 2026-01-01', 'profile', false],
  ['consent.email = true', 'profile', false],
  ['age > 18', 'profile', true],
  ['birthday anniversary today', 'profile', true],
  ['created_at in last month', 'profile', true],
  ['created_at since 2026-01-01', 'profile', false],
  ['created_at since 5 days ago', 'profile', true],
  ['created_at > 5 days ago', 'profile', true],
  ['birthday = today', 'profile', true],
  ['count(orders) > 1', 'orders', true],
  ['sum(items.total where status = "x" since 2026-01-01) > 1', 'orders', true],
  ['count(events) > 1', 'event *', true],
  ['count(events "page_view") > count(events "b")', 'event b, event page_view', true],
  ['in segment "vip" or not in segment "b"', 'segment b, segment vip', false],
  ['country = "CN" and (count(orders) = 1 or in segment "vip")', 'orders, profile, segment vip', true],
];

test.each(READS)('reads of %s', (text, expected, timeDependent) => {
  const { reads, timeDependent: depends } = check(text);
  const names = [
    ...(reads.profile ? ['profile'] : []),
    ...(reads.orders ? ['orders'] : []),
    ...[...reads.events].map((event) => `event ${event ?? '*'}`),
    ...[...reads.segments].map((key) => `segment ${key}`),
  ];
  expect(names.sort().join(', ')).toBe(expected);
  expect(depends).toBe(timeDependent);
});

test('every expression has its type', () => {
  const text =
    'age + 1 > 2 and max(orders.placed_at where total > 5) > today and tags has ("a") and attributes.joined_on = 5 days ago' +
    ' and first(orders.coupons) is missing and days_between(created_at, 2026-01-01) > bucket("x")';
  const types = [...check(text).types].map(([expression, type]) => `${printExpression(expression)}: ${type}`).sort();
  expect(types).toEqual([
    '"a": string',
    '1: number',
    '2026-01-01: date',
    '2: number',
    '5 days ago: timestamp',
    '5: number',
    'age + 1: number',
    'age: number',
    'attributes.joined_on: date',
    'bucket("x"): number',
    'coupons: list',
    'created_at: timestamp',
    'days_between(created_at, 2026-01-01): number',
    'first(orders.coupons): list',
    'max(orders.placed_at where total > 5): timestamp',
    'placed_at: timestamp',
    'tags: list',
    'today: date',
    'total: number',
  ]);
});

const ASSUMED: readonly (readonly [condition: string, type: ValueType])[] = [
  ['count(events "e" where properties.p = 1) > 1', 'number'],
  ['count(events "e" where "x" < properties.p) > 1', 'string'],
  ['count(events "e" where 5 < properties.p) > 1', 'number'],
  ['count(events "e" where properties.p in (true)) > 1', 'boolean'],
  ['count(events "e" where properties.p has ("a")) > 1', 'list'],
  ['count(events "e" where properties.p contains "a") > 1', 'string'],
  ['count(events "e" where properties.p > 2026-01-01) > 1', 'date'],
  ['count(events "e" where properties.p in last month) > 1', 'timestamp'],
  ['count(events "e" where properties.p anniversary today) > 1', 'date'],
  ['count(events "e" where properties.p * 2 = 1) > 1', 'number'],
  ['sum(events "e".properties.p) > 1', 'number'],
  ['last(events "e".properties.p) = "x"', 'string'],
  ['max(events "e".properties.p) < 5 days ago', 'timestamp'],
  ['count(events "e" where properties.q = properties.p) > 1', 'string'],
  ['max(events "e".properties.p) is missing', 'number'],
  ['count(events "e" where properties.q = properties.p and properties.q = 1) > 1', 'number'],
];

test.each(ASSUMED)('assumes a type: %s', (text, type) => {
  const checked = check(text);
  expect(checked.assumed).toContainEqual(['e', 'p', type]);
  for (const [expression, found] of checked.types) if (printExpression(expression) === 'properties.p') expect(found).toBe(type);
});

test.each([
  'count(events "e".properties.p) > 1',
  'count(events "e" where properties.p is missing) > 1',
  'last(events "e".properties.p) is missing',
])('assumes no type: %s', (text) => {
  expect(check(text).assumed).toEqual([]);
});

test('a property over any event has one type', () => {
  expect(check('count(events where properties.path = "x") > 1').assumed).toEqual([]);
});

test('rules of the shops check clean', () => {
  fc.assert(
    fc.property(arbitraryRule(), (rule) => {
      const outcome = checkRule(rule, SHOP, { purpose: 'publish' });
      expect(outcome.errors).toEqual([]);
      expect(outcome.checked?.rule).toBe(rule);
      // both written forms say the same to the checker
      for (const form of [printRule(rule), ruleToJson(rule)]) {
        const again = checkInput(form, SHOP, { purpose: 'publish' });
        expect(again.errors).toEqual([]);
        expect({ ...again.checked?.reads, t: again.checked?.timeDependent }).toEqual({
          ...outcome.checked?.reads,
          t: outcome.checked?.timeDependent,
        });
      }
    }),
    { numRuns: 500 },
  );
});

function chain(length: number): Catalog {
  const segments = Array.from({ length }, (_, index): [string, CatalogSegment] => [
    `s${index}`,
    { id: index, key: `s${index}`, status: 'active', references: index + 1 < length ? [`s${index + 1}`] : [] },
  ]);
  return { ...EMPTY_CATALOG, segments: new Map(segments) };
}

test('segments nest sixteen deep', () => {
  expect(check('in segment "s0"', chain(16)).reads.segments).toEqual(new Set(['s0']));
  const [tooDeep] = checkInput('in segment "s0"', chain(17), { purpose: 'check' }).errors;
  expect(tooDeep).toMatchObject({ code: 'limit_exceeded', detail: expect.stringMatching(/this is more than 16 levels$/) });
});

test('those above a segment count too', () => {
  const segments = new Map([...chain(12).segments, ['leaf', { id: 99, key: 'leaf', status: 'active' as const, references: [] }]]);
  for (const key of ['x0', 'x1', 'x2', 'x3', 'x4']) {
    const next = { x0: 'x1', x1: 'x2', x2: 'x3', x3: 'x4', x4: 'leaf' }[key] ?? '';
    segments.set(key, { id: 5, key, status: 'active', references: [next] });
  }
  const problems = (text: string) => checkInput(text, { ...EMPTY_CATALOG, segments }, { purpose: 'publish', segmentKey: 'leaf' }).errors;
  expect(problems('in segment "s1"')).toEqual([]);
  expect(problems('in segment "s0"')).toMatchObject([{ code: 'limit_exceeded', detail: expect.stringMatching(/this is 17 levels$/) }]);
});

test('a cycle elsewhere ends the search', () => {
  const segments = new Map<string, CatalogSegment>([
    ['a', { id: 1, key: 'a', status: 'active', references: ['b'] }],
    ['b', { id: 2, key: 'b', status: 'active', references: ['a'] }],
  ]);
  const outcome = checkInput('in segment "a"', { ...EMPTY_CATALOG, segments }, { purpose: 'check', segmentKey: 'c' });
  expect(outcome.errors).toMatchObject([{ code: 'limit_exceeded' }]);
});

test('each type has its operators', () => {
  expect(operatorsFor('list')).toEqual(['has_any', 'has_all', 'missing']);
  expect(operatorsFor('boolean')).toEqual(['=', '!=', 'in', 'missing']);
  expect(operatorsFor('date')).toEqual(['=', '!=', '<', '<=', '>', '>=', 'between', 'in', 'missing', 'within', 'anniversary']);
});
