// In charge of electing one process among all on a database: whoever holds an advisory lock on a connection of its own.
// The lock goes with the connection, so a killed leader is followed within seconds. What a leader does is the caller's business.
import pg from 'pg';
import type { Clock } from '../base/clock.ts';
import { LET_CITUS_PLAN } from './citus.ts';
import { PeerWatch } from './peer-watch.ts';
import { sessionOf } from './session.ts';

const LEADER_LOCK = '7310589412001';
const RETRY_MS = 1000;
/** A lead that is given up properly is taken over within this time. A blocking lock would take it at once, but hold back vacuum while it waits. */
const POLL_MS = 250;
/** A killed process is noticed at once anyway; one whose machine is gone, thanks to this, after about ten seconds instead of two hours. */
const GIVE_UP_ON_THE_GONE = { tcp_keepalives_idle: '5', tcp_keepalives_interval: '2', tcp_keepalives_count: '3' };

export interface LeaderTasks {
  /** Runs while this process leads, on the very connection that holds the lock; returns when the signal aborts. A throw gives the lead up, as does
   *  the end of the connection. */
  lead(connection: pg.Client, signal: AbortSignal): Promise<void>;
  onError(error: unknown): void;
}

export class Leadership {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #tasks: LeaderTasks;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(url: string, clock: Clock, tasks: LeaderTasks) {
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
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#tryToLead();
      } catch (error) {
        this.#tasks.onError(error);
      }
      await this.#clock.sleep(RETRY_MS, this.#stopping.signal);
    }
  }

  async #tryToLead(): Promise<void> {
    const connection = new pg.Client(sessionOf(this.#url, 'strata leader', GIVE_UP_ON_THE_GONE));
    const term = new AbortController();
    const watch = new PeerWatch();
    watch.hold(connection);
    connection.on('error', () => term.abort());
    connection.on('end', () => term.abort());
    try {
      await connection.connect();
      await connection.query(LET_CITUS_PLAN);
      const signal = AbortSignal.any([this.#stopping.signal, term.signal]);
      while (!(await takeLock(connection))) {
        await this.#clock.sleep(POLL_MS, signal);
        if (signal.aborted) return;
      }
      await this.#tasks.lead(connection, signal);
    } finally {
      await connection.end().catch(() => {}); // a broken connection has already given the lock back
      watch.stop();
    }
  }
}

async function takeLock(connection: pg.Client): Promise<boolean> {
  const { rows } = await connection.query<{ leads: boolean }>('select pg_try_advisory_lock($1) as leads', [LEADER_LOCK]);
  return rows[0]?.leads === true;
}
