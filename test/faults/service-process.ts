// In charge of one process of the service on a port of its own: started, killed and started again as a supervisor does.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { systemClock } from '../../src/base/clock.ts';

export const LAUNCHER = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'launch.js');
const BETWEEN_STARTS_MS = 100;
/** Its last lines, for the message of a failure. */
const KEPT_CHARACTERS = 20_000;

export class ServiceProcess {
  readonly url: string;
  readonly #environment: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;
  #watched = false;
  /** how often it ended by itself: the watcher started it again */
  endedByItself = 0;
  output = '';

  private constructor(port: number, environment: Readonly<Record<string, string>>) {
    this.url = `http://127.0.0.1:${port}`;
    this.#environment = { ...environment, PORT: String(port) };
  }

  static async make(environment: Readonly<Record<string, string>>): Promise<ServiceProcess> {
    return new ServiceProcess(await freePort(), environment);
  }

  /** Starts it; from now on it is started again whenever it ends, as a supervisor does. */
  start(): void {
    this.#watched = true;
    this.#spawn();
  }

  #spawn(): void {
    const inherited = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };
    const child = spawn(process.execPath, [LAUNCHER, 'start'], {
      env: { ...inherited, ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer) => {
      this.output = (this.output + chunk).slice(-KEPT_CHARACTERS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('exit', () => {
      if (!this.#watched || this.#process !== child) return;
      this.endedByItself += 1;
      void systemClock.sleep(BETWEEN_STARTS_MS).then(() => {
        if (this.#watched && this.#process === child) this.#spawn();
      });
    });
    this.#process = child;
  }

  /** kill -9; it stays down until it is started. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#watched = false;
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/readyz`)).status === 200;
    } catch {
      return false;
    }
  }
}

/** Below those that the system gives out (32768 on Linux): one of them may be somebody else's before the process listens, or comes back to it. */
const PORTS = { first: 20_000, count: 12_000 };

export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + randomInt(PORTS.count);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port }, () => probe.close(() => resolve(true)));
  });
}
