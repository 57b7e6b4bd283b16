// Whatever the builder shows, it gives back: every rule of the templates and of the language's page, there and back without loss. What it cannot
// show, it says.
import { describe, expect, test } from 'vitest';
import { toJson, toQuery } from '../../src/dashboard/views/editor/builder-query.ts';
import { canShow } from '../../src/dashboard/views/editor/can-show.ts';
import type { Json } from '../../src/dashboard/views/editor/rule-json.ts';
import { parseRule } from '../../src/rules/parse-text.ts';
import { ruleToJson } from '../../src/rules/print-json.ts';
import { fillTemplate } from '../../src/segments/fill-template.ts';
import { TEMPLATES } from '../../src/segments/templates.ts';

const SHOWN = [
  'country = "CN" and gender = "female" and age between 25 and 40',
  'tags has any ("vip", "wholesale") and attributes.loyalty_tier in ("gold", "platinum")',
  'count(orders where status = "paid" in the last 90 days) >= 2 and sum(orders.total) > 500',
  'last(orders.placed_at) < 60 days ago',
  'count(items where category = "Shoes" and unit_price >= 80 since 2026-01-01) >= 1',
  'count(events "page_view" where properties.path starts with "/sale" in the last 24 hours) > 3',
  'birthday anniversary in the next 7 days or not birthday anniversary today',
  'email is not missing and consent.email = true and attributes."loyalty-tier" != "none"',
  'in segment "vip" and not in segment "blocked"',
  'bucket("spring-test") < 50',
  'count(orders between 180 days ago and 90 days ago) >= 1 and count(orders since 90 days ago) = 0',
  'not (country = "CN" or country is missing)',
  'not country = "CN" and not not (age < 3) and not everyone',
  'not (country = "CN" and (city = "a" or not (city = "b" or city not in ("c", "d"))))',
  'created_at not in last month and created_at > 2026-01-01T00:00:00Z',
  'count(orders where not (status = "paid" or total between 1.5 and 2.25)) = 0',
];
const NOT_SHOWN = [
  'count(orders where discount > 0) / count(orders) >= 0.5',
  'days_between(first(orders.placed_at), last(orders.placed_at)) < 30',
  'count(orders) > count(orders in the last 30 days)',
  'country = "CN" and (age < 3 or 3 < age)',
  'not (5 = age)',
];

function jsonOf(text: string): Json {
  const parsed = parseRule(text);
  if (!parsed.ok) throw new Error(`${text}: ${JSON.stringify(parsed.problems)}`);
  return ruleToJson(parsed.value) as unknown as Json;
}

describe('the tree of the builder', () => {
  test.each(SHOWN)('keeps %s', (text) => {
    const json = jsonOf(text);
    expect(canShow(json)).toBe(true);
    expect(toJson(toQuery(json), '/rule').json).toEqual(json);
  });

  test.each(NOT_SHOWN)('leaves %s to the text', (text) => {
    expect(canShow(jsonOf(text))).toBe(false);
  });

  test('keeps every template that it shows', () => {
    const rules = TEMPLATES.flatMap((template) => fillTemplate(template, {}).segments.map(({ rule }) => jsonOf(rule)));
    const shown = rules.filter(canShow);
    expect(shown.length).toBeGreaterThan(rules.length / 2);
    for (const json of shown) expect(toJson(toQuery(json), '/rule').json).toEqual(json);
  });

  test('conditions know their place in the JSON', () => {
    const query = toQuery(jsonOf('not (country = "a" and (city = "b" or city = "c"))'));
    const number = { next: 0 };
    const named = JSON.parse(JSON.stringify(query), (_key, value) =>
      value?.field === undefined ? value : { ...value, id: `r${number.next++}` },
    );
    expect([...toJson(named, '/rule').pointers.values()]).toEqual(['/rule/not/and/0', '/rule/not/and/1/or/0', '/rule/not/and/1/or/1']);
  });
});
