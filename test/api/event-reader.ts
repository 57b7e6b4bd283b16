// In charge of reading server-sent events in tests: over a real connection, by the rules of the specification, as far as the tests need them.
import { once } from 'node:events';
import http from 'node:http';
import { AUTHORIZED } from './service.ts';

export interface ReadEvent {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into records of every shape, and fail where they differ
  readonly data: any;
  /** the last id that the stream has said, as a browser would send it back */
  readonly lastId: string;
}

export class EventReader {
  readonly response: http.IncomingMessage;
  lastId = '';
  retryMs: number | undefined;
  comments = 0;
  readonly #request: http.ClientRequest;
  readonly #events: AsyncGenerator<ReadEvent>;
  readonly #heard: (() => void)[] = [];

  private constructor(request: http.ClientRequest, response: http.IncomingMessage) {
    this.#request = request;
    this.response = response;
    this.#events = this.#read();
  }

  static async open(port: number, path: string, headers: Readonly<Record<string, string>> = AUTHORIZED): Promise<EventReader> {
    const request = http.get({ host: '127.0.0.1', port, path, headers, agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    request.on('error', () => {}); // after the head only an end of the stream
    return new EventReader(request, response);
  }

  get status(): number | undefined {
    return this.response.statusCode;
  }

  /** null: the stream has ended. */
  async next(): Promise<ReadEvent | null> {
    const { done, value } = await this.#events.next();
    return done === true ? null : value;
  }

  async take(count: number): Promise<ReadEvent[]> {
    const events: ReadEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (event === null) break;
      events.push(event);
    }
    return events;
  }

  /** Resolves when it holds: asked again after every event and comment, while somebody waits for `next`. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#heard.push(resolve));
  }

  close(): void {
    this.#request.destroy();
  }

  async *#read(): AsyncGenerator<ReadEvent> {
    let rest = '';
    this.response.setEncoding('utf8');
    try {
      for await (const chunk of this.response) {
        const blocks = (rest + chunk).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const event = this.#readBlock(block);
          for (const resolve of this.#heard.splice(0)) resolve();
          if (event !== null) yield event;
        }
      }
    } catch {
      return; // cut
    }
  }

  #readBlock(block: string): ReadEvent | null {
    let event = 'message';
    let data: string | undefined;
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (name === '') this.comments += 1;
      else if (name === 'event') event = value;
      else if (name === 'id') this.lastId = value;
      else if (name === 'retry') this.retryMs = Number(value);
      else if (name === 'data') data = data === undefined ? value : `${data}\n${value}`;
    }
    return data === undefined ? null : { event, data: JSON.parse(data), lastId: this.lastId };
  }
}
