// The ready-made segments: each checks without a mistake and has the members on the demo's shop that the naive evaluator says; parameters are
// values and nothing else.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EMPTY_CATALOG } from '../../src/catalog/catalog.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { makeDemoShop } from '../../src/cli/demo-shop.ts';
import { AppError } from '../../src/errors.ts';
import { prepareBatch } from '../../src/ingest/prepare-batch.ts';
import { write } from '../../src/pipeline.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { checkRule } from '../../src/rules/check-rule.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { fillTemplate, getTemplate } from '../../src/segments/fill-template.ts';
import { createGroup } from '../../src/segments/groups.ts';
import { TEMPLATES } from '../../src/segments/templates.ts';
import { type Service, startService } from '../api/service.ts';
import { finishRuns } from '../membership/leader-by-hand.ts';
import { openStrataUnderTest, START_MS, type StrataUnderTest } from '../membership/strata-under-test.ts';
import { evaluateRule } from '../oracle/evaluate.ts';
import { parse } from '../oracle/parse.ts';
import { apply, EMPTY_SHOP, type Shop, type ShopCustomer } from '../oracle/shop.ts';

const CUSTOMERS = 250;
/** What the demo's shop is asked, where its words are others than the defaults. */
const GIVEN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  country: { 'param.country': 'CN' },
  returned: { 'param.recentDays': '60', 'param.pauseDays': '150' },
  'loyal-small-baskets': { 'param.average': '250' },
  browsing: { 'param.visits': '1', 'param.days': '60' },
  'bulk-once': { 'param.pieces': '3' },
  'coupon-users': { 'param.coupon': 'WELCOME10' },
  'brand-buyers': { 'param.brand': 'Fjordlund' },
};

let under: StrataUnderTest;
let shop: Shop;
/** ids of members, as stored */
const members = new Map<string, string[]>();

beforeAll(async () => {
  under = await openStrataUnderTest();
  const { strata, clock } = under;
  const demo = makeDemoShop({ seed: 3, endMs: START_MS, customers: CUSTOMERS });
  shop = EMPTY_SHOP;
  for (const kind of ['customers', 'orders', 'events'] as const) {
    const context = { ...strata, newEventId: null };
    const { facts, rejected } = await prepareBatch(demo[kind], kind, context, { partial: false });
    expect(rejected).toEqual([]);
    await write(strata, facts);
    shop = apply(shop, facts, clock.nowMs());
  }
  for (const template of TEMPLATES) {
    const { segments, groups } = fillTemplate(template, GIVEN[template.key]);
    for (const segment of segments) await createSegment(strata.database, clock, { ...segment, publish: true, author: null });
    for (const { key, ...content } of groups) await createGroup(strata.database, clock, key, content, null);
  }
  await finishRuns(strata);
  const rows = await strata.database.query<{ key: string; id: string }>({
    text: `select s.key, c.external_id as id from memberships as m
      join segments as s on s.id = m.segment_id join customers as c on c.id = m.customer_id order by c.external_id`,
  });
  for (const { key, id } of rows) members.set(key, [...(members.get(key) ?? []), id]);
  shop = { ...shop, catalog: await loadCatalog(strata.database) };
});
afterAll(() => under.drop());

interface Choice {
  readonly order: readonly string[];
  readonly otherwise: string | null;
}

const FILLED = TEMPLATES.map((template) => fillTemplate(template, GIVEN[template.key]));
const RULES = new Map<string, Rule>(FILLED.flatMap(({ segments }) => segments.map(({ key, rule }) => [key, parse(rule)] as const)));
const GROUPS: readonly Choice[] = FILLED.flatMap(({ groups }) => groups.map(({ segments, otherwise }) => ({ order: segments, otherwise })));

/** By the definition alone: the rule, and of a group the first that holds. */
function isMember(key: string, customer: ShopCustomer): boolean {
  const group = GROUPS.find(({ order, otherwise }) => order.includes(key) || otherwise === key);
  if (group === undefined) return holds(key, customer);
  return (group.order.find((each) => holds(each, customer)) ?? group.otherwise) === key;
}

function holds(key: string, customer: ShopCustomer): boolean {
  const rule = RULES.get(key);
  if (rule === undefined) throw new Error(`there is no segment ${key}`);
  return evaluateRule(rule, customer, shop, START_MS, 'UTC', (named) => isMember(named, customer));
}

describe.each(TEMPLATES.map((template) => [template.key, template] as const))('%s', (_, template) => {
  const keys = template.segments.map((segment) => segment.key);

  test('checks where nothing has been sent', () => {
    for (const { key, rule } of fillTemplate(template).segments) {
      const others = keys.filter((each) => each !== key);
      const segments = new Map(others.map((each, id) => [each, { id, key: each, status: 'active' as const, references: [] }]));
      const { errors } = checkRule(parse(rule), { ...EMPTY_CATALOG, segments }, { purpose: 'publish', segmentKey: key });
      expect(errors).toEqual([]);
    }
  });

  test('every parameter is used', () => {
    const used = new Set(template.segments.flatMap(({ rule }) => [...rule.matchAll(/\{(\w+)\}/g)].map((match) => match[1])));
    expect([...used].sort()).toEqual(template.parameters.map(({ name }) => name).sort());
  });

  test('holds whom the naive evaluator says', () => {
    for (const key of keys) {
      const expected = shop.customers
        .filter((customer) => isMember(key, customer))
        .map((customer) => customer.id)
        .sort();
      expect(members.get(key) ?? [], key).toEqual(expected);
    }
  });
});

test('each tells some from others', () => {
  const sizes = [...RULES.keys()].map((key) => ({ key, size: members.get(key)?.length ?? 0 }));
  expect(sizes.filter(({ size }) => size === 0)).toEqual([]);
  expect(sizes.filter(({ size }) => size === CUSTOMERS)).toEqual([]);
});

test('everybody is in one stage of life', () => {
  const stages = getTemplate('lifecycle').segments.flatMap(({ key }) => members.get(key) ?? []);
  expect(stages.toSorted()).toEqual(shop.customers.map(({ id }) => id).sort());
});

describe('parameters', () => {
  const refusal = (key: string, given: Readonly<Record<string, string>>) => {
    try {
      fillTemplate(getTemplate(key), given);
    } catch (error) {
      if (error instanceof AppError) return error.errors?.map(({ parameter, code }) => `${parameter} ${code}`);
      throw error;
    }
    return undefined;
  };

  test('texts stay texts', () => {
    const [segment] = fillTemplate(getTemplate('country'), { 'param.country': 'x" or everyone or country = "\\' }).segments;
    expect(segment?.rule).toBe('country = "x\\" or everyone or country = \\"\\\\"');
    expect(parse(segment?.rule ?? '')).toMatchObject({ kind: 'comparison' });
  });

  test('all mistakes are told at once', () => {
    const given = { 'param.days': '0', 'param.spent': '1 or everyone', 'param.dayz': '3' };
    expect(refusal('big-spenders', given)).toEqual([
      'param.dayz unknown_parameter',
      'param.spent invalid_value',
      'param.days invalid_value',
    ]);
    expect(refusal('country', { 'param.country': '' })).toEqual(['param.country invalid_value']);
    expect(refusal('country', { 'param.country': 'a\nb' })).toEqual(['param.country invalid_value']);
    expect(refusal('category-lovers', { 'param.share': '1.01' })).toEqual(['param.share invalid_value']);
    expect(refusal('category-lovers', { 'param.share': '0.75' })).toBeUndefined();
  });
});

describe('over HTTP', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService({ background: false });
  });
  afterAll(() => service.close());

  test('what comes back can be posted', async () => {
    const { body } = await service.call('GET', '/v1/templates/lifecycle?param.quietDays=60');
    expect(body.segments.find(({ key }: { key: string }) => key === 'lifecycle-active').rule).toBe(
      'count(orders in the last 60 days) >= 1',
    );
    for (const segment of body.segments) expect((await service.call('POST', '/v1/segments', segment)).status).toBe(201);
    for (const group of body.groups) expect((await service.call('POST', '/v1/groups', group)).status).toBe(201);
  });

  test('the list has every template', async () => {
    const { body } = await service.call('GET', '/v1/templates');
    expect(body.data.map(({ key }: { key: string }) => key)).toEqual(TEMPLATES.map(({ key }) => key));
  });

  test('unknown ones are refused', async () => {
    const unknown = await service.call('GET', '/v1/templates/live-cycle');
    expect(unknown.body).toMatchObject({ status: 404, code: 'not_found' });
    const wrong = await service.call('GET', '/v1/templates/lifecycle?param.lostdays=3&param.newDays=x');
    expect(wrong.body).toMatchObject({ status: 400, errors: [{ code: 'unknown_parameter' }, { code: 'invalid_value' }] });
    const bare = await service.call('GET', '/v1/templates/lifecycle?newDays=3');
    expect(bare.body.errors).toMatchObject([{ parameter: 'newDays', hint: 'Did you mean param.newDays?' }]);
  });
});
