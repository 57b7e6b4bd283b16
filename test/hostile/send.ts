// In charge of sending one request and waiting for its answer, never longer than a deadline. Raw bytes go over a separate socket.
import http from 'node:http';
import net from 'node:net';
import type { Sent } from './draft.ts';

export interface Got {
  /** 0: the connection ended without an answer */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** of a connection that broke: why */
  readonly text: string;
  readonly outcome: 'answered' | 'closed' | 'hung';
}

/** Of any answer, on a machine that does much else. */
export const DEADLINE_MS = 60_000;
const READ_MAX = 32 * 1024 * 1024;

export class Sender {
  readonly #port: number;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

  constructor(port: number) {
    this.#port = port;
  }

  close(): void {
    this.#agent.destroy();
  }

  send({ method, path, headers, body }: Sent): Promise<Got> {
    return new Promise((resolve) => {
      const length = body === null || 'transfer-encoding' in headers ? {} : { 'content-length': String(body.length) };
      const request = http.request({
        host: '127.0.0.1',
        port: this.#port,
        method,
        path,
        agent: this.#agent,
        headers: { ...length, ...headers },
      });
      const patience = setTimeout(() => end('hung'), DEADLINE_MS);
      const chunks: Buffer[] = [];
      let response: http.IncomingMessage | undefined;
      let size = 0;
      let broken: string | undefined;
      const end = (outcome: Got['outcome']) => {
        clearTimeout(patience);
        resolve({
          status: response?.statusCode ?? 0,
          headers: response?.headers ?? {},
          text: broken ?? Buffer.concat(chunks).toString(),
          outcome,
        });
        if (outcome !== 'answered' || isStream(response)) request.destroy();
      };
      request.once('error', (error) => {
        broken = error.message;
        end('closed');
      });
      request.once('response', (answer) => {
        response = answer;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size <= READ_MAX) chunks.push(chunk);
          if (isStream(answer)) end('answered');
        });
        answer.once('end', () => end('answered'));
        answer.once('error', () => end('closed'));
      });
      request.end(body ?? undefined);
    });
  }

  /** Whatever bytes; resolves with the first status there is, when the other side is done or nothing more comes. */
  sendBytes(bytes: Buffer): Promise<Got> {
    return new Promise((resolve) => {
      const socket = net.connect(this.#port, '127.0.0.1', () => socket.end(bytes));
      let text = '';
      const patience = setTimeout(() => end('hung'), DEADLINE_MS);
      const end = (outcome: Got['outcome']) => {
        clearTimeout(patience);
        socket.destroy();
        resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), headers: {}, text, outcome });
      };
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.once('error', () => end('closed'));
      socket.once('close', () => end(text === '' ? 'closed' : 'answered'));
    });
  }
}

function isStream(response: http.IncomingMessage | undefined): boolean {
  return response?.headers['content-type']?.startsWith('text/event-stream') === true;
}
