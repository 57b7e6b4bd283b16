// In charge of talking to a Strata over its public HTTP interface, as any caller would.
import { Readable } from 'node:stream';
import { StartError } from '../base/start-error.ts';
import type { ErrorDetail } from '../errors.ts';

export interface ApiClient {
  readonly url: string;
  /** Returns the answer's body. A refusal is thrown as an ApiRefusal. */
  call(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** Sends rows as a stream of NDJSON. */
  importRows(kind: 'customers' | 'orders' | 'events', rows: readonly object[]): Promise<Record<string, unknown>>;
}

export class ApiRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly ErrorDetail[];

  constructor(call: string, status: number, problem: Record<string, unknown>) {
    super(`${call} was answered ${status}: ${problem['detail'] ?? problem['title']} ${JSON.stringify(problem['errors'] ?? [])}`);
    this.status = status;
    this.code = String(problem['code']);
    this.errors = (problem['errors'] ?? []) as readonly ErrorDetail[];
  }
}

export function openApi(url: string, key: string): ApiClient {
  const send = async (method: string, path: string, contentType: string | undefined, body: RequestInit['body'] | undefined) => {
    const headers = { authorization: `Bearer ${key}`, ...(contentType === undefined ? {} : { 'content-type': contentType }) };
    const given = body === undefined ? {} : { body, duplex: 'half' as const };
    // behind a proxy a service may have a path of its own
    const response = await fetch(new URL(`.${path}`, url.endsWith('/') ? url : `${url}/`), { method, headers, ...given }).catch(
      (cause: unknown) => {
        throw new StartError(`Strata at ${url} no longer answers.`, { cause });
      },
    );
    const answer = (await response.json().catch((cause: unknown) => {
      throw new StartError(`What answers at ${url} is no Strata: ${method} ${path} was answered ${response.status}, and not with JSON.`, {
        cause,
      });
    })) as Record<string, unknown>;
    if (!response.ok) throw new ApiRefusal(`${method} ${path}`, response.status, answer);
    return answer;
  };
  return {
    url,
    call: (method, path, body) => send(method, path, body && 'application/json', body && JSON.stringify(body)),
    importRows: (kind, rows) =>
      send(
        'POST',
        `/v1/imports/${kind}`,
        'application/x-ndjson',
        Readable.toWeb(Readable.from(linesOf(rows))) as NonNullable<RequestInit['body']>,
      ),
  };
}

function* linesOf(rows: readonly object[]): Generator<Buffer> {
  for (let start = 0; start < rows.length; start += 200) {
    yield Buffer.from(
      rows
        .slice(start, start + 200)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
    );
  }
}
