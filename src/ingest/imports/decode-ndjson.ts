// In charge of NDJSON bytes becoming JSON values with their line numbers, chunk by chunk with flat memory. Not of what the values mean.
import { isUtf8 } from 'node:buffer';
import { AppError, type ErrorDetail } from '../../errors.ts';
import { parseJson } from '../parse-json.ts';
import { ROW_LIMIT_BYTES } from './limits.ts';

const LINE_FEED = 10;

export type NdjsonRow =
  | { readonly line: number; readonly value: unknown; readonly problem: null }
  | { readonly line: number; readonly value: null; readonly problem: ErrorDetail };

export interface NdjsonReader {
  /** The rows that these bytes complete; blank lines are passed over. */
  push(chunk: Uint8Array): NdjsonRow[];
  /** The last line, which may lack its line end: complete JSON is taken. */
  end(): NdjsonRow[];
  readonly failure: AppError | null;
}

export function createNdjsonReader(): NdjsonReader {
  let carried: Buffer[] = [];
  let carriedBytes = 0;
  let line = 1; // of the first carried byte
  let tooLong = false;
  let atStart = true;
  let failure: AppError | null = null;

  const readLines = (block: Buffer): NdjsonRow[] => {
    const rows: NdjsonRow[] = [];
    if (!isUtf8(block)) {
      for (let from = 0; from < block.length; line += 1) {
        const end = block.indexOf(LINE_FEED, from);
        const to = end === -1 ? block.length : end;
        const bytes = block.subarray(from, to);
        if (isUtf8(bytes)) readLine(bytes.toString('utf8'), line, rows);
        else rows.push(bad(line, 'invalid_encoding', 'the line is not valid UTF-8'));
        from = to + 1;
      }
      return rows;
    }
    const text = block.toString('utf8');
    for (let from = 0; from < text.length; line += 1) {
      const end = text.indexOf('\n', from);
      const to = end === -1 ? text.length : end;
      readLine(text.slice(from, to), line, rows);
      from = to + 1;
    }
    return rows;
  };

  const takeCarried = (last: Buffer): Buffer => {
    const block = carried.length === 0 ? last : Buffer.concat([...carried, last]);
    carried = [];
    carriedBytes = 0;
    return block;
  };

  const push = (chunk: Uint8Array): NdjsonRow[] => {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const rows: NdjsonRow[] = [];
    if (tooLong) {
      const end = bytes.indexOf(LINE_FEED);
      if (end === -1) return rows;
      tooLong = false;
      rows.push(bad(line, 'limit_exceeded', `the line is longer than ${ROW_LIMIT_BYTES} bytes`));
      line += 1;
      bytes = bytes.subarray(end + 1);
    }
    const lastEnd = bytes.lastIndexOf(LINE_FEED);
    if (lastEnd !== -1) {
      for (const row of readLines(takeCarried(bytes.subarray(0, lastEnd + 1)))) rows.push(row);
      bytes = bytes.subarray(lastEnd + 1);
    }
    if (bytes.length > 0) {
      carried.push(bytes);
      carriedBytes += bytes.length;
    }
    if (carriedBytes > ROW_LIMIT_BYTES) {
      takeCarried(bytes);
      tooLong = true;
    }
    return rows;
  };

  return {
    push: (chunk) => {
      if (failure !== null) return [];
      if (!atStart) return push(chunk);
      const first = takeCarried(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      if (first.length < 3) {
        carried = [first];
        carriedBytes = first.length;
        return [];
      }
      atStart = false;
      if ((first[0] === 0xff && first[1] === 0xfe) || (first[0] === 0xfe && first[1] === 0xff)) {
        failure = new AppError('invalid_encoding', 'The file is UTF-16; save it as UTF-8 and import that.');
        return [];
      }
      return push(first[0] === 0xef && first[1] === 0xbb && first[2] === 0xbf ? first.subarray(3) : first);
    },
    end: () => {
      if (tooLong) return [bad(line, 'limit_exceeded', `the line is longer than ${ROW_LIMIT_BYTES} bytes`)];
      return carriedBytes === 0 ? [] : readLines(takeCarried(Buffer.alloc(0)));
    },
    get failure() {
      return failure;
    },
  };
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

function bad(line: number, code: string, detail: string): NdjsonRow {
  return { line, value: null, problem: { line, code, detail } };
}
