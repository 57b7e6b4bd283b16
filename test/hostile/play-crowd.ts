// In charge of a crowd: thousands of streams of the feed, some of which read nothing, a flood of websockets, and connections that say nothing,
// all at once, while others ask and write. Everybody who reads gets everything; the service's memory is watched.
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { WebSocket } from 'ws';
import { systemClock } from '../../src/base/clock.ts';
import { PostgresServer } from '../faults/postgres-server.ts';
import { ServiceProcess } from '../faults/service-process.ts';
import { until } from '../faults/until.ts';
import { ADMIN_KEY } from './draft.ts';

export interface CrowdOptions {
  readonly streams: number;
  readonly sockets: number;
  readonly changes: number;
  tell(line: string): void;
}

export interface CrowdReport {
  /** streams that read and did not get every change */
  readonly short: number;
  /** requests of others that failed meanwhile */
  readonly refused: number;
  readonly socketsClosed: number;
  /** megabytes of the service: before, with everybody, after the changes, when all have gone */
  readonly memory: readonly number[];
}

const OPENED_TOGETHER = 200;
/** One in so many streams reads nothing after its head. */
const DEAF = 10;
const RETRY_MS = 1000;
const AUTHORIZED = { authorization: `Bearer ${ADMIN_KEY}` };

export async function playCrowd(options: CrowdOptions): Promise<CrowdReport> {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-crowd-'));
  fs.chmodSync(root, 0o711);
  const postgres = await PostgresServer.start(path.join(root, 'data'));
  const service = await ServiceProcess.make({ ADMIN_KEY, SECRET_KEY: 's'.repeat(32), LOG_LEVEL: 'error', DATABASE_URL: postgres.url });
  const crowd = new Crowd(service.url);
  try {
    service.start();
    await until('the service is ready', () => service.isReady());
    const report = await crowd.play(options);
    if (service.endedByItself > 0) throw new Error(`the service ended by itself: ${service.output}`);
    return report;
  } finally {
    crowd.leave();
    await service.stop();
    await postgres.stop();
    fs.rmSync(root, { recursive: true, force: true });
  }
}

interface Listening {
  readonly socket: net.Socket;
  readonly isDeaf: boolean;
  heard: number;
}

class Crowd {
  readonly #url: string;
  readonly #port: number;
  #streams: Listening[] = [];
  #sockets: WebSocket[] = [];
  #silent: net.Socket[] = [];
  #refused = 0;
  #socketsClosed = 0;

  constructor(url: string) {
    this.#url = url;
    this.#port = Number(new URL(url).port);
  }

  async play({ streams, sockets, changes, tell }: CrowdOptions): Promise<CrowdReport> {
    await this.#call('POST', '/v1/segments', { key: 'all', name: 'All', kind: 'rule', rule: 'everyone', publish: true });
    await until('the segment is built', async () => (await this.#call('GET', '/v1/segments/all')).status === 'active');
    const memory = [await this.#measure()];
    for (let open = 0; open < streams; open += OPENED_TOGETHER) {
      const some = Array.from({ length: Math.min(OPENED_TOGETHER, streams - open) }, (_, n) => this.#listenAtLast((open + n) % DEAF === 0));
      await Promise.all([...some, this.#call('GET', '/v1/segments/all')]);
    }
    tell(`${this.#streams.length} streams are open`);
    await Promise.all(Array.from({ length: sockets }, () => this.#openSocket()));
    this.#silent = Array.from({ length: sockets }, () => net.connect(this.#port, '127.0.0.1').on('error', () => {}));
    tell(`${sockets} websockets and ${sockets} silent connections, too`);
    memory.push(await this.#measure());
    for (let n = 0; n < changes; n += 1) await this.#call('PUT', `/v1/customers/${n}`, { city: 'x' });
    const listening = this.#streams.filter(({ isDeaf }) => !isDeaf);
    await until('everybody has heard everything', () => listening.every(({ heard }) => heard >= changes), 120_000).catch(() => {});
    memory.push(await this.#measure());
    const short = listening.filter(({ heard }) => heard !== changes).length;
    const socketsClosed = this.#socketsClosed;
    this.leave();
    await until('they are gone', async () => (await this.#call('GET', '/v1/segments/all')).memberCount === changes);
    memory.push(await this.#measure());
    return { short, refused: this.#refused, socketsClosed, memory };
  }

  leave(): void {
    for (const { socket } of this.#streams) socket.destroy();
    for (const socket of this.#sockets) socket.terminate();
    for (const socket of this.#silent) socket.destroy();
  }

  /** Comes back where it is told to. */
  async #listenAtLast(isDeaf: boolean): Promise<void> {
    while (!(await this.#listen(isDeaf))) await systemClock.sleep(RETRY_MS);
  }

  #listen(isDeaf: boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(this.#port, '127.0.0.1', () =>
        socket.write(`GET /v1/changes/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n\r\n`),
      );
      const listening: Listening = { socket, isDeaf, heard: 0 };
      let rest = '';
      let isBegun = false;
      socket.on('data', (bytes) => {
        const text = rest + bytes;
        const parts = text.split('event: change\n');
        listening.heard += parts.length - 1;
        rest = (parts.at(-1) ?? '').slice(-20);
        if (isBegun) return;
        isBegun = true;
        if (text.startsWith('HTTP/1.1 503')) {
          socket.destroy();
          resolve(false);
          return;
        }
        if (!text.startsWith('HTTP/1.1 200')) reject(new Error(`a stream was refused: ${text.slice(0, 200)}`));
        this.#streams.push(listening);
        if (isDeaf) socket.pause();
        resolve(true);
      });
      socket.on('error', reject);
    });
  }

  /** Shows a key and follows; past the limit of a key it is closed. */
  #openSocket(): Promise<void> {
    return new Promise((resolve) => {
      const socket = new WebSocket(`${this.#url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
      this.#sockets.push(socket);
      socket.once('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: AUTHORIZED })));
      socket.once('message', () => {
        const query = 'subscription { membershipChanged { cursor } }';
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
        resolve();
      });
      socket.on('error', () => resolve());
      socket.once('close', () => {
        this.#socketsClosed += 1;
        resolve();
      });
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape are looked into
  async #call(method: string, asked: string, body?: object): Promise<any> {
    const headers = { ...AUTHORIZED, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    let answer = await fetch(`${this.#url}${asked}`, sent);
    while (answer.status === 503 && answer.headers.has('retry-after')) {
      await systemClock.sleep(RETRY_MS); // as it is told to
      answer = await fetch(`${this.#url}${asked}`, sent);
    }
    if (!answer.ok) this.#refused += 1;
    return answer.json();
  }

  async #measure(): Promise<number> {
    const text = await (await fetch(`${this.#url}/metrics`, { headers: AUTHORIZED })).text();
    return Math.round(Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 1024 / 1024);
  }
}
