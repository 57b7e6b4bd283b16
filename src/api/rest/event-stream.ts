// In charge of one open stream of server-sent events: its bytes, its back-pressure, its end. A slow reader is waited for and holds
// no more memory than one write; one who takes nothing for long is cut off. Not of what is sent.
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';

/** How long one write may wait for the reader to take it. */
const STALLED_MS = 30_000;
/** How long the last words may wait. */
const PARTING_MS = 5000;

export class EventStream {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  #isWaiting = false;

  /** Sends the head: what was set on the answer, and that it is a stream, ended by the end of the connection. */
  constructor(response: ServerResponse, clock: Clock, headers: Readonly<Record<string, string | number | string[] | undefined>>) {
    this.#response = response;
    this.#clock = clock;
    response.once('close', () => this.#closed.abort());
    if (response.destroyed || response.closed) this.#closed.abort();
    response.shouldKeepAlive = false;
    response.useChunkedEncodingByDefault = false;
    const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Record<string, string>;
    response.writeHead(200, { ...given, 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    response.flushHeaders();
  }

  /** Aborts when the connection has ended. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** What was written before has not been taken yet. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Resolves when the reader can take more; false: the reader has gone, or takes nothing. Buffers are shared between streams, never copied. */
  async write(bytes: Buffer | string): Promise<boolean> {
    if (this.#closed.signal.aborted) return false;
    if (this.#response.write(bytes)) return true;
    this.#isWaiting = true;
    const drained = new AbortController();
    this.#response.once('drain', () => drained.abort());
    await this.#clock.sleep(STALLED_MS, AbortSignal.any([drained.signal, this.#closed.signal]));
    this.#isWaiting = false;
    return drained.signal.aborted && !this.#closed.signal.aborted;
  }

  /** Ends with last words; the connection goes even if nobody takes them. */
  async end(lastWords: string): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#response.end(lastWords);
    await this.#clock.sleep(PARTING_MS, this.#closed.signal);
    this.#response.destroy();
  }
}
