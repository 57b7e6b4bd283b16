// In charge of hearing notifications: a connection of its own that listens on one channel, and is opened again when it breaks. Not of what the
// messages mean. What is sent while it is broken is lost: the caller is told each time that listening begins, and looks for itself then.
import pg from 'pg';
import type { Clock } from '../base/clock.ts';
import { sessionOf } from './session.ts';

const RETRY_MS = 1000;

export interface ListenerTasks {
  readonly channel: string;
  onMessage(payload: string): void;
  /** Messages are heard from now on. */
  onBegin(): void;
  onError(error: unknown): void;
}

export class Listener {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #tasks: ListenerTasks;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(url: string, clock: Clock, tasks: ListenerTasks) {
    this.#url = url;
    this.#clock = clock;
    this.#tasks = tasks;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#listen();
      } catch (error) {
        this.#tasks.onError(error);
      }
      await this.#clock.sleep(RETRY_MS, signal);
    }
  }

  async #listen(): Promise<void> {
    const connection = new pg.Client(sessionOf(this.#url, 'strata listener'));
    const { signal } = this.#stopping;
    const ended = new Promise<void>((resolve, reject) => {
      connection.on('error', reject);
      connection.on('end', resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    ended.catch(() => {}); // handled below, unless connecting fails first
    connection.on('notification', ({ payload }) => this.#tasks.onMessage(payload ?? ''));
    try {
      await connection.connect();
      await connection.query(`listen ${pg.escapeIdentifier(this.#tasks.channel)}`);
      this.#tasks.onBegin();
      await ended;
    } finally {
      await connection.end().catch(() => {}); // a broken one is gone already
    }
  }
}
