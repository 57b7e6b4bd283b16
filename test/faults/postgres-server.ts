// In charge of a Postgres to which the faults may do anything: when told to, it comes back on its own port with its data.
import fs from 'node:fs';
import path from 'node:path';
import { openDataFolder } from '../../src/base/data-folder.ts';
import { isAlive } from '../../src/base/process-mark.ts';
import { type EmbeddedPostgres, startEmbedded } from '../../src/db/embedded.ts';
import { until } from './until.ts';

const CONNECTIONS = 200;

/** One that comes back, by the test's hand or the service's. */
export interface FaultyPostgres {
  readonly url: string;
  /** the data folder of Strata: Postgres's own lies in it */
  readonly folder: string;
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  stop(): Promise<void>;
  /** the processes that serve connections */
  backends(): number[];
}

export class PostgresServer implements FaultyPostgres {
  readonly folder: string;
  #server: EmbeddedPostgres;

  private constructor(folder: string, server: EmbeddedPostgres) {
    this.folder = folder;
    this.#server = server;
  }

  static async start(folder: string): Promise<PostgresServer> {
    fs.mkdirSync(folder, { recursive: true, mode: 0o711 });
    return new PostgresServer(folder, await startEmbedded(openDataFolder(folder), { durable: false, connections: CONNECTIONS }));
  }

  get url(): string {
    return this.#server.url;
  }

  get pid(): number {
    return this.#server.pid;
  }

  isRunning(): boolean {
    return isAlive(this.#server.pid);
  }

  /** kill -9 of the postmaster: its children find out by themselves. */
  async kill(): Promise<void> {
    process.kill(this.#server.pid, 'SIGKILL');
    await until('Postgres is gone', () => !this.isRunning());
    this.#server.requestStop(); // gives the data folder back
  }

  /** As whoever watches over a Postgres does; tried again while the disk is full or the old one still holds its memory. */
  async startAgain(): Promise<void> {
    if (this.isRunning()) return;
    this.#server.requestStop();
    const { hostname, port } = new URL(this.url);
    const options = { durable: false, connections: CONNECTIONS, port: Number(port), needsSocket: hostname !== '127.0.0.1' };
    await until('Postgres starts again', async () => {
      try {
        this.#server = await startEmbedded(openDataFolder(this.folder), options);
        return true;
      } catch {
        return false;
      }
    });
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  backends(): number[] {
    return backendsOf(this.#server.pid);
  }
}

/** The one that the service started for itself, and starts again. */
export class EmbeddedOfService implements FaultyPostgres {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get url(): string {
    const password = fs.readFileSync(path.join(this.folder, 'postgres-password'), 'utf8').trim();
    return `postgres://strata:${password}@127.0.0.1:${this.#pidFile()[3]}/strata`;
  }

  async kill(): Promise<void> {
    process.kill(Number(this.#pidFile()[0]), 'SIGKILL');
  }

  async startAgain(): Promise<void> {}

  /** With the service. */
  async stop(): Promise<void> {}

  backends(): number[] {
    return backendsOf(Number(this.#pidFile()[0]));
  }

  #pidFile(): string[] {
    return fs.readFileSync(path.join(this.folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n');
  }
}

function backendsOf(postmaster: number): number[] {
  const processes = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return processes.filter((pid) => isBackend(pid, postmaster)).map(Number);
}

function isBackend(pid: string, postmaster: number): boolean {
  try {
    const stat = fs.readFileSync(path.join('/proc', pid, 'stat'), 'utf8');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return (
      parent === postmaster && /: strata strata (127\.0\.0\.1|\[local\])/.test(fs.readFileSync(path.join('/proc', pid, 'cmdline'), 'utf8'))
    );
  } catch {
    return false; // it has ended meanwhile
  }
}
