// In charge of noticing that a database is gone that never said so: its machine lost power, or its name was given to another. What the kernel is
// asked to send then is sent again and again for a quarter of an hour before anybody is told; whoever waits for an answer is told after some
// seconds here. Connections on which nothing is sent end by keep-alive (session.ts). Only where /proc tells (Linux).
import fs from 'node:fs/promises';
import type { Socket } from 'node:net';
import type pg from 'pg';

const LOOK_MS = 5000;
/** The sixth repetition is sent 12.6 s after the first attempt, since each waits twice as long as the one before, from 0.2 s on. */
const MOST_REPETITIONS = 6;

/** By `local port:remote port`, how often what was sent last has been sent again without a sign of its arrival. */
export type Repetitions = ReadonlyMap<string, number>;

/** The connections of one pool, or one by itself, while somebody waits for what they answer. */
export class PeerWatch {
  readonly #held = new Map<pg.ClientBase, number>();
  readonly #read: () => Promise<Repetitions>;
  #timer: NodeJS.Timeout | undefined;

  constructor(read: () => Promise<Repetitions> = readRepetitions) {
    this.#read = read;
  }

  /** From now on, until `release`. */
  hold(client: pg.ClientBase): void {
    this.#held.set(client, -1);
    this.#timer ??= setInterval(() => void this.look(), LOOK_MS).unref();
  }

  release(client: pg.ClientBase): void {
    this.#held.delete(client);
  }

  /** Ends connections whose other end does not even acknowledge what it is sent. Those that have heard something since the last look are fine. */
  async look(): Promise<void> {
    const silent: pg.ClientBase[] = [];
    for (const [client, readBefore] of this.#held) {
      const { bytesRead } = socketOf(client);
      if (bytesRead === readBefore) silent.push(client);
      else this.#held.set(client, bytesRead);
    }
    if (silent.length === 0) return;
    const repetitions = await this.#read();
    for (const client of silent) {
      const socket = socketOf(client);
      if ((repetitions.get(`${socket.localPort}:${socket.remotePort}`) ?? 0) >= MOST_REPETITIONS) socket.destroy(silence());
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#held.clear();
  }
}

/** With the code that the kernel itself would give in the end. */
function silence(): Error {
  return Object.assign(new Error('the database does not acknowledge what it is sent'), { code: 'ETIMEDOUT' });
}

function socketOf(client: pg.ClientBase): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

async function readRepetitions(): Promise<Repetitions> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => fs.readFile(file, 'utf8').catch(() => '')));
  return new Map(tables.flatMap(parseConnections));
}

/** A table of /proc/net (proc(5)): in its columns local and remote `address:port` in hexadecimals, and seventh the repetitions. */
export function parseConnections(table: string): (readonly [string, number])[] {
  const lines = table.split('\n').slice(1);
  return lines.flatMap((line): (readonly [string, number])[] => {
    const [, local = '', remote = '', , , , repetitions = ''] = line.trim().split(/\s+/);
    const count = Number.parseInt(repetitions, 16);
    return count > 0 ? [[`${portIn(local)}:${portIn(remote)}`, count]] : [];
  });
}

function portIn(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);
}
