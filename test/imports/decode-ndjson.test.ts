// From NDJSON bytes to values: line numbers, bad lines, chunks cut anywhere.
import { expect, test } from 'vitest';
import { NdjsonReader } from '../../src/ingest/imports/decode-ndjson.ts';
import { ROW_LIMIT_BYTES } from '../../src/ingest/imports/limits.ts';

function read(input: string | Uint8Array, chunkBytes = 5) {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const reader = new NdjsonReader();
  const rows = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) rows.push(...reader.push(bytes.subarray(at, at + chunkBytes)));
  rows.push(...reader.end());
  return { rows: rows.map((row) => [row.line, row.problem === null ? row.value : row.problem.code]) };
}

const table: [name: string, input: string | Buffer, rows: [number, unknown][]][] = [
  [
    'a value a line',
    '{"a":1}\n{"a":2}\n',
    [
      [1, { a: 1 }],
      [2, { a: 2 }],
    ],
  ],
  [
    'a last line without its end',
    '{"a":1}\n{"a":2}',
    [
      [1, { a: 1 }],
      [2, { a: 2 }],
    ],
  ],
  [
    'a last line cut off',
    '{"a":1}\n{"a":',
    [
      [1, { a: 1 }],
      [2, 'invalid_json'],
    ],
  ],
  [
    'blank lines and CRLF',
    '\n{"a":1}\r\n\r\n \n2',
    [
      [2, { a: 1 }],
      [5, 2],
    ],
  ],
  [
    'a bad line between good ones',
    '1\n{a}\n3\n',
    [
      [1, 1],
      [2, 'invalid_json'],
      [3, 3],
    ],
  ],
  ['a byte order mark', '\uFEFF1\n', [[1, 1]]],
  [
    'invalid UTF-8 on one line',
    Buffer.from('"a"\n"\xeb"\n"b"', 'latin1'),
    [
      [1, 'a'],
      [2, 'invalid_encoding'],
      [3, 'b'],
    ],
  ],
  [
    'characters of many bytes',
    '"日本"\n"😀"',
    [
      [1, '日本'],
      [2, '😀'],
    ],
  ],
  ['nothing', '', []],
  ['one digit', '1', [[1, 1]]],
];
test.each(table)('%s', (_name, input, rows) => {
  for (const chunkBytes of [1, 2, 3, 7, 1000]) expect(read(input, chunkBytes).rows).toEqual(rows);
});

test('a line too long is passed over', () => {
  const { rows } = read(`1\n"${'x'.repeat(ROW_LIMIT_BYTES * 2)}"\n3\n`, 65536);
  expect(rows).toEqual([
    [1, 1],
    [2, 'limit_exceeded'],
    [3, 3],
  ]);
});
