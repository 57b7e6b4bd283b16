// In charge of statements over many rows: each column of the rows is one array parameter, and `unnest` makes rows of them again.
// Not of what they do (queries.ts). Rows as one jsonb parameter took 15.5 µs of Postgres a row for inserting orders, as arrays 9.5, and
// COPY 9 (2,000 rows at a time, 21 November 2026); building the arrays costs the service about as much as building the JSON.
import type { Statement } from '../db/database.ts';

/** A column of the rows: its name and type. Lists and jsonb are sent as text, since an array of arrays would have to be rectangular. */
export type RowsColumn = readonly [name: string, type: RowsType];

export type RowsType = 'bigint' | 'integer' | 'numeric' | 'text' | 'date' | 'timestamptz' | 'text[]' | 'jsonb';

export interface RowsQuery {
  readonly name: string;
  readonly text: string;
  /** where Citus takes another */
  readonly textOnCitus?: string;
  readonly columns: readonly RowsColumn[];
}

export type Row = Readonly<Record<string, unknown>>;

/** What a text is built from. */
export interface RowsParts {
  /** the rows, as a source named `given` */
  readonly given: string;
  /** a further parameter, from 1 */
  parameter(number: number): string;
  /** all values of a column of the rows */
  all(column: string): string;
}

/** `buildOnCitus` is for statements that Citus needs in another form. It refers to the rows once, and Citus sends them to where they are needed. */
export function rowsQuery(
  name: string,
  columns: readonly RowsColumn[],
  build: (parts: RowsParts) => string,
  buildOnCitus?: (parts: RowsParts) => string,
): RowsQuery {
  const parameters = columns.map(([, type], index) => `$${index + 1}::${isText(type) ? 'text' : type}[]`);
  const names = columns.map(([column]) => column);
  const values = columns.map(([column, type]) => (isText(type) && type !== 'text' ? `u.${column}::${type} as ${column}` : `u.${column}`));
  const source = (fence: string) => `(
  select ${values.join(', ')}
  from unnest(${parameters.join(', ')}) as u (${names.join(', ')})${fence}
) as given`;
  const more = {
    parameter: (number: number) => `$${columns.length + number}`,
    all: (column: string) => parameters[names.indexOf(column)] ?? unknownColumn(column),
  };
  const text = build({ given: source(''), ...more });
  if (buildOnCitus === undefined) return { name, columns, text };
  return { name, columns, text, textOnCitus: buildOnCitus({ given: source('\n  offset 0'), ...more }) };
}

function unknownColumn(column: string): never {
  throw new Error(`the rows have no column ${column}`);
}

function isText(type: RowsType): boolean {
  return type === 'text' || type === 'text[]' || type === 'jsonb';
}

/** The statement for these rows; a column that a row does not have is null. */
export function overRows({ name, text, textOnCitus, columns }: RowsQuery, rows: readonly Row[], ...more: readonly unknown[]): Statement {
  const values = [...columns.map((column) => printColumn(column, rows)), ...more];
  return { name, text, values, ...(textOnCitus === undefined ? {} : { textOnCitus }) };
}

/** No statement if there are no rows. */
export function overAnyRows(query: RowsQuery, rows: readonly Row[], ...more: readonly unknown[]): Statement[] {
  return rows.length === 0 ? [] : [overRows(query, rows, ...more)];
}

export function printInstant(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** The values given: null clears a value, and a new row has none to clear. */
export function withoutNulls(values: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

/** The text of a Postgres array, in the form the driver would send too: in one pass, and without quotes for numbers and times. */
function printColumn([name, type]: RowsColumn, rows: readonly Row[]): string {
  let text = '{';
  for (let index = 0; index < rows.length; index += 1) {
    if (index > 0) text += ',';
    const value = rows[index]?.[name];
    if (value === null || value === undefined) text += 'NULL';
    else if (type === 'text') text += quote(String(value));
    else if (type === 'text[]') text += quote(printList(value as readonly string[]));
    else if (type === 'jsonb') text += quote(JSON.stringify(value));
    else text += String(value);
  }
  return `${text}}`;
}

function printList(values: readonly string[]): string {
  return values.length === 0 ? '{}' : `{${values.map(quote).join(',')}}`;
}

function quote(text: string): string {
  return SPECIAL.test(text) ? `"${text.replaceAll(EACH_SPECIAL, '\\$&')}"` : `"${text}"`;
}

const SPECIAL = /["\\]/;
const EACH_SPECIAL = /["\\]/g;
