// In charge of recognising, by its first bytes, a file that is something else than it was sent as, so that its sender is told what to do instead of
// having every line rejected. Not of what a good file holds.
import { AppError, type ErrorCode } from '../../errors.ts';
import type { ImportFormat } from './import-options.ts';

/** Enough to see behind white space; a file may be shorter. */
const LOOKED_AT_BYTES = 256;

/** The bytes as they came. Throws AppError `invalid_encoding`, `invalid_json` or `invalid_csv` before the first of them. */
export async function* checkBeginning(format: ImportFormat, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let beginning = Buffer.alloc(0);
  let isChecked = false;
  try {
    for await (const chunk of bytes) {
      if (!isChecked) beginning = Buffer.concat([beginning, chunk]);
      if (beginning.length < LOOKED_AT_BYTES) continue;
      if (!isChecked) refuseOther(format, beginning);
      yield isChecked ? chunk : beginning;
      isChecked = true;
    }
  } catch (error) {
    if (!isChecked && beginning.length > 0 && !(error instanceof OtherFile)) {
      refuseOther(format, beginning);
      yield beginning; // of a stream that broke off, what came is read
    }
    throw error;
  }
  if (isChecked || beginning.length === 0) return;
  refuseOther(format, beginning);
  yield beginning;
}

class OtherFile extends AppError {}

interface Beginning {
  readonly is: RegExp;
  readonly code: ErrorCode;
  readonly detail: string;
}

/** Bytes as latin1 characters; a mark of UTF-8 at the start is gone. The first that fits. */
const OF_EITHER: readonly Beginning[] = [
  {
    is: /^(\xff\xfe|\xfe\xff|\0|[^\0]\0)/,
    code: 'invalid_encoding',
    detail: 'The file is UTF-16; save it as UTF-8 (in Excel: "CSV UTF-8") and import that.',
  },
];

const OTHERS: Readonly<Record<ImportFormat, readonly Beginning[]>> = {
  csv: [
    ...OF_EITHER,
    {
      is: /^PK\x03\x04/,
      code: 'invalid_csv',
      detail:
        'The file is a workbook (.xlsx) or another ZIP archive; save its sheet as CSV (in Excel: "CSV UTF-8"), or unpack it, and import that.',
    },
    {
      is: /^\s*<(!doctype|html|\?xml)/i,
      code: 'invalid_csv',
      detail: 'The file is HTML or XML, perhaps the page of an error; a CSV is wanted.',
    },
    {
      is: /^\s*(\{\s*["}]|\[\s*[{\]])/,
      code: 'invalid_csv',
      detail:
        'The file is JSON; one object on each line is imported as Content-Type application/x-ndjson (`strata import`: --format ndjson).',
    },
  ],
  ndjson: [
    ...OF_EITHER,
    {
      is: /^\s*\[/,
      code: 'invalid_json',
      detail:
        'The file is one JSON list; NDJSON has one object on each line, without brackets and commas around them, as `jq -c ".[]" FILE` writes it.',
    },
    {
      is: /^\s*\{[ \t]*\r?\n/,
      code: 'invalid_json',
      detail: 'The first object goes over several lines; NDJSON has one object on each line, as `jq -c . FILE` writes it.',
    },
    {
      is: /^\s*[^{\s](?!.*\n\s*\{)/s, // a wrong line before objects is rejected like any other
      code: 'invalid_json',
      detail:
        'The file does not begin with a JSON object; NDJSON has one on each line. A CSV is imported as Content-Type text/csv (`strata import`: --format csv).',
    },
  ],
};

const UTF8_MARK = '\xef\xbb\xbf';

function refuseOther(format: ImportFormat, beginning: Buffer): void {
  const text = beginning.toString('latin1', 0, LOOKED_AT_BYTES);
  const told = text.startsWith(UTF8_MARK) ? text.slice(UTF8_MARK.length) : text;
  const other = OTHERS[format].find(({ is }) => is.test(told));
  if (other !== undefined) throw new OtherFile(other.code, other.detail);
}
