// In charge of a receiver of webhooks for tests: a real HTTP server on this machine that keeps what came and answers as it is told.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  /** path and query */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape, and fail where they differ
  readonly json: any;
}

/** A status, or what to do with the connection. */
export type Behaviour = number | ((request: http.IncomingMessage, response: http.ServerResponse) => void);

export interface TestReceiver {
  readonly url: string;
  readonly received: Received[];
  /** positions of all changes received, in order of their coming */
  positions(): number[];
  /** what it does from now on; `then` for as many requests first, in order */
  behave(always: Behaviour, ...first: Behaviour[]): void;
  /** resolves when so many messages have come */
  count(messages: number): Promise<void>;
  /** resolves when all has come that the condition asks for */
  until(isMet: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<TestReceiver> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  let always: Behaviour = 200;
  let first: Behaviour[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      received.push({ url: request.url ?? '', headers: request.headers as Record<string, string>, body, json: JSON.parse(body) });
      const behaviour = first.shift() ?? always;
      if (typeof behaviour === 'number') response.writeHead(behaviour).end(`status ${behaviour}`);
      else behaviour(request, response);
      for (const look of waiting) look();
    });
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const until = (isMet: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!isMet()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    positions: () => received.flatMap(({ json }) => (json.data.changes ?? []).map((change: { position: number }) => change.position)),
    behave: (next, ...before) => {
      always = next;
      first = before;
    },
    count: (messages) => until(() => received.length >= messages),
    until,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
