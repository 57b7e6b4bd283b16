// In charge of NDJSON bytes becoming JSON values with their line numbers, chunk by chunk with flat memory. Not of what the values mean.
import { isUtf8 } from 'node:buffer';
import { AppError, type ErrorDetail } from '../../errors.ts';
import { parseJson } from '../parse-json.ts';
import { ROW_LIMIT_BYTES } from './limits.ts';

const LINE_FEED = 10;
const NOTHING = Buffer.alloc(0);

export type NdjsonRow =
  | { readonly line: number; readonly value: unknown; readonly problem: null }
  | { readonly line: number; readonly value: null; readonly problem: ErrorDetail };

export class NdjsonReader {
  #carried: Buffer[] = [];
  #carriedBytes = 0;
  /** the line of the first carried byte */
  #line = 1;
  /** what was carried has been dropped: its line is too long, and its end has not come yet */
  #isTooLong = false;
  #isAtStart = true;

  /** The rows that these bytes complete; blank lines are skipped. */
  push(chunk: Uint8Array): NdjsonRow[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (!this.#isAtStart) return this.#take(bytes);
    const first = this.#withCarried(bytes);
    if (first.length < 3) {
      this.#carry(first);
      return [];
    }
    this.#isAtStart = false;
    return this.#take(first[0] === 0xef && first[1] === 0xbb && first[2] === 0xbf ? first.subarray(3) : first);
  }

  /** The last line, which may lack its line end: complete JSON is taken. */
  end(): NdjsonRow[] {
    if (this.#isTooLong) return [tooLong(this.#line)];
    return this.#carriedBytes === 0 ? [] : this.#readLines(this.#withCarried(NOTHING));
  }

  #take(bytes: Buffer): NdjsonRow[] {
    if (!this.#isTooLong) return this.#takeLines(bytes);
    const end = bytes.indexOf(LINE_FEED);
    if (end === -1) return [];
    this.#isTooLong = false;
    const passed = tooLong(this.#line);
    this.#line += 1;
    return [passed, ...this.#takeLines(bytes.subarray(end + 1))];
  }

  /** Reads complete lines; what comes after the last line end is carried over. */
  #takeLines(bytes: Buffer): NdjsonRow[] {
    const lastEnd = bytes.lastIndexOf(LINE_FEED);
    const rows = lastEnd === -1 ? [] : this.#readLines(this.#withCarried(bytes.subarray(0, lastEnd + 1)));
    const rest = bytes.subarray(lastEnd + 1);
    if (rest.length > 0) this.#carry(rest);
    if (this.#carriedBytes > ROW_LIMIT_BYTES) {
      this.#withCarried(NOTHING);
      this.#isTooLong = true;
    }
    return rows;
  }

  #carry(bytes: Buffer): void {
    this.#carried.push(bytes);
    this.#carriedBytes += bytes.length;
  }

  #withCarried(last: Buffer): Buffer {
    const block = this.#carried.length === 0 ? last : Buffer.concat([...this.#carried, last]);
    this.#carried = [];
    this.#carriedBytes = 0;
    return block;
  }

  #readLines(block: Buffer): NdjsonRow[] {
    const rows: NdjsonRow[] = [];
    this.#line = isUtf8(block) ? readText(block.toString('utf8'), this.#line, rows) : readBytes(block, this.#line, rows);
    return rows;
  }
}

/** → the number of the next line */
function readText(text: string, firstLine: number, rows: NdjsonRow[]): number {
  let line = firstLine;
  for (let from = 0; from < text.length; line += 1) {
    const end = text.indexOf('\n', from);
    const to = end === -1 ? text.length : end;
    readLine(text.slice(from, to), line, rows);
    from = to + 1;
  }
  return line;
}

/** Line by line, if some are not UTF-8. → the number of the next line */
function readBytes(block: Buffer, firstLine: number, rows: NdjsonRow[]): number {
  let line = firstLine;
  for (let from = 0; from < block.length; line += 1) {
    const end = block.indexOf(LINE_FEED, from);
    const to = end === -1 ? block.length : end;
    const bytes = block.subarray(from, to);
    if (isUtf8(bytes)) readLine(bytes.toString('utf8'), line, rows);
    else rows.push(bad(line, 'invalid_encoding', 'the line is not valid UTF-8'));
    from = to + 1;
  }
  return line;
}

function readLine(text: string, line: number, rows: NdjsonRow[]): void {
  try {
    rows.push({ line, value: parseJson(text), problem: null });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (text.trim() === '') return;
    const detail = error.message.replace('The body', 'the line').replace(' at line 1, column', ' at column').replace(/\.$/, '');
    rows.push(bad(line, 'invalid_json', detail));
  }
}

function tooLong(line: number): NdjsonRow {
  return bad(line, 'limit_exceeded', `the line is longer than ${ROW_LIMIT_BYTES} bytes`);
}

function bad(line: number, code: string, detail: string): NdjsonRow {
  return { line, value: null, problem: { line, code, detail } };
}
