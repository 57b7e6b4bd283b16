// In charge of reports as CSV (RFC 4180): one table with a header, a figure or a row of figures in each line. Not of what a report holds.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { quoteCell } from './csv-cell.ts';

/** null: an empty cell. Money and instants come as texts that begin with a digit. */
export type CsvCell = string | number | null;
export type CsvRow = readonly CsvCell[];

/** Answers with a file; the place of the feed that the figures hold for goes in a header. */
export function sendCsv(
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  { name, at, position, columns, rows }: CsvReport,
): string {
  reply.type('text/csv; charset=utf-8').header('content-disposition', `attachment; filename="${name}.csv"`);
  reply.header('strata-report-at', at).header('strata-report-position', String(position));
  return request.method === 'HEAD' ? '' : printCsv(columns, rows);
}

export interface CsvReport {
  /** the file's, without its extension; letters, digits, `-` and `_` */
  readonly name: string;
  readonly at: string;
  readonly position: number;
  readonly columns: readonly string[];
  readonly rows: readonly CsvRow[];
}

export function printCsv(columns: readonly string[], rows: readonly CsvRow[]): string {
  return [columns, ...rows].map((row) => `${row.map(printCell).join(',')}\r\n`).join('');
}

const NUMBER = /^-?\d+(\.\d+)?$/;

/**
 * A text that a spreadsheet would take for a formula is preceded by an apostrophe: names of products and cities can be anything that somebody
 * wrote.
 */
function printCell(cell: CsvCell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;
  return quoteCell(text);
}
