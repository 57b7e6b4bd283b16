// Customers as callers write them: what is accepted, and each kind of bad input with its own code, place and hint.
import { describe, expect, it } from 'vitest';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { parseJson } from '../../src/ingest/parse-json.ts';
import { validateCustomer } from '../../src/ingest/validate-customer.ts';
import { rowContext } from './row-context.ts';

function judge(raw: unknown) {
  return validateCustomer(raw, rowContext(), '/data/3');
}

function problemsOf(raw: unknown) {
  const result = judge(raw);
  return result.ok ? [] : result.problems.map(({ pointer, code, hint }) => ({ pointer, code, hint: hint ?? null }));
}

const LONG = 'x'.repeat(10_000_000);

const BAD: readonly [title: string, row: string, pointer: string, code: string, hint: RegExp | null][] = [
  ['a row that is no object', '[]', '/data/3', 'type_mismatch', null],
  ['no id', '{}', '/data/3/id', 'missing_field', null],
  ['an empty id', '{"id":""}', '/data/3/id', 'missing_field', null],
  ['a number as id', '{"id":17850}', '/data/3/id', 'type_mismatch', /"17850"/],
  ['a path as id', '{"id":".."}', '/data/3/id', 'invalid_id', null],
  ['a control character in an id', '{"id":"a\\nb"}', '/data/3/id', 'invalid_id', null],
  ['an id of 257 bytes', `{"id":"${'é'.repeat(128)}x"}`, '/data/3/id', 'limit_exceeded', null],
  ['an unknown field', '{"id":"a","contry":"CN"}', '/data/3/contry', 'unknown_field', /"country"/],
  ['another spelling of a field', '{"id":"a","first_name":"Bo"}', '/data/3/first_name', 'unknown_field', /"firstName"/],
  [
    'a field like nothing known',
    '{"id":"a","zzzzzzzzzzzz":1}',
    '/data/3/zzzzzzzzzzzz',
    'unknown_field',
    /known are id, email.*createdAt; one of your own stands inside attributes/,
  ],
  ['a doomed prototype', '{"id":"a","__proto__":{"x":1}}', '/data/3/__proto__', 'unknown_field', /known are/],
  ['a slash in an unknown field', '{"id":"a","a/b~c":1}', '/data/3/a~1b~0c', 'unknown_field', /known are/],
  ['a number as country', '{"id":"a","country":1}', '/data/3/country', 'type_mismatch', /"1"/],
  ['an object as country', '{"id":"a","country":{}}', '/data/3/country', 'type_mismatch', null],
  ['NUL', '{"id":"a","city":"a\\u0000"}', '/data/3/city', 'invalid_text', null],
  ['half a surrogate', '{"id":"a","city":"\\ud83d"}', '/data/3/city', 'invalid_text', null],
  ['half a surrogate in an id', '{"id":"\\ud83d"}', '/data/3/id', 'invalid_text', null],
  ['a text of ten megabytes', `{"id":"a","city":"${LONG}"}`, '/data/3/city', 'limit_exceeded', null],
  ['an id of ten megabytes', `{"id":"${LONG}"}`, '/data/3/id', 'limit_exceeded', null],
  ['the 30th of February', '{"id":"a","birthday":"2024-02-30"}', '/data/3/birthday', 'invalid_date', /2026-01-31/],
  ['29 February of a common year', '{"id":"a","birthday":"1900-02-29"}', '/data/3/birthday', 'invalid_date', /2026-01-31/],
  ['a date before 1900', '{"id":"a","birthday":"1899-12-31"}', '/data/3/birthday', 'invalid_date', /1900/],
  ['a date of another order', '{"id":"a","birthday":"31.01.1990"}', '/data/3/birthday', 'invalid_date', /2026-01-31/],
  ['a time as a date', '{"id":"a","birthday":"1990-01-31T00:00:00Z"}', '/data/3/birthday', 'invalid_date', /2026-01-31/],
  ['a number as date', '{"id":"a","birthday":19900131}', '/data/3/birthday', 'type_mismatch', /2026-01-31/],
  ['a time without offset', '{"id":"a","createdAt":"2026-01-31T12:00:00"}', '/data/3/createdAt', 'invalid_timestamp', /\+02:00/],
  ['a time on no clock', '{"id":"a","createdAt":"2026-01-31T24:00:00Z"}', '/data/3/createdAt', 'invalid_timestamp', /Z/],
  ['a time on no calendar', '{"id":"a","createdAt":"2025-02-29T00:00:00Z"}', '/data/3/createdAt', 'invalid_timestamp', /Z/],
  ['seconds since 1970', '{"id":"a","createdAt":1767225600}', '/data/3/createdAt', 'type_mismatch', /2026-01-31T/],
  ['a time after 2200', '{"id":"a","createdAt":"2201-01-01T00:00:00Z"}', '/data/3/createdAt', 'invalid_timestamp', /2200/],
  ['a single tag', '{"id":"a","tags":"vip"}', '/data/3/tags', 'type_mismatch', /\["vip"\]/],
  ['a number among tags', '{"id":"a","tags":["vip",3]}', '/data/3/tags/1', 'type_mismatch', /"3"/],
  ['too many tags', JSON.stringify({ id: 'a', tags: Array(1001).fill('t') }), '/data/3/tags', 'limit_exceeded', null],
  ['a quoted consent', '{"id":"a","consent":{"email":"true"}}', '/data/3/consent/email', 'type_mismatch', /without quotes/],
  ['a list of consents', '{"id":"a","consent":["email"]}', '/data/3/consent', 'type_mismatch', /"email": null/],
  ['a consent without a name', '{"id":"a","consent":{"":true}}', '/data/3/consent/', 'invalid_name', null],
  ['attributes that are null', '{"id":"a","attributes":null}', '/data/3/attributes', 'type_mismatch', /"tier": null/],
  ['an infinite attribute', '{"id":"a","attributes":{"n":1e400}}', '/data/3/attributes/n', 'invalid_number', /15 digits/],
  ['an attribute of 30 digits', `{"id":"a","attributes":{"n":${'7'.repeat(30)}}}`, '/data/3/attributes/n', 'invalid_number', /15 digits/],
  ['a vanishing number', '{"id":"a","attributes":{"n":1e-400}}', '/data/3/attributes/n', 'invalid_number', /15 digits/],
  ['an integer past the floats', '{"id":"a","attributes":{"n":9007199254740993}}', '/data/3/attributes/n', 'invalid_number', /15 digits/],
  ['a name twice', '{"id":"a","attributes":{"n":1,"n":2}}', '/data/3/attributes', 'duplicate_field', /not guessed/],
  ['a name nested and dotted', '{"id":"a","attributes":{"a.b":1,"a":{"b":1}}}', '/data/3/attributes/a/b', 'duplicate_field', null],
  ['an empty name', '{"id":"a","attributes":{"":1}}', '/data/3/attributes/', 'invalid_name', null],
  ['NUL in a name', '{"id":"a","attributes":{"a\\u0000":1}}', '/data/3/attributes/a\u0000', 'invalid_text', null],
  [
    'six levels of names',
    '{"id":"a","attributes":{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}}',
    '/data/3/attributes/a/b/c/d/e',
    'limit_exceeded',
    null,
  ],
  ['a value of 10 KB', JSON.stringify({ id: 'a', attributes: { n: 'x'.repeat(10_000) } }), '/data/3/attributes/n', 'limit_exceeded', null],
  ['NUL inside a list of objects', '{"id":"a","attributes":{"n":[{"a":"\\u0000"}]}}', '/data/3/attributes/n/0/a', 'invalid_text', null],
  [
    '30 digits inside a list of objects',
    `{"id":"a","attributes":{"n":[{"a":${'7'.repeat(30)}}]}}`,
    '/data/3/attributes/n/0/a',
    'invalid_number',
    /15/,
  ],
];

describe('validateCustomer', () => {
  it.each(BAD)('refuses %s', (_, row, pointer, code, hint) => {
    const problems = problemsOf(parseJson(row));
    expect(problems).toEqual([{ pointer, code, hint: hint === null ? null : expect.stringMatching(hint) }]);
  });

  it('tells everything wrong at once', () => {
    const problems = problemsOf({ contry: 'CN', birthday: 'x', tags: [1, 2], consent: { email: 1 }, attributes: { a: { '': 1 } } });
    expect(problems.map((problem) => problem.pointer)).toEqual([
      '/data/3/contry',
      '/data/3/birthday',
      '/data/3/tags/0',
      '/data/3/tags/1',
      '/data/3/consent/email',
      '/data/3/attributes/a/',
      '/data/3/id',
    ]);
  });

  it('refuses what nests too deep', () => {
    let nested: unknown = 1;
    for (let depth = 0; depth < 20; depth += 1) nested = [nested];
    expect(problemsOf({ id: 'a', attributes: { list: nested } })).toMatchObject([{ code: 'limit_exceeded' }]);
    const hostile = `{"id":"a","attributes":{"list":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`;
    expect(problemsOf(parseJson(hostile))).toMatchObject([{ code: 'limit_exceeded' }]);
  });

  it('takes every field', () => {
    const row = {
      id: 'c/1',
      email: 'a@b.example',
      firstName: 'Ä',
      birthday: '2000-02-29',
      postalCode: null,
      country: '',
      tags: ['vip', '', null, 'vip'],
      consent: { email: true, sms: null },
      attributes: { tier: 'gold', size: { shoe: 42.5 }, list: ['a'], none: [], gone: null, nested: [{ a: [1] }], flag: false },
      createdAt: '2026-01-31T12:00:00.123999+02:00',
    };
    expect(judge(row)).toEqual({
      ok: true,
      value: {
        key: customerKey('c/1'),
        id: 'c/1',
        profile: { email: 'a@b.example', first_name: 'Ä', birthday: '2000-02-29', postal_code: null, country: null },
        tags: ['vip', 'vip'],
        consents: { email: true, sms: null },
        attributes: { tier: 'gold', 'size.shoe': 42.5, list: ['a'], none: null, gone: null, nested: [{ a: [1] }], flag: false },
        createdAtMs: Date.UTC(2026, 0, 31, 10, 0, 0, 123),
        typesVersion: '0',
      },
    });
  });

  it('keeps a name like __proto__ harmless', () => {
    const result = judge(
      parseJson('{"id":"a","attributes":{"__proto__":"x","constructor":{"prototype":"y"}},"consent":{"__proto__":true}}'),
    );
    if (!result.ok) throw new Error('refused');
    expect(JSON.stringify(result.value.attributes)).toBe('{"__proto__":"x","constructor.prototype":"y"}');
    expect(JSON.stringify(result.value.consents)).toBe('{"__proto__":true}');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('customerKey', () => {
  it('is stable and signed', () => {
    expect(customerKey('customer-1')).toBe(customerKey('customer-1'));
    const keys = Array.from({ length: 50 }, (_, index) => BigInt(customerKey(`c${index}`)));
    expect(keys.some((key) => key < 0n) && keys.some((key) => key > 0n)).toBe(true);
    expect(keys.every((key) => key >= -(2n ** 63n) && key < 2n ** 63n)).toBe(true);
  });

  it('is what SHA-256 says', () => {
    // printf abc | sha256sum: ba7816bf8f01cfea…
    expect(customerKey('abc')).toBe((0xba7816bf8f01cfean - 2n ** 64n).toString());
  });
});
