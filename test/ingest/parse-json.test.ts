// JSON bodies: the same values as from JSON.parse, or a named refusal where that would have changed something.
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { parseJson } from '../../src/ingest/parse-json.ts';
import { UnusableJson } from '../../src/ingest/problem.ts';

describe('parseJson', () => {
  it.each([
    '[1,2.50,-3e5,1E3,1.0000000000000000000000,0.30000000000000004,59.970000000000006,123456789012345680]',
    '{"a":{"b":[{}, {"c":"12345678901234567890"}]},"d":"1e400 \\" : {","e":"\\\\","":null}',
    '[0e5, 0.10000000000000001, 1e-7, 100000000000000000000, true, "e1e5"]',
    ' "x" ',
    '{"__proto__": {"a": 12345678901234567e3}}',
    '[true,false,null,1e2]',
  ])('reads %s as JSON.parse does', (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it.each(['1e400', '-1e400', '1e-400', '9'.repeat(30), '9007199254740993', '0.1000000000000000012', '1.00000000000000000001'])(
    'does not change the number %s silently',
    (literal) => {
      expect(parseJson(`{"a":[${literal}]}`)).toEqual({ a: [expect.any(UnusableJson)] });
    },
  );

  it('keeps other rows beside a doubled name', () => {
    const value = parseJson('{"data":[{"a":1,"a":1},{"a":[{"b":1}]}]}') as { data: unknown[] };
    expect(value.data[0]).toMatchObject({ code: 'duplicate_field' });
    expect(value.data[1]).toEqual({ a: [{ b: 1 }] });
  });

  it('survives any depth', () => {
    const text = `[{"deep":${'['.repeat(300_000)}"]"${']'.repeat(300_000)}},{"a":1}]`;
    const [, flat] = parseJson(text) as unknown[];
    expect(flat).toEqual({ a: 1 });
  });

  it.each([
    ['', 'The body is empty.'],
    ['{"a":1', 'The body ends before its JSON does.'],
    ['{"a":\n  x}', /"x}" cannot stand at line 2, column 3/],
    ['[1,]', /"]" cannot stand at line 1, column 4/],
    ['{"a":01}', /"1}" cannot stand at line 1, column 7/],
    ['{"a" 1}', /"1}" cannot stand at line 1, column 6/],
    ['[1}', /"}" cannot stand at line 1, column 3/],
    ['{"a":"\n"}', /cannot stand at line 1, column 6/],
    ['{} {}', /"{}" cannot stand at line 1, column 4/],
    ['[NaN]', /"NaN]" cannot stand at line 1, column 2/],
    ["['a']", /cannot stand at line 1, column 2/],
  ])('says where %j ends being JSON', (text, detail) => {
    const attempt = () => parseJson(text);
    expect(attempt).toThrow(AppError);
    expect(attempt).toThrow(detail);
  });
});
