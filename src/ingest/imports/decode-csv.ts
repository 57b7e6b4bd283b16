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

export interface CsvReader {
  /** The records that these bytes complete. Where quoting is broken, those before the break; `failure` is then set and nothing more comes. */
  push(chunk: Uint8Array): CsvRecord[];
  /** The last record, which may lack its line end. */
  end(): CsvRecord[];
  readonly failure: AppError | null;
}

/** Bytes are kept as a latin1 string, one character each, so that offsets are bytes and bad UTF-8 shows in the very cell it stands in. */
export function createCsvReader(delimiter: string): CsvReader {
  const separator = delimiter.charCodeAt(0);
  let carry = '';
  let line = 1; // of the first character of `carry`
  let ascii = true; // of `carry`
  let atStart = true;
  let failure: AppError | null = null;
  let skipping: Skip | null = null;

  /** Reads whole records out of `text`; what is left of an incomplete one stays in `carry`. */
  const readRecords = (text: string, final: boolean): CsvRecord[] => {
    const records: CsvRecord[] = [];
    const length = text.length;
    let position = 0;
    while (position < length) {
      const start = position;
      const startLine = line;
      const cells: string[] = [];
      let problem: CsvRecord['problem'] = null;
      let complete = false;
      while (!complete) {
        if (text.charCodeAt(position) === QUOTE) {
          const openedLine = line;
          let from = position + 1;
          let value = '';
          for (;;) {
            const close = text.indexOf('"', from);
            if (close === -1 || (close + 1 === length && !final)) {
              line = startLine;
              if (!final) return keep(text, start, records);
              failure = brokenQuote(openedLine, 'is never closed');
              return records;
            }
            value += text.slice(from, close);
            position = close + 1;
            if (text.charCodeAt(position) !== QUOTE) break;
            value += '"';
            from = close + 2;
          }
          line += countLineFeeds(value);
          if (text.charCodeAt(position) === CARRIAGE_RETURN) {
            if (position + 1 === length && !final) {
              line = startLine;
              return keep(text, start, records);
            }
            position += 1;
          }
          const next = position < length ? text.charCodeAt(position) : LINE_FEED;
          if (next !== separator && next !== LINE_FEED) {
            failure = brokenQuote(openedLine, `is closed on line ${line} by one that stands in the middle of a cell`);
            return records;
          }
          cells.push(value);
          complete = next === LINE_FEED;
          position += 1;
        } else {
          const from = position;
          let code = -1;
          let quoted = false;
          for (; position < length; position += 1) {
            code = text.charCodeAt(position);
            if (code === separator || code === LINE_FEED) break;
            if (code === QUOTE) quoted = true;
          }
          if (position === length && !final) {
            line = startLine;
            return keep(text, start, records);
          }
          complete = position === length || code === LINE_FEED;
          const to = complete && position > from && text.charCodeAt(position - 1) === CARRIAGE_RETURN ? position - 1 : position;
          if (quoted) problem ??= bareQuote(cells.length);
          cells.push(text.slice(from, to));
          position += 1;
        }
      }
      line += 1;
      if (cells.length === 1 && cells[0] === '' && text.charCodeAt(start) !== QUOTE) continue; // an empty line
      records.push({ line: startLine, cells, problem });
    }
    carry = '';
    return records;
  };

  const keep = (text: string, start: number, records: CsvRecord[]): CsvRecord[] => {
    carry = text.slice(start);
    if (carry.length > ROW_LIMIT_BYTES) {
      skipping = createSkip(line, separator);
      const rest = carry;
      carry = '';
      return records.concat(skip(rest));
    }
    return records;
  };

  /** Passes over a record that is too long, to the end of it and on to what follows. */
  const skip = (text: string): CsvRecord[] => {
    if (skipping === null) return readRecords(text, false);
    const end = skipping.pass(text);
    failure = skipping.failure;
    if (end === null || failure !== null) return [];
    const tooLong = skipping.toRecord();
    line = skipping.line;
    skipping = null;
    return [tooLong, ...readRecords(text.slice(end), false)];
  };

  const decode = (records: CsvRecord[]): CsvRecord[] => (ascii ? records : records.map(decodeCells));

  return {
    push: (chunk) => {
      if (failure !== null) return [];
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      ascii = isAscii(bytes) && (ascii || carry === '' || isAscii(Buffer.from(carry, 'latin1')));
      let text = carry + bytes.toString('latin1');
      if (atStart) {
        if (text.length < 3 && UTF8_BOM.startsWith(text)) {
          carry = text;
          return [];
        }
        atStart = false;
        failure = otherEncoding(text);
        if (failure !== null) return [];
        if (text.startsWith(UTF8_BOM)) text = text.slice(3);
      }
      return decode(skipping === null ? readRecords(text, false) : skip(text));
    },
    end: () => {
      if (failure !== null) return [];
      if (skipping !== null) {
        failure = skipping.end();
        return failure === null ? [skipping.toRecord()] : [];
      }
      const text = carry.startsWith(UTF8_BOM) && atStart ? carry.slice(3) : carry;
      return decode(readRecords(text, true));
    },
    get failure() {
      return failure;
    },
  };
}

const UTF8_BOM = '\u00ef\u00bb\u00bf'; // its three bytes, one character each

function otherEncoding(text: string): AppError | null {
  if (!text.startsWith('\u00ff\u00fe') && !text.startsWith('\u00fe\u00ff')) return null;
  return new AppError('invalid_encoding', 'The file is UTF-16; save it as UTF-8 (in Excel: "CSV UTF-8") and import that.');
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
          failure = brokenQuote(openedLine, `is closed on line ${line} by one that stands in the middle of a cell`);
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
