// Files that are something else than they were sent as: each is refused by name, and what merely looks odd is not.
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { checkBeginning } from '../../src/ingest/imports/check-beginning.ts';
import type { ImportFormat } from '../../src/ingest/imports/import-options.ts';

/** The bytes that come through, or why none do. */
async function pass(format: ImportFormat, file: string | Buffer, chunkBytes: number, end: () => void = () => {}): Promise<string> {
  const bytes = Buffer.from(file);
  const source = async function* () {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
    end();
  };
  const passed: Uint8Array[] = [];
  try {
    for await (const chunk of checkBeginning(format, source())) passed.push(chunk);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return passed.length === 0 ? `${code}: ${message}` : `${Buffer.concat(passed)} then ${message}`;
  }
  return Buffer.concat(passed).equals(bytes) ? 'taken' : 'changed';
}

describe.each([1, 7, 1000])('in chunks of %i bytes', (chunkBytes) => {
  test.each<[name: string, format: ImportFormat, file: string | Buffer, said: RegExp]>([
    ['a JSON list', 'ndjson', '[{"id":"a"}]', /^invalid_json: .*one JSON list.*jq -c/],
    ['a JSON list on many lines', 'ndjson', '\n[\n {"id":"a"},\n {"id":"b"}\n]', /^invalid_json: .*one JSON list/],
    ['an object on many lines', 'ndjson', '{ \r\n "id":"a"}', /^invalid_json: .*several lines/],
    ['a CSV as NDJSON', 'ndjson', 'id,email\na,b\n', /^invalid_json: .*text\/csv/],
    ['NDJSON as a CSV', 'csv', '{"id":"a"}\n', /^invalid_csv: .*x-ndjson/],
    ['a JSON list as a CSV', 'csv', '\uFEFF[\n{"id":"a"}]', /^invalid_csv: .*x-ndjson/],
    ['UTF-16', 'csv', Buffer.from('\uFEFFid,email\n', 'utf16le'), /^invalid_encoding: .*UTF-16/],
    ['UTF-16 without a mark', 'csv', Buffer.from('id,email\n', 'utf16le'), /^invalid_encoding: .*UTF-16/],
    ['UTF-16 with the high byte first', 'ndjson', Buffer.from('{"id":"a"}', 'utf16le').swap16(), /^invalid_encoding: .*UTF-16/],
    ['a workbook', 'csv', 'PK\u0003\u0004…', /^invalid_csv: .*xlsx/],
    ['the page of an error', 'csv', '<!DOCTYPE html><p>502</p>', /^invalid_csv: .*HTML/],
  ])('%s is refused', async (_name, format, file, said) => {
    expect(await pass(format, file, chunkBytes)).toMatch(said);
  });

  test.each<[name: string, format: ImportFormat, file: string | Buffer]>([
    ['NDJSON', 'ndjson', '{"id":"a"}\n{"id":"b"}\n'],
    ['NDJSON with a mark and blank lines', 'ndjson', '\uFEFF\n \n{"id":"a"}'],
    ['a line that is cut off', 'ndjson', '{"id":'],
    ['a first line that is none', 'ndjson', 'nonsense\n{"id":"a"}\n'],
    ['a CSV', 'csv', `id,email\n${'a,b\n'.repeat(200)}`],
    ['a column in brackets', 'csv', '{id},[mail]\n'],
    ['nothing', 'csv', ''],
    ['white space', 'ndjson', '\n'.repeat(1000)],
    ['bytes that are no UTF-8', 'csv', gzipSync('')],
  ])('%s is taken', async (_name, format, file) => {
    expect(await pass(format, file, chunkBytes)).toBe('taken');
  });
});

test('what came before a break is read', async () => {
  const breaks = () => {
    throw new Error('broken off');
  };
  expect(await pass('csv', 'id\na\n', 2, breaks)).toBe('id\na\n then broken off');
});
