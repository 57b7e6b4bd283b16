// A rule over any event stays in force whatever events come to carry: it keeps its meaning, or is refused if it would have two.
import { describe, expect, test } from 'vitest';
import { type Catalog, EMPTY_CATALOG, type ValueType } from '../../src/catalog/catalog.ts';
import { checkRule } from '../../src/rules/check-rule.ts';
import { checkStored } from '../../src/rules/check-stored.ts';
import { printExpression } from '../../src/rules/print-text.ts';
import { parse } from '../oracle/parse.ts';

function catalogOf(events: Readonly<Record<string, Readonly<Record<string, ValueType>>>>): Catalog {
  return { ...EMPTY_CATALOG, events: new Map(Object.entries(events).map(([event, types]) => [event, new Map(Object.entries(types))])) };
}

/** The types of the rule's properties as they are taken, or the first mistake. */
function take(text: string, catalog: Catalog): string {
  const { checked, errors } = checkStored(parse(text), catalog, 'own');
  if (checked === null) return errors[0]?.detail ?? '';
  const properties = [...checked.types].filter(([expression]) => expression.kind === 'property');
  return properties.map(([expression, type]) => `${printExpression(expression)}: ${type}`).join(', ');
}

const PLAN = 'count(events where properties.plan = "pro") >= 1';

describe('over any event', () => {
  test('a first value of another type changes nothing', () => {
    expect(take(PLAN, catalogOf({}))).toBe('properties.plan: string');
    expect(take(PLAN, catalogOf({ survey: { plan: 'number' } }))).toBe('properties.plan: string');
  });

  test('a second event with another type changes nothing', () => {
    const mixed = catalogOf({ signup: { plan: 'string' }, survey: { plan: 'number' } });
    expect(checkRule(parse(PLAN), mixed, { purpose: 'publish' }).checked).toBeNull();
    expect(take(PLAN, mixed)).toBe('properties.plan: string');
    expect(take('sum(events.properties.plan) > 5', mixed)).toBe('properties.plan: number');
  });

  test('every property is taken by itself', () => {
    const text = 'count(events where properties.a = 1 and properties.b = "x") > 0';
    const types = catalogOf({ one: { a: 'number', b: 'number' }, two: { a: 'string', b: 'string' } });
    expect(take(text, types)).toBe('properties.a: number, properties.b: string');
  });

  test('one with two meanings is refused', () => {
    const mixed = catalogOf({ signup: { day: 'date' }, survey: { day: 'timestamp' } });
    expect(take('count(events where properties.day > today) > 0', mixed)).toContain('has not the same type');
  });

  test('whether one is there depends on no type', () => {
    const mixed = catalogOf({ signup: { day: 'date' }, survey: { day: 'timestamp' } });
    for (const catalog of [catalogOf({}), catalogOf({ signup: { day: 'date' } }), mixed]) {
      for (const text of ['count(events where properties.day is missing) > 0', 'count(events.properties.day) > 0']) {
        const { checked } = checkStored(parse(text), catalog, 'own');
        expect(checked?.types.size).toBeGreaterThan(0);
        expect(take(text, catalog)).toBe('');
      }
    }
  });

  test('lists of objects change nothing', () => {
    const lists = { ...catalogOf({ cart: {} }), opaque: new Map([['cart', new Set(['plan'])]]) };
    expect(checkRule(parse(PLAN), lists, { purpose: 'publish' }).checked).toBeNull();
    expect(take(PLAN, lists)).toBe('properties.plan: string');
    const beside = { ...lists, events: catalogOf({ cart: {}, survey: { plan: 'number' } }).events };
    expect(take('sum(events.properties.plan) > 5', beside)).toBe('properties.plan: number');
  });

  test('too many ways are refused', () => {
    const names = ['a', 'b', 'c', 'd'];
    const text = `count(events where ${names.map((name) => `properties.${name} = "x"`).join(' and ')}) > 0`;
    const of = (type: ValueType) => Object.fromEntries(names.map((name) => [name, type]));
    expect(take(text, catalogOf({ one: of('string'), two: of('number') }))).toContain('has not the same type');
    const fewer = text.replace(' and properties.d = "x"', '');
    expect(take(fewer, catalogOf({ one: of('string'), two: of('number') }))).toContain('properties.c: string');
  });
});

describe('of one event', () => {
  test('another type is refused as ever', () => {
    const text = 'count(events "survey" where properties.plan = "pro") >= 1';
    expect(take(text, catalogOf({ survey: { plan: 'number' } }))).toContain('unlike types');
  });
});
