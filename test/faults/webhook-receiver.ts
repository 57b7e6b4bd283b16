// In charge of a receiver of webhooks that sometimes fails: all of the feed has to come, in order, at least once.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SeededRandom } from '../../src/base/seeded-random.ts';

/** Of so many messages one is answered with a failure, and one is taken without an answer. */
const FAILS_ONE_IN = 60;

export class WebhookReceiver {
  readonly url: string;
  /** everything up to here has been taken */
  through = 0;
  messages = 0;
  repeated = 0;
  readonly wrong: string[] = [];
  readonly #server: http.Server;
  readonly #random: SeededRandom;

  private constructor(server: http.Server, random: SeededRandom) {
    this.#server = server;
    this.#random = random;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    server.on('request', (request, response) => this.#take(request, response));
  }

  static async start(random: SeededRandom): Promise<WebhookReceiver> {
    const server = http.createServer().listen({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    return new WebhookReceiver(server, random);
  }

  #take(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      if (this.#random.below(FAILS_ONE_IN) === 0) return void response.writeHead(503).end();
      this.#read(JSON.parse(Buffer.concat(chunks).toString()).data.changes.map((change: { position: number }) => change.position));
      if (this.#random.below(FAILS_ONE_IN) === 0) response.destroy();
      else response.writeHead(200).end();
    });
  }

  #read(positions: readonly number[]): void {
    this.messages += 1;
    const [first] = positions;
    if (first === undefined) return;
    if (first <= this.through) this.repeated += 1;
    if (first > this.through + 1) this.wrong.push(`a webhook went on with ${first} behind ${this.through}`);
    positions.forEach((position, index) => {
      if (position !== first + index) this.wrong.push(`a webhook told of ${position} in the place of ${first + index}`);
    });
    this.through = Math.max(this.through, positions.at(-1) ?? 0);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
