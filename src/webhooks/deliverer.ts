// In charge of sending from this process: taking endpoints that have something to send, one worker for each, and keeping their leases. Every
// process on the database does this; the rows divide the work among them. Not of what a worker does (deliver-endpoint.ts).
import { Bell } from '../base/bell.ts';
import { Turns } from '../base/turns.ts';
import type { Publisher } from '../changes/publisher.ts';
import { type Delivering, deliverTo, type Turn } from './deliver-endpoint.ts';
import { type Held, LEASE_MS, renewLeases, takeEndpoints } from './lease.ts';
import { Receiver, type SendOptions } from './send.ts';
import type { WebhookRow } from './webhook.ts';
import type { Webhooking } from './webhooks.ts';

/** Endpoints sent to at once: those that answer, and those that have failed, which never take the others' places. */
const FRESH_WORKERS = 64;
const FAILING_WORKERS = 64;
/** A worker whose request takes longer than this gives its place to another endpoint, and goes on without one. */
const SLOW_MS = 1000;
/** Workers in all; each holds up to two batches, some 100 KB each. */
const MOST_WORKERS = 400;
/** Batches read at once: endpoints must not take every connection. */
const READERS = 4;
/** Between two looks: under load the feed grows fifty times a second, and an endpoint that wants none of it costs three statements each time. */
const GATHER_MS = 50;
/** How long to rely on being notified before looking anyway. */
const POLL_MS = 1000;
/** How long requests under way may take to end when the process stops. */
const PATIENCE_MS = 2000;
/** After the database was away. */
const AGAIN_MS = 1000;
/** How many receivers' connections are kept for the next time. */
const KEPT_RECEIVERS = 256;

export interface DelivererOptions extends Omit<Delivering, 'reading' | 'receiverOf'> {
  readonly send: SendOptions;
}

interface Taken {
  readonly held: readonly Held[];
  /** as many as there was room for: others may be waiting */
  readonly isFull: boolean;
}

interface Worker {
  readonly held: Held;
  /** another process holds the endpoint: what is under way ends */
  readonly lost: AbortController;
  /** when the current request began */
  requestMs: number;
  done: Promise<unknown>;
}

export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #delivering: Delivering;
  readonly #workers = new Map<string, Worker>();
  readonly #receivers = new Map<string, { readonly url: string; readonly receiver: Receiver }>();
  readonly #bell = new Bell();
  readonly #stopping = new AbortController();
  readonly #broken = new AbortController();
  /** how often somebody rang */
  #calls = 0;
  #loops: Promise<unknown> | undefined;

  constructor(options: DelivererOptions) {
    this.#options = options;
    const readers = new Turns(READERS);
    this.#delivering = { ...options, reading: (read) => readers.run(read), receiverOf: (webhook) => this.#receiverOf(webhook) };
  }

  /** What the record of webhooks needs. */
  get record(): Webhooking {
    const { database, clock, key, send } = this.#options;
    return { database, clock, webhookKey: key, webhookAllow: send.allow };
  }

  get send(): SendOptions {
    return this.#options.send;
  }

  /** A webhook was made or changed, or the feed has grown. */
  ring(): void {
    this.#calls += 1;
    this.#bell.ring();
  }

  start(publisher: Publisher): void {
    const stop = publisher.onGrowth(() => this.ring());
    this.#loops = Promise.all([this.#look(), this.#renew()]).finally(stop);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const patience = setTimeout(() => this.#broken.abort(), PATIENCE_MS);
    await this.#loops;
    await Promise.all([...this.#workers.values()].map((worker) => worker.done));
    clearTimeout(patience);
    this.close();
  }

  close(): void {
    for (const { receiver } of this.#receivers.values()) receiver.close();
    this.#receivers.clear();
  }

  /** Sends everything that is due now; for tests that take each step by hand. → attempts made */
  async deliverDue(): Promise<number> {
    let attempts = 0;
    for (;;) {
      const { held } = await this.#take();
      if (held.length === 0) return attempts;
      const until = { stopping: this.#stopping.signal, broken: this.#broken.signal, onRequest: () => {} };
      const turns = await Promise.all(held.map((one) => deliverTo(this.#delivering, one, until)));
      attempts += turns.reduce((sum, { requests }) => sum + requests, 0);
      if (!turns.some(hasProgressed)) return attempts;
    }
  }

  async #take(): Promise<Taken> {
    const { clock, database } = this.#options;
    const workers = [...this.#workers.values()];
    const room = MOST_WORKERS - workers.length;
    const failing = workers.filter(({ held }) => held.webhook.failures > 0).length;
    const prompt = workers.filter(({ held, requestMs }) => held.webhook.failures === 0 && clock.nowMs() - requestMs <= SLOW_MS).length;
    const most = { fresh: clamp(FRESH_WORKERS - prompt, room), failing: clamp(FAILING_WORKERS - failing, room - FRESH_WORKERS) };
    if (most.fresh + most.failing === 0) return { held: [], isFull: true };
    const held = await takeEndpoints(database, clock, most, [...this.#workers.keys()]);
    const fresh = held.filter(({ webhook }) => webhook.failures === 0).length;
    return { held, isFull: fresh === most.fresh || held.length - fresh === most.failing };
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const lookedMs = clock.nowMs();
        const { held, isFull } = await this.#take();
        for (const one of held) this.#begin(one, isFull);
        await this.#bell.wait(clock, POLL_MS, signal);
        const earlyMs = Math.min(GATHER_MS, lookedMs + GATHER_MS - clock.nowMs()); // the clock may have been set back
        if (earlyMs > 0) await clock.sleep(earlyMs, signal);
      } catch (error) {
        log.warn({ err: error }, 'looking for webhooks to send to was interrupted; it is tried again');
        await clock.sleep(AGAIN_MS, signal);
      }
    }
  }

  /** `isFull`: others may wait for its place */
  #begin(held: Held, isFull: boolean): void {
    const { clock, log } = this.#options;
    const { id } = held.webhook;
    const worker: Worker = { held, lost: new AbortController(), requestMs: clock.nowMs(), done: Promise.resolve() };
    const calls = this.#calls;
    const until = {
      stopping: this.#stopping.signal,
      broken: AbortSignal.any([this.#broken.signal, worker.lost.signal]),
      onRequest: () => (worker.requestMs = clock.nowMs()),
    };
    this.#workers.set(id, worker);
    worker.done = deliverTo(this.#delivering, held, until)
      .catch((error) => {
        log.warn({ err: error, webhook: id }, 'sending to a webhook was interrupted; it goes on when its lease has run out');
        return { requests: 0, hasMoved: false };
      })
      .then((turn) => {
        this.#workers.delete(id);
        // what came meanwhile found it held, or found no room; who has done nothing has nothing to do, and is not to be asked at once again
        if (turn.requests > 0 || this.#calls !== calls || (isFull && turn.hasMoved)) this.#bell.ring();
      });
  }

  async #renew(): Promise<void> {
    const { clock, database, log } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await clock.sleep(LEASE_MS / 3, signal);
      if (signal.aborted) return; // what is still under way has less time than its lease
      const held = [...this.#workers.values()].map((worker) => worker.held);
      if (held.length === 0) continue;
      try {
        const standing = await renewLeases(database, clock, held);
        for (const one of held) if (!standing.has(one.webhook.id)) this.#abandon(one);
      } catch (error) {
        log.warn({ err: error }, 'leases of webhooks could not be renewed');
      }
    }
  }

  /** Unless it has just ended and begun again. */
  #abandon(held: Held): void {
    const worker = this.#workers.get(held.webhook.id);
    if (worker?.held.leaseId === held.leaseId) worker.lost.abort();
  }

  #receiverOf({ id, url }: WebhookRow): Receiver {
    const known = this.#receivers.get(id);
    this.#receivers.delete(id);
    if (known !== undefined && known.url !== url) known.receiver.close();
    const receiver = known?.url === url ? known.receiver : new Receiver(url, this.#options.send);
    this.#receivers.set(id, { url, receiver }); // the one used last comes last
    const [oldest] = this.#receivers;
    if (this.#receivers.size > KEPT_RECEIVERS && oldest !== undefined && !this.#workers.has(oldest[0])) {
      this.#receivers.delete(oldest[0]);
      oldest[1].receiver.close();
    }
    return receiver;
  }
}

/** Whoever has neither sent anything nor moved would be taken again for the same. */
function hasProgressed({ requests, hasMoved }: Turn): boolean {
  return requests > 0 || hasMoved;
}

function clamp(count: number, most: number): number {
  return Math.max(0, Math.min(count, most));
}
