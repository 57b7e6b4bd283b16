// What a mistake is answered with: code, the text it points at, the message, and the hint. A running list: add what bothers you.
import { expect, test } from 'vitest';
import type { Catalog, CatalogSegment, SegmentStatus, ValueType } from '../../src/catalog/catalog.ts';
import { checkInput } from '../../src/rules/check-rule.ts';
import type { Diagnostic } from '../../src/rules/diagnostic.ts';
import { LIMITS } from '../../src/rules/limits.ts';

function segment(key: string, status: SegmentStatus, references: readonly string[] = []): [string, CatalogSegment] {
  return [key, { id: 1, key, status, references }];
}

const CATALOG: Catalog = {
  attributes: new Map<string, ValueType>([
    ['loyalty_tier', 'string'],
    ['points', 'number'],
    ['joined_on', 'date'],
  ]),
  events: new Map([
    [
      'page_view',
      new Map<string, ValueType>([
        ['path', 'string'],
        ['score', 'number'],
      ]),
    ],
    ['survey', new Map<string, ValueType>([['score', 'string']])],
    ['cart', new Map<string, ValueType>()],
  ]),
  opaque: new Map([['cart', new Set(['rows', 'path'])]]),
  consents: new Set(['email']),
  segments: new Map([
    segment('vip', 'active', ['big']),
    segment('big', 'active', ['me']),
    segment('still', 'paused'),
    segment('new', 'draft'),
    segment('old', 'archived'),
  ]),
};

function problemsOf(text: unknown, purpose: 'check' | 'publish' = 'check'): readonly Diagnostic[] {
  return checkInput(text, CATALOG, { purpose, segmentKey: 'me' }).errors;
}

function placed(text: string, problem: Diagnostic): string {
  return 'start' in problem.place ? text.slice(problem.place.start, problem.place.end) : problem.place.pointer;
}

/** `hint` null: there is none. */
type Expected = readonly [code: string, at: string, says: string | RegExp, hint?: string | RegExp | null];

const TEXT: readonly (readonly [text: string, ...Expected[]])[] = [
  // written as in another language
  ['country == "CN"', ['syntax_error', '==', '`==` is not part of a rule', 'write `=`']],
  ["country = 'CN'", ['syntax_error', "'", /not part/, 'strings stand in double quotes: "…"']],
  ['country = “CN”', ['syntax_error', '“', /not part/, 'use straight double quotes: "…"']],
  ['age > 1 && age < 5', ['syntax_error', '&&', /not part/, 'write `and`']],
  ['age > 1 || age < 5', ['syntax_error', '||', /not part/, 'write `or`']],
  ['age <> 5', ['syntax_error', '<>', /not part/, 'write `!=`']],
  ['age ≥ 5', ['syntax_error', '≥', /not part/, 'write `>=`']],
  ['!consent.email', ['syntax_error', '!', /not part/, 'write `not`']],
  ['city like "x%"', ['syntax_error', 'like', 'expected an operator, found `like`', /contains/]],
  ['country is null', ['syntax_error', 'null', 'expected `missing`, found `null`', 'write `is missing`']],
  ['country is not empty', ['syntax_error', 'empty', /expected `missing`/, 'write `is not missing`']],
  ['country is "CN"', ['syntax_error', '"CN"', 'expected `missing`, found the string "CN"', 'compare with `=`']],
  ['country = null', ['unknown_field', 'null', 'unknown field `null`', 'for "has no value" write `is missing`']],
  ['country in ["a"]', ['syntax_error', '[', /not part/, 'lists stand in round brackets: ("a", "b")']],
  ['country in (CN, DE)', ['syntax_error', 'CN', /expected a value/, /double quotes/]],
  ['country in "CN"', ['syntax_error', '"CN"', /expected `the last …`/, /in \("a", "b"\)/]],
  ['country in ()', ['syntax_error', ')', /expected a value/]],
  // values
  ['"abc', ['syntax_error', '"abc', 'this string has no end', 'close it with `"`']],
  ['city = "a\\n"', ['syntax_error', '\\n', /stands only before/, /one backslash/]],
  ['city = "a\u0000"', ['invalid_literal', '"a\u0000"', /U\+0000/]],
  ['city = "\ud800"', ['invalid_literal', '"\ud800"', /surrogate/]],
  ['age > 1,000', ['syntax_error', ',', /expected `and`, `or` or the end/, /thousands/]],
  ['age > 1e5', ['syntax_error', 'e5', /found `e5`/, 'numbers have no exponent']],
  ['age > .5', ['syntax_error', '.', /found `\.`/, 'write a digit before the point: 0.5']],
  ['age > 50%', ['syntax_error', '%', /not part/, /0\.5/]],
  ['age = 1234567890123456', ['limit_exceeded', '1234567890123456', /15 significant digits; this is 16 digits/]],
  ['age = 0.30000000000000004', ['limit_exceeded', '0.30000000000000004', /17 digits/]],
  ['created_at > 2026-02-30', ['invalid_literal', '2026-02-30', /that month has 28 days/]],
  ['created_at > 2026-13-01', ['invalid_literal', '2026-13-01', /no month 13/]],
  ['created_at > 1899-12-31', ['invalid_literal', '1899-12-31', /1900 to 2200/]],
  ['created_at > 2026-01-01T10:00:00', ['invalid_literal', '2026-01-01T10:00:00', /no time zone/, /Z or an offset/]],
  ['created_at > 2026-01-01T10:00Z', ['invalid_literal', '2026-01-01T10:00Z', /RFC 3339/, /like/]],
  ['created_at > 2026-01-01T10:00:00.1234Z', ['invalid_literal', '2026-01-01T10:00:00.1234Z', /milliseconds/, /three digits/]],
  ['created_at > 2026-01-01T24:00:00Z', ['invalid_literal', '2026-01-01T24:00:00Z', /no such time/]],
  ['birthday = 2026-1-5', ['type_mismatch', '2026-1-5', /is a number/, /two digits/]],
  // one mistake is told once: what stands in for it is not held against the rest
  ['age = 2026-02-30', ['invalid_literal', '2026-02-30', /28 days/]],
  ['age = 2026-02-30T00:00:00Z', ['invalid_literal', '2026-02-30T00:00:00Z', /28 days/]],
  ['created_at > 2026-02-30T10:00:00Z', ['invalid_literal', '2026-02-30T10:00:00Z', /28 days/]],
  ['created_at > "2026-01-01"', ['type_mismatch', '"2026-01-01"', /is a string/, /without quotes/]],
  // time
  ['created_at in the last 3 months', ['syntax_error', 'months', /unit of time/, /use days/]],
  ['created_at > 2 years ago', ['syntax_error', 'years', /unit of time/, /365 days/]],
  ['created_at in last 7 days', ['syntax_error', 'last', /found `last`/, 'write `in the last …`']],
  ['created_at in the past 7 days', ['syntax_error', 'the', /found `the`/, 'write `in the last …`']],
  ['created_at in the last month', ['syntax_error', 'month', /whole number/, /in last month/]],
  ['created_at in the last 1.5 days', ['syntax_error', '1.5', /whole number/, /smaller unit/]],
  ['created_at > 7 days', ['syntax_error', '', /`ago` or `from now`/, /duration alone/]],
  ['birthday in the next 7 days', ['syntax_error', 'the', /found `the`/, /anniversary/]],
  ['count(orders) > 1 in the last 7 days', ['syntax_error', 'in', /found `in`/, /inside the brackets/]],
  ['count(orders in the last 7 days where total > 1) > 1', ['syntax_error', 'where', /expected `\)`/, /before the window/]],
  [
    `count(events "${'ü'.repeat(129)}") > 1`,
    [
      'limit_exceeded',
      `count(events "${'ü'.repeat(129)}")`,
      'the name of an event or a property is limited to 256 bytes; this is 258 bytes',
    ],
  ],
  [
    `count(events where properties.${'p'.repeat(257)} is missing) > 1`,
    ['limit_exceeded', `properties.${'p'.repeat(257)}`, /256 bytes; this is 257 bytes/],
  ],
  ['count(orders in the last 0 days) > 1', ['limit_exceeded', 'in the last 0 days', /more than zero/]],
  ['count(orders since 0 days ago) > 1', ['limit_exceeded', '0 days ago', /more than zero/]],
  ['created_at > 3661 days ago', ['limit_exceeded', '3661 days ago', /3,660 days; this is 3661 days/]],
  ['created_at > 99999999999999999999 days ago', ['limit_exceeded', '99999999999999999999 days', /3,660 days/]],
  [
    'birthday anniversary in the next 5 hours',
    ['invalid_literal', 'birthday anniversary in the next 5 hours', /not a number of days/, 'use days or weeks'],
  ],
  ['birthday < 5 hours ago', ['invalid_literal', '5 hours ago', /whole days/, 'use days or weeks']],
  ['5 hours ago < attributes.joined_on', ['invalid_literal', '5 hours ago', /whole days/, 'use days or weeks']],
  ['birthday in the last 5 minutes', ['invalid_literal', 'in the last 5 minutes', /not a number of days/, 'use days or weeks']],
  ['birthday < 5 hours ago and today < 5 hours ago', ['invalid_literal', '5 hours ago', /whole days/]],
  ['days_between(today, created_at) > 5', ['not_available', 'today', /not available in `days_between` yet/]],
  ['days_between(created_at, 5 days ago) > 1', ['not_available', '5 days ago', /not available/]],
  ['tags + 1 > 2', ['type_mismatch', 'tags', '`tags` is a list of strings; `+` takes numbers', null]],
  ['"x" = tags', ['type_mismatch', 'tags', /takes only `has` and `is missing`/, 'write `has any ("…")`']],
  ['consent.email = "yes"', ['type_mismatch', '"yes"', /unlike types/, null]],
  ['consent.email = "TRUE"', ['type_mismatch', '"TRUE"', /unlike types/, 'write true without quotes']],
  ['age = country', ['type_mismatch', 'country', /unlike types/, null]],
  ['attributes = 1', ['unknown_field', 'attributes', /unknown/, 'write `attributes.NAME`']],
  ['consent = true', ['unknown_field', 'consent', /unknown/, 'write `consent.NAME`']],
  ['count(orders where statu = "x") > 1', ['unknown_field', 'statu', /of orders/, 'did you mean `status`?']],
  ['count(orders where status = a.b) > 0', ['unknown_field', 'a.b', /of orders/, /^the fields are/]],
  ['country between "a" and DE', ['unknown_field', 'DE', /unknown/, 'a string stands in double quotes: "DE"']],
  ['count(orders in the last 5 days since 3 days ago) > 1', ['syntax_error', 'since', /expected `\)`/, /one window/]],
  ['(country = "CN" age)', ['syntax_error', 'age', 'expected `and`, `or` or `)`, found `age`']],
  ['(1 2) > 3', ['syntax_error', '2', 'expected an operator or `)`, found `2`']],
  ['() > 1', ['syntax_error', ')', /a condition or a value/, 'a bracket holds a condition or a value']],
  ['attributes. = 1', ['syntax_error', '=', 'expected a name, found `=`', /double quotes/]],
  ['count(orders.) > 1', ['syntax_error', ')', 'expected a name, found `)`', null]],
  ['percentile((orders.total', ['syntax_error', '', 'expected `)`, found the end of the rule']],
  ['age > 5 €', ['syntax_error', '€', 'the character `€` (U+20AC) is not part of a rule']],
  ['5 x > 1', ['syntax_error', 'x', 'expected an operator, found `x`', null]],
  ['(((country = "CN")', ['syntax_error', '', /found the end of the rule/, null]],
  ['created_at in next week', ['syntax_error', 'next', /calendar period/, 'only `anniversary in next month` looks ahead']],
  // lists of objects
  [
    'count(events "cart" where properties.rows is missing) > 0',
    ['type_mismatch', 'properties.rows', /not all strings.*cannot be asked/, null],
  ],
  ['count(events "cart" where properties.rows has any ("a")) > 0', ['type_mismatch', 'properties.rows', /cannot be asked/]],
  ['count(events "cart".properties.path) > 0', ['type_mismatch', 'properties.path', /cannot be asked/]],
  ['count(events where properties.rows is missing) > 0', ['type_mismatch', 'properties.rows', /cannot be asked/]],
  ['count(events where properties.path = 1) > 0', ['type_mismatch', '1', /unlike types/]],
  [
    'sum(events "page_view") > 1',
    ['type_mismatch', 'sum(events "page_view")', /needs a field/, /^write sum\(events "page_view"\.properties\.NAME\)/],
  ],
  ['distinct(orders) > 1', ['type_mismatch', 'distinct(orders)', /needs a field/, /^write distinct\(orders\.placed_at\)/]],
  ['orders.count > 5', ['unknown_field', 'orders.count', /unknown field/, /^write count\(orders\)$/]],
  ['orders.sum > 5', ['unknown_field', 'orders.sum', /unknown field/, /^write sum\(orders\.FIELD\)$/]],
  ['birthday anniversary in today', ['syntax_error', 'today', /found `today`/, /write `anniversary today`/]],
  ['count(orders) > 3 within 30 days', ['syntax_error', 'within', /found `within`/, /inside the brackets of an aggregate/]],
  ['days_between(first(orders.placed_at), now) > 5', ['not_available', 'now', /not available in `days_between` yet/, /60 days ago/]],
  // shape
  ['', ['syntax_error', '', /found the end of the rule/]],
  ['-- nothing', ['syntax_error', '', /found the end of the rule/]],
  ['country', ['type_mismatch', 'country', /a condition is needed/, /compare it/]],
  ['country "CN"', ['syntax_error', '"CN"', 'expected an operator, found the string "CN"']],
  ['country containz "CN"', ['syntax_error', 'containz', /expected an operator/, 'did you mean `contains`?']],
  ['consent.email and age > 3', ['type_mismatch', 'consent.email', /a condition is needed/, /consent\.email = true/]],
  ['(age > 1) = true', ['type_mismatch', 'age > 1', /a value is needed/, /joined/]],
  ['1 < age < 5', ['syntax_error', '<', /found `<`/, /between/]],
  ['(age > 1', ['syntax_error', '', 'expected `and`, `or` or `)`, found the end of the rule']],
  ['age > 1)', ['syntax_error', ')', /found `\)`/, /never opened/]],
  ['age > 1 and', ['syntax_error', '', /expected a condition or a value/]],
  ['age > not 1', ['syntax_error', 'not', /expected a condition or a value/]],
  ['age > -(1)', ['syntax_error', '-', /expected/, /only before a number/]],
  ['country in segment "vip"', ['syntax_error', 'segment', /found `segment`/, /by itself/]],
  ['in segment vip', ['syntax_error', 'vip', /key in double quotes/, /double quotes/]],
  // names
  ['contry = "CN"', ['unknown_field', 'contry', 'unknown field `contry`', 'did you mean `country`?']],
  ['Country = "CN"', ['unknown_field', 'Country', 'unknown field `Country`', 'did you mean `country`?']],
  ['firstName = "a"', ['unknown_field', 'firstName', 'unknown field `firstName`', 'did you mean `first_name`?']],
  ['country = CN', ['unknown_field', 'CN', 'unknown field `CN`', 'a string stands in double quotes: "CN"']],
  ['title = "x"', ['unknown_field', 'title', /unknown/, null]],
  [
    'count(orders where status = "paid" and channel = "web" and total > 5) = "5"',
    ['type_mismatch', '"5"', /^`count\(orders where status = "paid" and channel = "web" and t…` is a number, /],
  ],
  [
    `count(events "page_view" where ${'y'.repeat(41)} = 1) > 1`,
    ['unknown_field', 'y'.repeat(41), /of events/, 'what an event carries is written `properties.NAME`'],
  ],
  ['total > 5', ['unknown_field', 'total', 'unknown field `total`', 'that is a field of orders; write sum(orders.total)']],
  ['orders.total > 5', ['unknown_field', 'orders.total', /unknown field/, 'write sum(orders.total)']],
  ['placed_at > today', ['unknown_field', 'placed_at', /unknown field/, /last\(orders\.placed_at\)/]],
  ['points > 5', ['unknown_field', 'points', /unknown field/, 'it is a custom attribute; write `attributes.points`']],
  ['attributes.pionts > 5', ['unknown_field', 'attributes.pionts', /unknown attribute/, 'did you mean `attributes.points`?']],
  ['properties.path = "x"', ['unknown_field', 'properties.path', /property of events/, /count\(events/]],
  ['count(refunds) > 1', ['unknown_source', 'refunds', 'unknown source `refunds`', 'the sources are orders, items, events']],
  ['count(order where total > 1 in the last 3 days) > 1', ['unknown_source', 'order', /unknown source/, 'did you mean `orders`?']],
  ['cont(orders) > 1', ['syntax_error', 'cont', /expected/, 'did you mean `count(…)`?']],
  ['sum(orders) > 1', ['type_mismatch', 'sum(orders)', '`sum` needs a field', /sum\(orders\.total\)/]],
  ['sum(orders.status) > 1', ['type_mismatch', 'status', /`status` is a string; `sum` takes numbers/]],
  ['distinct(orders.coupons) > 1', ['type_mismatch', 'coupons', /list of strings/]],
  ['count(items where coupons has ("x")) > 1', ['unknown_field', 'coupons', 'unknown field `coupons` of items', /field of orders/]],
  ['count(events "page_view" where path = "x") > 1', ['unknown_field', 'path', /of events/, 'write `properties.path`']],
  ['count(events where properties.score = 1) > 1', ['type_mismatch', 'properties.score', /not the same type/, /name the event/]],
  ['count(orders where country = "x") > 1', ['unknown_field', 'country', /of orders/, /outside of the aggregate/]],
  ['count(orders where attributes.points = 1) > 1', ['unknown_field', 'attributes.points', /of orders/, /outside of the aggregate/]],
  ['count(orders where count(orders) > 1) > 1', ['not_available', 'count(orders)', /aggregate is not available in `where`/, /outside/]],
  ['count(orders where in segment "vip") > 1', ['not_available', 'in segment "vip"', /not available in `where`/, /outside/]],
  ['count(orders where bucket("a") > 1) > 1', ['not_available', 'bucket("a")', /not available in `where`/, /outside/]],
  // reserved
  ['score.churn.value > 1', ['not_available', 'score.churn.value', /not available yet/]],
  ['percentile(orders.total, (90)) > 1', ['not_available', 'percentile(orders.total, (90))', /not available yet/]],
  ['within_km(1, 2, 3)', ['not_available', 'within_km(1, 2, 3)', /not available yet/]],
  ['sequence(a then b) = 1', ['not_available', 'sequence(a then b)', /not available yet/]],
  ['in segment "still" for at least 3 days', ['not_available', 'in segment "still" for at least 3 days', /not available yet/]],
  // types
  ['age = "5"', ['type_mismatch', '"5"', /`age` is a number, `"5"` is a string/, 'numbers stand without quotes: 5']],
  ['country = 5', ['type_mismatch', '5', /unlike types/, /double quotes/]],
  ['consent.email > false', ['type_mismatch', 'consent.email', /not for booleans/]],
  ['tags = "a"', ['type_mismatch', 'tags', /list of strings/, /has any/]],
  ['tags contains "a"', ['type_mismatch', 'tags', /takes strings/, /has any/]],
  ['country has ("a")', ['type_mismatch', 'country', /takes lists/, /contains/]],
  ['tags has (1)', ['type_mismatch', '1', /takes strings/]],
  ['country in ("a", 1)', ['type_mismatch', '1', /unlike types/]],
  // types that only a later part determines
  ['max(events.properties.opened) = true', ['type_mismatch', 'properties.opened', /is a boolean; `max` takes numbers, dates, timestamps/]],
  ['max(events "app".properties.push) = true', ['type_mismatch', 'properties.push', /is a boolean; `max` takes/]],
  ['min(events "v".properties.plan) = "gold"', ['type_mismatch', 'properties.plan', /is a string; `min` takes/]],
  [
    'distinct(events "v".properties.l) > 1 and count(events "v" where properties.l has ("x")) > 1',
    ['type_mismatch', 'properties.l', /is a list of strings; `distinct` takes/],
  ],
  [
    'count(events where properties.a = properties.b and properties.a has any ("x")) >= 1',
    ['type_mismatch', 'properties.a', /is a list of strings; a list takes only/],
  ],
  [
    'count(events where properties.a < properties.b and properties.a = true) >= 1',
    ['type_mismatch', 'properties.a', /`<` is not for booleans/],
  ],
  ['age in the last 7 days', ['type_mismatch', 'age', /a window takes dates, timestamps/]],
  ['created_at + 1 > 5', ['type_mismatch', 'created_at', /takes numbers/, /days_between/]],
  [
    'count(events "new" where properties.a = 1 or properties.a = "x") > 1',
    ['type_mismatch', '"x"', /`properties.a` is a number, `"x"` is a string/],
  ],
  // segments
  ['in segment "vpi"', ['unknown_segment', 'in segment "vpi"', 'unknown segment "vpi"', 'did you mean "vip"?']],
  ['in segment "new"', ['not_available', 'in segment "new"', /draft/]],
  ['in segment "old"', ['not_available', 'in segment "old"', /archived/]],
  ['in segment "vip"', ['cycle', 'in segment "vip"', 'the segments form a cycle: me → vip → big → me']],
  ['in segment "me"', ['cycle', 'in segment "me"', 'the segments form a cycle: me → me']],
  // several at once, of parser and checker, in the order of the text
  [
    'contry = 2026-02-30 and percentile(x) > 1 and age = "x"',
    ['unknown_field', 'contry', /unknown/],
    ['invalid_literal', '2026-02-30', /not a date/],
    ['not_available', 'percentile(x)', /not available/],
    ['type_mismatch', '"x"', /unlike/],
  ],
  [
    'attributes.a = attributes.b',
    ['unknown_field', 'attributes.a', /unknown attribute/, /`PUT \/v1\/attributes\/a` declares it/],
    ['unknown_field', 'attributes.b', /unknown attribute/],
  ],
];

test.each(TEXT.map(([text, ...expected]) => [text, expected] as const))('%s', (text, expected) => {
  hold(problemsOf(text), expected, (problem) => placed(text, problem));
});

function hold(found: readonly Diagnostic[], expected: readonly Expected[], where: (problem: Diagnostic) => string): void {
  expect(found.map((problem) => [problem.code, where(problem)])).toEqual(expected.map(([code, at]) => [code, at]));
  for (const [index, [, , says, hint]] of expected.entries()) {
    expect(found[index]?.detail).toMatch(typeof says === 'string' ? exactly(says) : says);
    if (hint === null) expect(found[index]?.hint).toBeUndefined();
    else if (hint !== undefined) expect(found[index]?.hint).toMatch(typeof hint === 'string' ? exactly(hint) : hint);
  }
}

function exactly(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
}

const AGE = { field: 'age' };

const JSON_FORMS: readonly (readonly [json: unknown, ...Expected[]])[] = [
  [null, ['syntax_error', '', /expected a rule.*found `null`/]],
  [[], ['syntax_error', '', /found an empty list/]],
  [{}, ['syntax_error', '', /found an empty object/]],
  [{ and: [] }, ['syntax_error', '/and', /one rule or more/]],
  [{ or: {} }, ['syntax_error', '/or', /one rule or more/]],
  [{ annd: [] }, ['syntax_error', '', /expected a rule/, 'did you mean `and`?']],
  [{ and: [{ everyone: true }], or: [] }, ['syntax_error', '/or', 'unknown member `or`']],
  [{ everyone: 1 }, ['syntax_error', '/everyone', /expected `true`/, null]],
  [{ a: 1, b: 2, c: 3, d: 4, e: 5 }, ['syntax_error', '', /with `a`, `b`, `c`, `d`, …$/]],
  [{ op: 5 }, ['syntax_error', '/op', /found `5`/, /^the operators are/]],
  [{ everyone: false }, ['syntax_error', '/everyone', /expected `true`/, /not/]],
  [{ segment: 5 }, ['syntax_error', '/segment', /key/]],
  [{ op: '==', left: AGE, right: 1 }, ['syntax_error', '/op', /operator/]],
  [{ op: '=', left: AGE }, ['syntax_error', '', 'the member `right` is missing']],
  [{ op: '=', left: AGE, right: null }, ['syntax_error', '/right', /found `null`/, /missing/]],
  [{ op: '=', left: AGE, right: 1, 'x/y~': 1 }, ['syntax_error', '/x~1y~0', /unknown member/]],
  [{ op: '=', left: { field: 'age', attribute: 'age' }, right: 1 }, ['syntax_error', '/left/attribute', /unknown member/]],
  [{ op: '=', left: AGE, right: { everyone: true } }, ['syntax_error', '/right', /expected a value/, /rule cannot/]],
  [{ op: 'in', left: AGE, values: [] }, ['syntax_error', '/values', /one value or more/]],
  [{ op: 'in', left: AGE, values: [1, null] }, ['syntax_error', '/values/1', /`null`/]],
  [{ op: 'in', left: AGE, values: [{ at: 'now' }] }, ['syntax_error', '/values/0', /expected a string/]],
  [{ op: 'contains', left: { field: 'city' }, value: 5 }, ['syntax_error', '/value', /expected a string/]],
  [{ op: 'contains', left: { field: 'city' }, value: 'a\u0000' }, ['invalid_literal', '/value', /U\+0000/]],
  [
    { op: 'within', left: { field: 'created_at' }, window: { between: [{ at: 'now' }, { at: 'now' }] } },
    ['syntax_error', '/window/between', /no `between`/, /low/],
  ],
  [{ op: 'within', left: { field: 'created_at' }, window: { last: '3 months' } }, ['syntax_error', '/window/last', /duration/, /days/]],
  [{ op: 'within', left: { field: 'created_at' }, window: { in: 'thismonth' } }, ['syntax_error', '/window/in', /period/, /this_month/]],
  [{ op: 'anniversary', left: { field: 'birthday' }, window: 'tomorrow' }, ['syntax_error', '/window', /today/]],
  [{ op: '>', left: { aggregate: 'count', of: 'refunds' }, right: 1 }, ['unknown_source', '/left/of', /unknown source/]],
  [{ op: '>', left: { aggregate: 'cnt', of: 'orders' }, right: 1 }, ['syntax_error', '/left/aggregate', /aggregate function/, /count/]],
  [
    { op: '>', left: { aggregate: 'cuont', of: 'orders' }, right: 1 },
    ['syntax_error', '/left/aggregate', /function/, 'did you mean "count"?'],
  ],
  [
    { op: '>', left: { aggregate: 'count', of: 'order' }, right: 1 },
    ['unknown_source', '/left/of', /unknown source/, 'did you mean "orders"?'],
  ],
  [{ op: '>', left: { aggregate: 'sum', of: { events: 5 } }, right: 1 }, ['syntax_error', '/left/of/events', /name, found `5`/]],
  [
    { op: '>', left: { aggregate: 'count', of: 'orders', window: { between: [5, { at: 'now' }] } }, right: 1 },
    ['syntax_error', '/left/window/between/0', /expected an instant/],
  ],
  [{ op: '>', left: { aggregate: 'count', of: 'orders', field: null }, right: 1 }, ['syntax_error', '/left/field', /found `null`/]],
  [{ op: '>', left: { aggregate: 'count', of: 'orders', where: null }, right: 1 }, ['syntax_error', '/left/where', /found `null`/]],
  [{ op: 'beetween', left: AGE, right: 1 }, ['syntax_error', '/op', /operator/, 'did you mean "between"?']],
  [{ op: 'contains', left: AGE }, ['syntax_error', '', 'the member `value` is missing']],
  [{ op: '=', left: { op: '%', left: 'x', right: 2 }, right: 1 }, ['syntax_error', '/left/op', /one of \+ - \* \//]],
  [{ op: '=', left: { op: '+', left: 1 }, right: 1 }, ['syntax_error', '/left', 'the member `right` is missing']],
  [{ op: 'in', left: AGE, values: Array(1001).fill(1) }, ['limit_exceeded', '/values', /1,000 values; this is 1001/]],
  [{ abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqr: 1 }, ['syntax_error', '', /with `abcdefghijklmnopqrstuvwxyzabcdefghijklmn…`$/]],
  [
    { op: '=', left: Object.fromEntries([...'abcdefghij'].map((letter) => [letter.repeat(9), 1]).concat([['feild', 1]])), right: 1 },
    ['syntax_error', '/left', /expected a value/, null],
  ],
  [
    { op: '=', left: { field: 'created_at' }, right: { at: 'tomorrow' } },
    ['syntax_error', '/right/at', 'expected "now" or "today", found `"tomorrow"`'],
  ],
  [{ op: '=', left: { field: 'birthday' }, right: { date: 5 } }, ['syntax_error', '/right/date', /a date such as/]],
  [{ op: '=', left: { field: 'created_at' }, right: { timestamp: '2026-01-01' } }, ['invalid_literal', '/right/timestamp', /RFC 3339/]],
  [{ op: 'within', left: { field: 'created_at' }, window: { last: null } }, ['syntax_error', '/window/last', /found `null`/, null]],
  [{ op: 'within', left: { field: 'created_at' }, window: { last: ['3 months'] } }, ['syntax_error', '/window/last', /found a list/, null]],
  [{ op: 'within', left: { field: 'created_at' }, window: { last: `${'9'.repeat(400)}d` } }, ['syntax_error', '/window/last', /duration/]],
  [{ op: '=', left: { field: 'today' }, right: 1 }, ['unknown_field', '/left/field', /unknown field/, /at/]],
  [{ op: '=', left: { field: 'a b' }, right: 1 }, ['unknown_field', '/left/field', /unknown field/]],
  [{ op: '=', left: AGE, right: 0.1 + 0.2 }, ['limit_exceeded', '/right', /17 digits/]],
  [{ op: '=', left: AGE, right: 1e300 }, ['limit_exceeded', '/right', /301 digits/]],
  [{ op: '=', left: AGE, right: 1e-300 }, ['limit_exceeded', '/right', /300 decimals/]],
  [{ op: '=', left: { field: 'birthday' }, right: { date: '2026-02-30' } }, ['invalid_literal', '/right/date', /28 days/]],
  [
    { and: [{ op: '=', left: { field: 'contry' }, right: 'x' }, { op: '=', left: AGE }, { segment: 'vpi' }, 5] },
    ['syntax_error', '/and/1', /right/],
    ['syntax_error', '/and/3', /expected a rule/],
    ['unknown_field', '/and/0/left', /contry/],
    ['unknown_segment', '/and/2', /vpi/],
  ],
];

test.each(JSON_FORMS.map(([json, ...expected]) => [JSON.stringify(json), json, expected] as const))('%s', (_title, json, expected) => {
  hold(problemsOf(json), expected, (problem) => placed('', problem));
});

test('line and column count from one', () => {
  const [problem] = problemsOf('country = "CN"\r\n  and contry = "x"');
  expect(problem?.place).toEqual({ start: 22, end: 28, line: 2, column: 7 });
  expect(problemsOf('age > 1 and contry = "x"')[0]?.place).toEqual({ start: 12, end: 18, line: 1, column: 13 });
});

test('a paused segment is refused at publish', () => {
  expect(problemsOf('in segment "still"', 'publish')).toMatchObject([{ code: 'not_available' }]);
  expect(checkInput('in segment "still"', CATALOG, { purpose: 'preview' }).warnings).toMatchObject([{ code: 'paused_segment' }]);
});

test('segments of one group are answered together', () => {
  const grouped = (key: string, references: readonly string[], together: readonly string[]): [string, CatalogSegment] => [
    key,
    { id: 1, key, status: 'active', references, together },
  ];
  const errorsOf = (...segments: readonly [string, CatalogSegment][]) =>
    checkInput('in segment "a"', { ...CATALOG, segments: new Map(segments) }, { purpose: 'publish', segmentKey: 'me' }).errors;
  expect(errorsOf(grouped('a', [], ['b']), grouped('b', ['me'], ['a']))).toMatchObject([{ code: 'cycle' }]);
  expect(errorsOf(grouped('a', [], ['b']), grouped('b', [], ['a']))).toEqual([]);
  const { atMost } = LIMITS.segmentDepth;
  const chain = Array.from({ length: atMost }, (_, n) => segment(`c${n}`, 'active', n + 1 < atMost ? [`c${n + 1}`] : []));
  const deep = errorsOf(grouped('a', [], ['b']), grouped('b', ['c0'], ['a']), ...chain);
  expect(deep).toMatchObject([{ code: 'limit_exceeded' }]);
  expect(errorsOf(grouped('a', [], ['b']), grouped('b', ['c1'], ['a']), ...chain)).toEqual([]);
});

const WARNINGS: readonly (readonly [text: string, ...codes: string[]])[] = [
  ['count(events "page_veiw") > 1', 'unknown_event'],
  ['count(events "x" where properties.a = 1) > 1 and count(events "x") > 2', 'unknown_event'],
  ['count(events "page_view" where properties.patth = "a") > 1', 'unknown_property'],
  ['consent.sms = true', 'unknown_consent'],
  ['in segment "still"', 'paused_segment'],
  ['count(orders between 90 days ago and 180 days ago) > 1', 'empty_window'],
  ['count(orders between now and now) > 1', 'empty_window'],
  // a day begins at most 16 hours before it does in UTC
  ['count(orders between 2026-01-02 and 2026-01-01T08:00:00Z) > 1', 'empty_window'],
  ['count(orders between 2026-01-02 and 2026-01-01T08:00:00.001Z) > 1'],
  ['created_at between 5 days ago and 9 days ago', 'empty_window'],
  ['created_at between 2026-02-01T00:00:00Z and 2026-01-01T00:00:00Z', 'empty_window'],
  ['count(orders between 2026-02-01 and 2026-01-01) > 1', 'empty_window'],
  ['count(orders between now and 2 days ago) > 1', 'empty_window'],
  ['count(orders between today and 3 days ago) > 1', 'empty_window'],
  ['age between 40 and 25', 'empty_window'],
  ['birthday = today', 'one_year_only'],
  ['birthday in the last 7 days or birthday in this month', 'one_year_only'],
  ['birthday anniversary today and birthday > 2000-01-01 and birthday since 2000-01-01'],
  ['count(orders between 2026-01-01 and 2026-01-01) > 1'],
  ['count(orders between today and now) > 1'],
  ['created_at between 5 days ago and 5 days ago'],
  ['age between 25 and 25'],
];

test.each(WARNINGS)('warns: %s', (text, ...codes) => {
  const outcome = checkInput(text, CATALOG, { purpose: 'check' });
  expect(outcome.errors).toEqual([]);
  expect(outcome.warnings.map((warning) => warning.code)).toEqual(codes);
  expect(outcome.checked?.warnings).toEqual(outcome.warnings);
});

const WARNING_HINTS: readonly (readonly [text: string, hint: string | undefined])[] = [
  ['consent.emial = true', 'did you mean `consent.email`?'],
  ['consent.sms = true', undefined],
  ['count(events "page_view" where properties.patth = "a") > 1', 'did you mean `properties.path`?'],
  ['count(events "page_view" where properties.zzz = "a") > 1', undefined],
  ['count(events "page_veiw") > 1', 'did you mean "page_view"?'],
  ['count(events "zzz") > 1', undefined],
];

test.each(WARNING_HINTS)('a warning helps: %s', (text, hint) => {
  const [warning] = checkInput(text, CATALOG, { purpose: 'check' }).warnings;
  expect(warning?.hint).toBe(hint);
});
