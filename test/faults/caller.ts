// In charge of calls to whichever process answers: what came back, or that nothing did. Counts answers that no caller should ever get.
import type { SeededRandom } from '../../src/base/seeded-random.ts';
import type { Outcome } from './ledger.ts';

export interface Answer {
  /** 0: none came */
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

const NO_ANSWER: Answer = { status: 0, body: null };

export class Caller {
  readonly #urls: readonly string[];
  readonly #key: string;
  readonly #random: SeededRandom;
  /** answers by status */
  readonly statuses = new Map<number, number>();
  /** 500s and answers that make no sense: none may ever come */
  readonly wrong: string[] = [];

  constructor(urls: readonly string[], key: string, random: SeededRandom) {
    this.#urls = urls;
    this.#key = key;
    this.#random = random;
  }

  async call(method: string, path: string, body?: unknown, contentType = 'application/json', signal?: AbortSignal): Promise<Answer> {
    return this.#ask(method, path, body, { 'content-type': contentType }, signal);
  }

  /** Under an Idempotency-Key. */
  async callOnce(method: string, path: string, body: unknown, key: string): Promise<Answer> {
    return this.#ask(method, path, body, { 'content-type': 'application/json', 'idempotency-key': key });
  }

  async #ask(
    method: string,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const answer = await this.#send(`${this.#random.pick(this.#urls)}${path}`, method, body, headers, signal);
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
    if (answer.status === 500 || (answer.status === 400 && answer.body?.code !== undefined)) {
      this.wrong.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer;
  }

  async #send(
    url: string,
    method: string,
    body: unknown,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    try {
      const response = await fetch(url, {
        method,
        headers: { authorization: `Bearer ${this.#key}`, ...(body === undefined ? {} : headers) },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
      const text = await response.text();
      return { status: response.status, body: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : null };
    } catch {
      return NO_ANSWER; // refused or cut off
    }
  }
}

export function outcomeOf({ status }: Answer): Outcome {
  if (status >= 200 && status < 300) return 'answered';
  return status >= 400 && status < 500 ? 'refused' : 'unknown';
}
