// In charge of reading the CSV files of ../shared/data into records for tests: a separate plain reader, so that the importer is not tested
// against itself.
import { existsSync, readFileSync } from 'node:fs';

export type CsvRow = Readonly<Record<string, string>>;

export function dataFile(name: string): URL {
  return new URL(`../../../shared/data/${name}`, import.meta.url);
}

export function isThere(folder: string): boolean {
  return existsSync(dataFile(folder));
}

export function readCsv(name: string): CsvRow[] {
  return parseCsv(readFileSync(dataFile(name), 'utf8'));
}

export function parseCsv(text: string): CsvRow[] {
  const [header = [], ...rows] = parse(text);
  return rows.map((cells) => Object.fromEntries(header.map((column, index) => [column, cells[index] ?? ''])));
}

function parse(text: string): string[][] {
  const rows: string[][] = [];
  for (const [, quoted, bare = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/g)) {
    if (rows.length === 0) rows.push([]);
    rows.at(-1)?.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end !== ',') rows.push([]);
  }
  return rows.filter((row) => row.length > 1 || (row[0] ?? '') !== '');
}

export function groupBy<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
}
