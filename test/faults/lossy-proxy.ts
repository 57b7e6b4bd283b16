// In charge of the way between the service and Postgres: answers are passed on, or lost together with their connection when what they answer has
// already been done. Not of when that happens (faults.ts).
import { once } from 'node:events';
import net from 'node:net';
import type { SeededRandom } from '../../src/base/seeded-random.ts';

/** Of so many answers one is lost: to commits, and to anything else. */
const LOSES_ONE_IN = { commits: 8, others: 300 } as const;

const ADDRESS = '127.0.0.1';

export class LossyProxy {
  readonly #server: net.Server;
  readonly #random: SeededRandom;
  readonly #sockets = new Set<net.Socket>();
  #isLossy = false;

  private constructor(server: net.Server, random: SeededRandom) {
    this.#server = server;
    this.#random = random;
  }

  /** `target`: the URL of a Postgres of this machine */
  static async start(target: string, random: SeededRandom): Promise<LossyProxy> {
    const { port } = new URL(target);
    const server = net.createServer({ noDelay: true });
    const proxy = new LossyProxy(server, random);
    server.on('connection', (near) => proxy.#join(near, net.connect({ host: ADDRESS, port: Number(port), noDelay: true })));
    server.listen({ host: ADDRESS, port: 0 });
    await once(server, 'listening');
    return proxy;
  }

  /** The same database through here. */
  through(target: string): string {
    const url = new URL(target);
    url.hostname = ADDRESS;
    url.port = String((this.#server.address() as net.AddressInfo).port);
    return url.href;
  }

  loseAnswers(isLossy: boolean): void {
    this.#isLossy = isLossy;
  }

  #join(near: net.Socket, far: net.Socket): void {
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => {}); // told by its end
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (answer) => {
      if (this.#isLost(answer)) near.destroy();
      else near.write(answer);
    });
  }

  #isLost(answer: Buffer): boolean {
    if (!this.#isLossy) return false;
    return this.#random.below(answer.includes('COMMIT\0') ? LOSES_ONE_IN.commits : LOSES_ONE_IN.others) === 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
