// From CSV bytes to records: quoting, line numbers, encodings, chunks cut anywhere.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CsvReader } from '../../src/ingest/imports/decode-csv.ts';
import { ROW_LIMIT_BYTES } from '../../src/ingest/imports/limits.ts';

function read(input: string | Uint8Array, options: { delimiter?: string; chunkBytes?: number } = {}) {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const reader = new CsvReader(options.delimiter ?? ',');
  const size = options.chunkBytes ?? 7;
  const records = [];
  for (let at = 0; at < bytes.length; at += size) records.push(...reader.push(bytes.subarray(at, at + size)));
  records.push(...reader.end());
  return { records, failure: reader.failure };
}

const cellsOf = (input: string | Uint8Array, options = {}) => read(input, options).records.map((record) => record.cells);
const linesOf = (input: string | Uint8Array) => read(input).records.map((record) => record.line);

describe('records', () => {
  const table: [name: string, input: string, cells: string[][]][] = [
    [
      'plain rows',
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'no line end after the last row',
      'a,b\n1,2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'CRLF line ends',
      'a,b\r\n1,2\r\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'quoted delimiters',
      'a,b\n"1,5",2\n',
      [
        ['a', 'b'],
        ['1,5', '2'],
      ],
    ],
    ['doubled quotes', '"5"" pipe",""""\n', [['5" pipe', '"']]],
    ['line ends inside quotes', '"a\r\nb\nc",2\n', [['a\r\nb\nc', '2']]],
    [
      'empty cells',
      ',,\n"",x,\n',
      [
        ['', '', ''],
        ['', 'x', ''],
      ],
    ],
    ['blank lines are passed over', 'a\n\n\r\nb\n\n', [['a'], ['b']]],
    ['a quoted empty cell is a row', 'a\n""\n', [['a'], ['']]],
    ['a trailing delimiter at the end', 'a,', [['a', '']]],
    ['a byte order mark', '\uFEFFid,x\n', [['id', 'x']]],
    ['nothing', '', []],
    ['characters of many bytes', 'Zoë,日本,😀\n', [['Zoë', '日本', '😀']]],
  ];
  test.each(table)('%s', (_name, input, cells) => {
    for (const chunkBytes of [1, 2, 3, 5, 1000]) expect(cellsOf(input, { chunkBytes })).toEqual(cells);
  });

  test('other delimiters', () => {
    expect(cellsOf('a;"b;c"\n', { delimiter: ';' })).toEqual([['a', 'b;c']]);
    expect(cellsOf('a\tb,c\n', { delimiter: '\t' })).toEqual([['a', 'b,c']]);
  });

  test('lines count through quoted cells', () => {
    expect(linesOf('a\n"b\r\nc\nd"\n\ne\n')).toEqual([1, 2, 6]);
  });

  test('any table survives writing and reading', () => {
    const cell = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.constantFrom('', '"', ',', '\n', '\r\n', '"\n"', '\uFFFD'));
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 6 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 20 }), fc.constantFrom('\n', '\r\n'), (table, chunkBytes, lineEnd) => {
        const text = table.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(',') + lineEnd).join('');
        expect(cellsOf(text, { chunkBytes })).toEqual(table);
      }),
      { numRuns: 200 },
    );
  });

  test('no bytes whatever make it throw', () => {
    const bytes = fc.array(fc.constantFrom(...Buffer.from('"",,\n\r\\Nab\0\xff\xc3\x28é', 'latin1')), { maxLength: 60 });
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 9 }), (input, chunkBytes) => {
        const whole = read(Uint8Array.from(input), { chunkBytes: 1000 });
        const cut = read(Uint8Array.from(input), { chunkBytes });
        expect(cut.records).toEqual(whole.records);
        expect(cut.failure?.message).toEqual(whole.failure?.message);
      }),
      { numRuns: 500 },
    );
  });
});

describe('broken quoting', () => {
  test('a quote never closed names its line', () => {
    const { records, failure } = read('a,b\n1,2\n3,"4\n5,6\n7,8\n');
    expect(records.map((record) => record.line)).toEqual([1, 2]);
    expect(failure).toMatchObject({ code: 'invalid_csv', errors: [{ line: 3, code: 'invalid_quoting' }] });
  });

  test('a quote closed in another row too', () => {
    const { records, failure } = read('a,b\n1,"2\n3,4\n5,"6"\n7,8\n');
    expect(records.map((record) => record.line)).toEqual([1]);
    expect(failure).toMatchObject({ errors: [{ line: 2 }] });
    expect(failure?.message).toContain('line 4');
  });

  test('a quote in a bare cell rejects it', () => {
    const { records, failure } = read('a,b\n5" pipe,2\n3,4\n');
    expect(failure).toBeNull();
    expect(records.map((record) => record.problem?.code ?? null)).toEqual([null, 'invalid_quoting', null]);
    expect(records[1]?.problem?.cell).toBe(0);
  });
});

describe('bad bytes', () => {
  test('invalid UTF-8 rejects its row only', () => {
    const { records } = read(Buffer.from('a,b\nZo\xeb,2\nx,y\n', 'latin1'));
    expect(records.map((record) => record.problem?.code ?? null)).toEqual([null, 'invalid_encoding', null]);
    expect(records[1]?.problem?.cell).toBe(0);
  });

  test.each(['x', '"'])('a row too long is passed over (%s)', (sign) => {
    const closing = sign === '"' ? '"' : '';
    const long = `1,${closing}${'long\0'.repeat(ROW_LIMIT_BYTES / 4)}${closing}`;
    const { records, failure } = read(`a,b\n${long}\n3,4\n5,"6\n"\n`, { chunkBytes: 65536 });
    expect(failure).toBeNull();
    expect(records.map((record) => [record.line, record.problem?.code ?? null])).toEqual([
      [1, null],
      [2, 'limit_exceeded'],
      [3, null],
      [4, null],
    ]);
  });

  test('a quote never closed over megabytes stops', () => {
    const { records, failure } = read(`a,b\n1,"${'2,3\n'.repeat(ROW_LIMIT_BYTES / 2)}`, { chunkBytes: 65536 });
    expect(records.map((record) => record.line)).toEqual([1]);
    expect(failure).toMatchObject({ errors: [{ line: 2 }] });
  });
});
