// In charge of `strata import`: sends a file or standard input over HTTP to a running service, with progress, and prints what came of it. Not of
// reading rows: the service does that, so that the command line and the API take the same files.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ErrorDetail } from '../errors.ts';
import { type Incomplete, incompleteTable } from './incomplete-table.ts';
import { count, duration, Progress, type ProgressState, perSecond } from './progress.ts';
import { sendFile, tryKey, type UploadAnswer } from './send-file.ts';
import { findService } from './service-address.ts';
import { processTerminal, type Terminal } from './terminal.ts';

export const IMPORT_HELP = `strata import customers|orders|events FILE [options]      FILE may be gzipped; - is standard input

  --map FIELD=COLUMN        which column feeds a field: --map id=InvoiceNo --map items.quantity=Quantity
  --default FIELD=VALUE     what a field is where the file says nothing: --default status=paid
  --time-zone ZONE          of times that name no offset: --time-zone Europe/London (else the service's)
  --delimiter SIGN          between cells: , ; | or tab
  --round DECIMALS          of orders: amounts that are finer, as 59.97000122, are rounded: --round 2
  --format csv|ndjson       where the file's name does not say it
  --atomic                  all rows or none
  --url URL                 of the service; else STRATA_URL (http://127.0.0.1:3000)
  --key KEY                 else STRATA_KEY, ADMIN_KEY or ADMIN_KEY_FILE, else the one in DATA_DIR

Exit codes: 0 all rows were imported, 1 the import failed, 2 the command was not understood, 3 some rows were rejected.
`;

const EXIT = { done: 0, failed: 1, usage: 2, rejected: 3 } as const;

/** → the exit code */
export async function importCommand(args: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const command = readCommand(args, terminal.environment);
  if (typeof command === 'string') {
    terminal.progress.write(`${command}\n\n${IMPORT_HELP}`);
    return EXIT.usage;
  }
  const progress = new Progress(terminal.progress, terminal.clock);
  try {
    const answer = (await tryKey(command.url, command.key)) ?? (await upload(command, terminal, progress));
    progress.clear();
    return report(answer, progress.elapsedMs, terminal);
  } catch (error) {
    progress.clear();
    terminal.progress.write(`${explain(error, command)}\n`);
    return EXIT.failed;
  }
}

interface Command {
  readonly url: URL;
  readonly key: string;
  readonly contentType: string;
  /** null: standard input */
  readonly file: string | null;
}

const OPTIONS = {
  map: { type: 'string', multiple: true },
  default: { type: 'string', multiple: true },
  'time-zone': { type: 'string' },
  delimiter: { type: 'string' },
  round: { type: 'string' },
  format: { type: 'string' },
  atomic: { type: 'boolean' },
  url: { type: 'string' },
  key: { type: 'string' },
} as const;

/** The command's options, or what is wrong with them. */
function readCommand(args: readonly string[], environment: Terminal['environment']): Command | string {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { values, positionals } = parsed;
  const [kind, file, ...more] = positionals;
  if (kind !== 'customers' && kind !== 'orders' && kind !== 'events') return 'Say what the file holds: customers, orders or events.';
  if (file === undefined) return 'Say which file, or - for standard input.';
  if (more.length > 0) return `One file at a time; ${more[0]} is one too many.`;
  if (file !== '-' && !existsSync(file)) return `There is no file ${file}.`;
  const name = file.toLowerCase().replace(/\.gz$/, '');
  const format = values.format ?? (/\.(ndjson|jsonl)$/.test(name) ? 'ndjson' : /\.(csv|tsv|tab|txt)$/.test(name) ? 'csv' : undefined);
  if (format !== 'csv' && format !== 'ndjson') return 'Say --format csv or --format ndjson.';
  const service = findService(values, environment);
  if (typeof service === 'string') return service;
  const url = new URL(`v1/imports/${kind}`, service.base);
  const wrong = addParameters(url, values, /\.(tsv|tab)$/.test(name));
  if (wrong !== undefined) return wrong;
  const { key } = service;
  return { url, key, contentType: format === 'csv' ? 'text/csv' : 'application/x-ndjson', file: file === '-' ? null : file };
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

function addParameters(url: URL, values: ReturnType<typeof parse>['values'], isTabbed: boolean): string | undefined {
  for (const option of ['map', 'default'] as const) {
    for (const pair of values[option] ?? []) {
      const at = pair.indexOf('=');
      if (at < 1)
        return `--${option} takes FIELD=…, as in --${option} ${option === 'map' ? 'id=InvoiceNo' : 'status=paid'}; this is ${pair}.`;
      url.searchParams.append(`${option}.${pair.slice(0, at)}`, pair.slice(at + 1));
    }
  }
  if (values['time-zone'] !== undefined) url.searchParams.set('timeZone', values['time-zone']);
  if (values.delimiter !== undefined || isTabbed) url.searchParams.set('delimiter', values.delimiter ?? 'tab');
  if (values.round !== undefined) url.searchParams.set('round', values.round);
  if (values.atomic === true) url.searchParams.set('atomic', 'true');
  return undefined;
}

function upload(command: Command, terminal: Terminal, progress: Progress): Promise<UploadAnswer> {
  const totalBytes = command.file === null ? null : statSync(command.file).size;
  let state: Omit<ProgressState, 'elapsedMs'> = { rows: 0, rejected: 0, sentBytes: 0, readBytes: null, totalBytes, waiting: null };
  const show = (change: Partial<typeof state>) => {
    state = { ...state, ...change };
    progress.show(state);
  };
  return sendFile({
    url: command.url,
    key: command.key,
    contentType: command.contentType,
    body: command.file === null ? terminal.input : createReadStream(command.file),
    onSent: (bytes) => show({ sentBytes: state.sentBytes + bytes }),
    onProgress: ({ waiting, ...read }) => {
      const sinceMs = state.waiting?.sinceMs ?? progress.elapsedMs;
      show({ ...read, ...(waiting === null ? {} : { waiting: { ...waiting, sinceMs } }) });
    },
  });
}

interface AnswerBody {
  readonly rows?: number;
  readonly accepted?: number;
  readonly repeated?: number;
  readonly rejected?: number;
  readonly incompleteOrders?: Incomplete;
  readonly changes?: number;
  readonly errors?: readonly ErrorDetail[];
  readonly title?: string;
  readonly detail?: string;
}

function report({ status, body }: UploadAnswer, elapsedMs: number, terminal: Terminal): number {
  const {
    rows = 0,
    accepted = 0,
    repeated = 0,
    rejected = 0,
    incompleteOrders,
    changes = 0,
    errors = [],
    title,
    detail,
  } = body as AnswerBody;
  if (status !== 200) {
    const again = status === 503 ? ' Running it again completes it, and does nothing twice.' : '';
    terminal.progress.write(`${title ?? `The service answered ${status}`}. ${detail ?? ''}${again}\n${errorTable(errors)}`);
    return EXIT.failed;
  }
  const speed = `${duration(elapsedMs)}, ${count(perSecond(rows, elapsedMs))} rows/s`;
  const known = repeated === 0 ? '' : ` (${count(repeated)} of them were there already)`;
  terminal.out(
    `${count(rows)} rows: ${count(accepted)} imported${known}, ${count(rejected)} rejected, ${count(changes)} memberships changed (${speed})\n`,
  );
  if (rejected === 0) return EXIT.done;
  if (rejected > errors.length) terminal.out(`The first ${errors.length} rejections:\n`);
  terminal.out(errorTable(firstOfEach(errors)));
  if (incompleteOrders !== undefined) terminal.out(incompleteTable(incompleteOrders));
  return EXIT.rejected;
}

const TOLD_OF_ONE_KIND = 10;

/** An error in every row of one column must not hide the others: of each column and code the first ten are shown, and how many more there are. */
function firstOfEach(errors: readonly ErrorDetail[]): readonly ErrorDetail[] {
  const kinds = Map.groupBy(errors, ({ column, parameter, code }) => `${column ?? parameter ?? ''} ${code}`);
  const more = [...kinds.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined || same.length <= TOLD_OF_ONE_KIND) return [];
    const { column, code } = first;
    return [
      { ...(column === undefined ? {} : { column }), code, detail: `… and ${count(same.length - TOLD_OF_ONE_KIND)} more like these` },
    ];
  });
  const told = new Set([...kinds.values()].flatMap((same) => same.slice(0, TOLD_OF_ONE_KIND)));
  return [...errors.filter((error) => told.has(error)), ...more];
}

/** Line, column, code, and what is wrong. */
function errorTable(errors: readonly ErrorDetail[]): string {
  const cells = errors.map((error) => [
    error.line === undefined ? '' : `line ${error.line}`,
    error.column ?? error.parameter ?? '',
    error.code,
    error.hint === undefined ? error.detail : `${error.detail} (${asOptions(error.hint)})`,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`).join('');
}

/** Parameters of the URL, which the service's hints name, are options here. */
function asOptions(hint: string): string {
  return hint.replaceAll(/\b(map|default)\.(?=[<\w])/g, '--$1 ').replaceAll(/\b(delimiter|round)=/g, '--$1 ');
}

function explain(error: unknown, { url, file }: Command): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ECONNREFUSED') return `No service answers at ${url.origin}; start it with npm start, or give --url.`;
  if (code === 'EISDIR') return `${file} is a folder.`;
  if (code === 'EACCES') return `${file} may not be read.`;
  const message = error instanceof Error ? error.message : String(error);
  return `The import broke off: ${message}. What was taken whole is imported; running it again completes it.`;
}
