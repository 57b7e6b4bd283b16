// In charge of CSV bytes (RFC 4180) becoming records with their line numbers, chunk by chunk with flat memory.
// Not of what columns mean (map-columns.ts). Our own reader and not csv-parse: that one takes five times as long (4.4 µs a row
// of Online Retail against 0.9), miscounts lines inside quotes, and cannot say where a quote that swallows lines was opened.
import { isAscii, isUtf8 } from 'node:buffer';
import { AppError, type ErrorDetail } from '../../errors.ts';
import { ROW_LIMIT_BYTES } from './limits.ts';

const QUOTE = 34;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** `problem` names a cell by its index, since the reader does not know the header. */
export interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
  readonly problem: (ErrorDetail & { readonly cell: number | null }) | null;
}

/** Bytes are kept as a latin1 string, one character each, so that offsets are bytes and bad UTF-8 is found in the very cell that has it. */
export class CsvReader {
  readonly #separator: number;
  /** of a record that is not complete yet */
  #carry = '';
  /** of the first character of `#carry` */
  #line = 1;
  /** of `#carry` and what was pushed last */
  #isAscii = true;
  #isAtStart = true;
  /** skips a record that is too long */
  #skip: Skip | null = null;
  #failure: AppError | null = null;

  constructor(delimiter: string) {
    this.#separator = delimiter.charCodeAt(0);
  }

  /** Set when quoting is broken: nothing comes any more. */
  get failure(): AppError | null {
    return this.#failure;
  }

  /** The records that these bytes complete. If quoting is broken, those before the break; `failure` is then set. */
  push(chunk: Uint8Array): CsvRecord[] {
    if (this.#failure !== null) return [];
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#isAscii = isAscii(bytes) && (this.#isAscii || this.#carry === '' || isAscii(Buffer.from(this.#carry, 'latin1')));
    const text = this.#carry + bytes.toString('latin1');
    if (!this.#isAtStart) return this.#take(text);
    if (text.length < 3 && UTF8_BOM.startsWith(text)) {
      this.#carry = text;
      return [];
    }
    this.#isAtStart = false;
    return this.#take(withoutBom(text));
  }

  /** The last record, which may lack its line end. */
  end(): CsvRecord[] {
    if (this.#failure !== null) return [];
    if (this.#skip !== null) {
      this.#failure = this.#skip.end();
      return this.#failure === null ? [this.#skip.toRecord()] : [];
    }
    return this.#decode(this.#readRecords(this.#isAtStart ? withoutBom(this.#carry) : this.#carry, true));
  }

  #take(text: string): CsvRecord[] {
    return this.#decode(this.#skip === null ? this.#readRecords(text, false) : this.#skipRecord(this.#skip, text));
  }

  /** Reads complete records; the rest, an incomplete one, is carried over. */
  #readRecords(text: string, isFinal: boolean): CsvRecord[] {
    const records: CsvRecord[] = [];
    const scan: Scan = {
      text,
      isFinal,
      separator: this.#separator,
      position: 0,
      line: this.#line,
      isRecordOver: false,
      hasBareQuote: false,
    };
    while (scan.position < text.length) {
      const start = scan.position;
      const record = readRecord(scan);
      if (record === null) return this.#carryOn(text.slice(start), records);
      if (record instanceof AppError) {
        this.#failure = record;
        return records;
      }
      this.#line = scan.line;
      const isEmptyLine = record.cells.length === 1 && record.cells[0] === '' && text.charCodeAt(start) !== QUOTE;
      if (!isEmptyLine) records.push(record);
    }
    this.#carry = '';
    return records;
  }

  #carryOn(rest: string, records: CsvRecord[]): CsvRecord[] {
    this.#carry = rest;
    if (rest.length <= ROW_LIMIT_BYTES) return records;
    this.#carry = '';
    this.#skip = createSkip(this.#line, this.#separator);
    return records.concat(this.#skipRecord(this.#skip, rest));
  }

  /** Skips a record that is too long, to its end and on to what follows. */
  #skipRecord(skip: Skip, text: string): CsvRecord[] {
    const end = skip.pass(text);
    this.#failure = skip.failure;
    if (end === null || this.#failure !== null) return [];
    this.#line = skip.line;
    this.#skip = null;
    return [skip.toRecord(), ...this.#readRecords(text.slice(end), false)];
  }

  #decode(records: CsvRecord[]): CsvRecord[] {
    return this.#isAscii ? records : records.map(decodeCells);
  }
}

// ---------------------------------------------------------------- one record

/** A place in the text, which moves on cell by cell. */
interface Scan {
  readonly text: string;
  /** nothing comes after the text */
  readonly isFinal: boolean;
  readonly separator: number;
  position: number;
  line: number;
  /** the cell that was read last ends its record */
  isRecordOver: boolean;
  /** there is a quote in it, but not at its beginning */
  hasBareQuote: boolean;
}

/** Null: it goes on after the text. An error: its quoting is broken. */
function readRecord(scan: Scan): CsvRecord | AppError | null {
  const { line } = scan;
  const cells: string[] = [];
  let problem: CsvRecord['problem'] = null;
  do {
    const cell = scan.text.charCodeAt(scan.position) === QUOTE ? readQuotedCell(scan) : readBareCell(scan);
    if (typeof cell !== 'string') return cell;
    if (scan.hasBareQuote) problem ??= bareQuote(cells.length);
    cells.push(cell);
  } while (!scan.isRecordOver);
  scan.line += 1;
  return { line, cells, problem };
}

function readQuotedCell(scan: Scan): string | AppError | null {
  const { text, isFinal, separator, line: openedLine } = scan;
  let from = scan.position + 1;
  let position: number;
  let value = '';
  for (;;) {
    const close = text.indexOf('"', from);
    if (close === -1 || (close + 1 === text.length && !isFinal)) return isFinal ? brokenQuote(openedLine, 'is never closed') : null;
    value += text.slice(from, close);
    position = close + 1;
    if (text.charCodeAt(position) !== QUOTE) break;
    value += '"';
    from = close + 2;
  }
  scan.line += countLineFeeds(value);
  if (text.charCodeAt(position) === CARRIAGE_RETURN) {
    if (position + 1 === text.length && !isFinal) return null;
    position += 1;
  }
  const next = position < text.length ? text.charCodeAt(position) : LINE_FEED;
  if (next !== separator && next !== LINE_FEED) return closedInside(openedLine, scan.line);
  scan.isRecordOver = next === LINE_FEED;
  scan.hasBareQuote = false;
  scan.position = position + 1;
  return value;
}

function readBareCell(scan: Scan): string | null {
  const { text, isFinal, separator, position: from } = scan;
  const { length } = text;
  let position = from;
  let code = -1;
  let hasQuote = false;
  for (; position < length; position += 1) {
    code = text.charCodeAt(position);
    if (code === separator || code === LINE_FEED) break;
    if (code === QUOTE) hasQuote = true;
  }
  if (position === length && !isFinal) return null;
  scan.isRecordOver = position === length || code === LINE_FEED;
  scan.hasBareQuote = hasQuote;
  scan.position = position + 1;
  const hasReturn = scan.isRecordOver && position > from && text.charCodeAt(position - 1) === CARRIAGE_RETURN;
  return text.slice(from, hasReturn ? position - 1 : position);
}

// ---------------------------------------------------------------- what is passed over

const UTF8_BOM = '\u00ef\u00bb\u00bf'; // its three bytes, one character each

function withoutBom(text: string): string {
  return text.startsWith(UTF8_BOM) ? text.slice(3) : text;
}

interface Skip {
  readonly line: number;
  readonly failure: AppError | null;
  /** The offset after the record's end, or null when it is not in this text. */
  pass(text: string): number | null;
  end(): AppError | null;
  toRecord(): CsvRecord;
}

/** Follows the quoting of a record without keeping it. */
function createSkip(startLine: number, separator: number): Skip {
  let line = startLine;
  let openedLine = startLine;
  let state: 'cell start' | 'bare' | 'quoted' | 'after quote' = 'cell start';
  let failure: AppError | null = null;
  return {
    get line() {
      return line;
    },
    get failure() {
      return failure;
    },
    pass: (text) => {
      for (let position = 0; position < text.length; position += 1) {
        const code = text.charCodeAt(position);
        if (code === LINE_FEED) line += 1;
        if (state === 'quoted') {
          if (code === QUOTE) state = 'after quote';
        } else if (code === LINE_FEED) {
          return position + 1;
        } else if (code === separator) {
          state = 'cell start';
        } else if (code === QUOTE && state === 'cell start') {
          state = 'quoted';
          openedLine = line;
        } else if (state === 'after quote' && code !== CARRIAGE_RETURN) {
          state = 'quoted';
          if (code === QUOTE) continue;
          failure = closedInside(openedLine, line);
          return null;
        } else if (state === 'cell start') {
          state = 'bare';
        }
      }
      return null;
    },
    end: () => (state === 'quoted' ? brokenQuote(openedLine, 'is never closed') : null),
    toRecord: () => ({
      line: startLine,
      cells: [],
      problem: { code: 'limit_exceeded', detail: `the row is longer than ${ROW_LIMIT_BYTES} bytes`, cell: null },
    }),
  };
}

function brokenQuote(openedLine: number, what: string): AppError {
  const detail = `The quote opened on line ${openedLine} ${what}; what follows it cannot be told apart.`;
  const hint = 'A quote inside a quoted cell is written twice: "5"" pipe".';
  return new AppError('invalid_csv', detail, { errors: [{ line: openedLine, code: 'invalid_quoting', detail, hint }] });
}

function closedInside(openedLine: number, line: number): AppError {
  return brokenQuote(openedLine, `is closed on line ${line} by one that stands in the middle of a cell`);
}

function bareQuote(cell: number): CsvRecord['problem'] {
  return {
    code: 'invalid_quoting',
    detail: 'a quote stands in a cell that does not begin with one',
    hint: 'put the whole cell in quotes and write the quote twice: "5"" pipe"',
    cell,
  };
}

function countLineFeeds(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

const BEYOND_ASCII = /[\u0080-\u00ff]/;

function decodeCells(record: CsvRecord): CsvRecord {
  let problem = record.problem;
  const cells = record.cells.map((cell, index) => {
    if (!BEYOND_ASCII.test(cell)) return cell;
    const bytes = Buffer.from(cell, 'latin1');
    if (isUtf8(bytes)) return bytes.toString('utf8');
    problem ??= { code: 'invalid_encoding', detail: 'the cell is not valid UTF-8', hint: 'save the file as UTF-8', cell: index };
    return '';
  });
  return { line: record.line, cells, problem };
}
