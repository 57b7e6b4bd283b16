// In charge of showing as text how far an upload is: on a terminal a bar that is redrawn in place, elsewhere a line now and then.
import type { Clock } from '../base/clock.ts';

export interface ProgressState {
  readonly rows: number;
  readonly rejected: number;
  readonly sentBytes: number;
  /** How many of them the service has read: connections hold some megabytes, which may be most of a compressed file. null: it has not said so. */
  readonly readBytes: number | null;
  /** null: unknown, as for standard input */
  readonly totalBytes: number | null;
  /** What waited for the end of the file, as lines of orders do: how much of it is written, and when that began. null: it has not ended. */
  readonly waiting: { readonly written: number; readonly total: number; readonly sinceMs: number } | null;
  readonly elapsedMs: number;
}

export interface ProgressOutput {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly columns: number;
}

const DRAW_MS = 100;
const LINE_MS = 5_000;
const BAR_WIDTH = 24;

/** Where progress is shown; the numbers are the caller's. */
export class Progress {
  readonly #output: ProgressOutput;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #shownMs: number;
  #isDrawn = false;

  constructor(output: ProgressOutput, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
    this.#startedMs = clock.nowMs();
    this.#shownMs = this.#startedMs;
  }

  get elapsedMs(): number {
    return this.#clock.nowMs() - this.#startedMs;
  }

  show(state: Omit<ProgressState, 'elapsedMs'>): void {
    const { isTerminal, columns } = this.#output;
    if (this.#clock.nowMs() - this.#shownMs < (isTerminal ? DRAW_MS : LINE_MS)) return;
    this.#shownMs = this.#clock.nowMs();
    const text = describeProgress({ ...state, elapsedMs: this.elapsedMs }, isTerminal);
    this.#output.write(isTerminal ? `\r${text.slice(0, columns - 1)}\u001b[K` : `${text}\n`);
    this.#isDrawn = isTerminal;
  }

  clear(): void {
    if (this.#isDrawn) this.#output.write('\r\u001b[K');
  }
}

/** `[######----] 43 % 212,000 rows 51,200 rows/s 3 rejected 12 s of reading left`; then, of a file of order lines, how far writing them is */
export function describeProgress(state: ProgressState, withBar: boolean): string {
  const { rows, rejected, sentBytes, readBytes, totalBytes, elapsedMs } = state;
  const parts = [`${count(rows)} rows`, `${count(perSecond(rows, elapsedMs))} rows/s`];
  if (rejected > 0) parts.push(`${count(rejected)} rejected`); // lines of orders are judged when the file has ended: to say “0 rejected” before that would be a lie
  if (totalBytes === null)
    return [`${count(Math.round(sentBytes / 1e6))} MB sent`, ...parts, ...(state.waiting === null ? [] : [finishing(state)])].join('  ');
  const share = totalBytes === 0 ? 1 : Math.min(1, (readBytes ?? sentBytes) / totalBytes);
  const filled = Math.round(share * BAR_WIDTH);
  const bar = withBar ? [`[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`] : [];
  const left = share >= 1 ? finishing(state) : share > 0 ? `${duration((elapsedMs / share) * (1 - share))} of reading left` : 'starting';
  return [...bar, `${Math.floor(share * 100)} %`, ...parts, left].join('  ');
}

/** Whoever is in the file is evaluated at the end, for which there is no estimate. */
function finishing({ waiting, elapsedMs }: ProgressState): string {
  if (waiting === null) return 'all sent, finishing';
  const { written, total, sinceMs } = waiting;
  if (written >= total) return 'all written, evaluating';
  const told = `all sent, ${count(written)} of ${count(total)} written`;
  return written === 0 ? told : `${told}, ${duration(((elapsedMs - sinceMs) / written) * (total - written))} of writing left`;
}

export function perSecond(rows: number, elapsedMs: number): number {
  return elapsedMs <= 0 ? 0 : Math.round((rows * 1000) / elapsedMs);
}

export function duration(durationMs: number): string {
  const seconds = Math.ceil(durationMs / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const numbers = new Intl.NumberFormat('en-US');

export function count(value: number): string {
  return numbers.format(value);
}
