// The limit on what the rules of all live segments compare with: what is counted is what is bound, and who is refused. The limit is lowered here.
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Catalog, EMPTY_CATALOG } from '../../src/catalog/catalog.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { checkRule } from '../../src/rules/check-rule.ts';
import { emitEvaluation } from '../../src/rules/emit.ts';
import { LIMITS } from '../../src/rules/limits.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import type { LiveSegment } from '../../src/segments/definitions.ts';
import { archiveSegment, pauseSegment, resumeSegment } from '../../src/segments/lifecycle.ts';
import { addPublishedVersion } from '../../src/segments/versions.ts';
import { countValues, refuseTooManyValues, valuesAtMost } from '../../src/segments/weigh-values.ts';
import { openStrataUnderTest, type StrataUnderTest } from '../membership/strata-under-test.ts';
import { arbitraryRule } from '../oracle/arbitrary-rule.ts';
import { parse } from '../oracle/parse.ts';
import { CATALOG as SHOP } from '../oracle/world.ts';

const { atMost } = LIMITS.liveValues;

function limitTo(values: number): void {
  Object.assign(LIMITS.liveValues, { atMost: values });
}

afterEach(() => limitTo(atMost));

function definitionsOf(rules: readonly Rule[], catalog: Catalog) {
  const live = rules.map((rule, index): LiveSegment => {
    const { checked } = checkRule(rule, catalog, { purpose: 'publish' });
    if (checked === null) throw new Error('a rule of the test has a mistake');
    return { id: index + 1, key: `s${index}`, name: '', version: 1, building: false, checked };
  });
  return { live, catalog, segmentIds: new Map(live.map(({ key, id }) => [key, id])) };
}

const written = (...texts: readonly string[]) => definitionsOf(texts.map(parse), EMPTY_CATALOG);

/** Of the statement that evaluates them all. */
function boundValues({ live, catalog, segmentIds }: ReturnType<typeof definitionsOf>): readonly string[] {
  const told = new Set(segmentIds.values());
  return emitEvaluation({ segments: live, segmentIds, catalog, narrow: 'ids', memberships: 'present', told }).names;
}

describe('counting', () => {
  it('counts what is bound', () => {
    const countries = (from: number) => Array.from({ length: 500 }, (_, index) => `country = "${from + index}"`).join(' or ');
    const definitions = written(countries(0), countries(500), countries(250), 'city in ("a", "b", "c")');
    const bound = boundValues(definitions);
    expect(bound.filter((name) => name.startsWith('text constant'))).toHaveLength(1_000);
    // besides those there are lists of segments, which no rule adds to
    expect(countValues(definitions)).toBe(bound.filter((name) => !name.startsWith('integer[]')).length);
  });

  it('of one rule never passes its bound', () => {
    fc.assert(
      fc.property(arbitraryRule(), (rule) => {
        const definitions = definitionsOf([rule], SHOP);
        const [segment] = definitions.live;
        expect(countValues(definitions)).toBeLessThanOrEqual(segment === undefined ? 0 : valuesAtMost(segment.checked));
      }),
      { numRuns: 500 },
    );
  });

  it('of many rules keeps to the margin', () => {
    fc.assert(
      fc.property(fc.array(arbitraryRule(), { minLength: 10, maxLength: 40 }), (rules) => {
        const definitions = definitionsOf(rules, SHOP);
        // the names of events and the least instant of each look at a source belong to no one rule
        expect(boundValues(definitions).length).toBeLessThanOrEqual(countValues(definitions) * 1.1 + 10);
      }),
      { numRuns: 50 },
    );
  });
});

describe('refusing', () => {
  it('says how many there are', () => {
    limitTo(40);
    const before = written('country = "A"');
    const many = Array.from({ length: 50 }, (_, index) => `country = "${index}"`).join(' or ');
    const next = written('country = "A"', many);
    const detail = `what the rules of all live segments compare with is limited to 40 different values; this is ${countValues(next)} with this one`;
    expect(() => refuseTooManyValues(next, before)).toThrow(
      expect.objectContaining({ code: 'invalid_rule', errors: [expect.objectContaining({ code: 'limit_exceeded', detail, pointer: '' })] }),
    );
    // it is no more than there was
    expect(() => refuseTooManyValues(next, written(many, 'country = "B"'))).not.toThrow();
  });

  it('counts a value that many share once', () => {
    limitTo(40);
    const shared = Array.from({ length: 30 }, () => 'country = "A" or city = "B"');
    expect(() => refuseTooManyValues(written(...shared), written())).not.toThrow();
  });
});

describe('publishing', () => {
  let shop: StrataUnderTest;
  beforeAll(async () => {
    shop = await openStrataUnderTest();
  });
  afterAll(() => shop.drop());

  const tenCountries = (from: number) => Array.from({ length: 10 }, (_, index) => `country = "${from + index}"`).join(' or ');
  const refusal = { code: 'invalid_rule', errors: [{ code: 'limit_exceeded' }] };

  it('is refused past the limit', async () => {
    const { database, clock } = shop.strata;
    const create = (key: string, rule: string) =>
      createSegment(database, clock, { key, name: key, kind: 'rule', rule, publish: true, author: null });
    await shop.define('first', tenCountries(0));
    await shop.define('second', tenCountries(10));
    limitTo(25);
    await expect(create('third', tenCountries(20))).rejects.toMatchObject(refusal);
    const wider = { rule: `${tenCountries(0)} or ${tenCountries(20)}`, author: null };
    await expect(addPublishedVersion(database, clock, 'first', wider)).rejects.toMatchObject(refusal);
    await create('third', tenCountries(5));
    await pauseSegment(database, clock, 'third');
    limitTo(15);
    await expect(resumeSegment(database, clock, 'third')).resolves.toBeDefined(); // adds no value
    await archiveSegment(database, clock, 'third');
    await pauseSegment(database, clock, 'second');
    await expect(resumeSegment(database, clock, 'second')).rejects.toMatchObject(refusal);
    expect((await shop.strata.programs.reload()).definitions.live.map(({ key }) => key)).toEqual(['first']);
  });
});
