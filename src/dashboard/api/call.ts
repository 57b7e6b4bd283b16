// In charge of calls of the public API with the key of this tab. Every refusal is a `Problem` with the service's own words and code.
import { currentKey, signOut } from '../session.ts';

export interface ProblemPlace {
  readonly pointer?: string;
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
  readonly [more: string]: unknown;
}

/** What the service refused (RFC 9457), or that it could not be reached (`code: 'unreachable'`). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly ProblemPlace[];
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(typeof body['detail'] === 'string' ? body['detail'] : String(body['title'] ?? 'unreachable'));
    this.status = status;
    this.code = typeof body['code'] === 'string' ? body['code'] : 'unreachable';
    this.errors = Array.isArray(body['errors']) ? (body['errors'] as readonly ProblemPlace[]) : [];
    this.body = body;
  }
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface CallOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
  /** used instead of this tab's key: to try a key before signing in */
  readonly key?: string;
}

export interface Answer<Body> {
  readonly body: Body;
  readonly etag: string | null;
}

export function pathOf(strings: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return strings.reduce((text, part, index) => `${text}${encodeURIComponent(String(values[index - 1] ?? ''))}${part}`);
}

export async function call<Body>(method: string, path: string, options: CallOptions = {}): Promise<Answer<Body>> {
  const response = await send(method, path, options);
  const text = await response.text();
  if (!response.ok) throw await problemOf(response, text);
  return { body: (text === '' ? undefined : JSON.parse(text)) as Body, etag: response.headers.get('etag') };
}

/** The body as it comes: a download, or a stream. */
export async function openStream(path: string, options: CallOptions = {}): Promise<Response> {
  const response = await send('GET', path, options);
  if (!response.ok) throw await problemOf(response, await response.text());
  return response;
}

async function send(method: string, path: string, { query = {}, body, ifMatch, signal, key }: CallOptions): Promise<Response> {
  const headers: Record<string, string> = { authorization: `Bearer ${key ?? currentKey() ?? ''}`, accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (ifMatch !== undefined) headers['if-match'] = ifMatch;
  if (method === 'POST') headers['idempotency-key'] = crypto.randomUUID();
  const init: RequestInit = { method, headers, cache: 'no-store', credentials: 'omit' };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (signal !== undefined) init.signal = signal;
  try {
    return await fetch(`${path}${searchOf(query)}`, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, { code: 'unreachable', title: 'unreachable' });
  }
}

function searchOf(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    search.append(name, Array.isArray(value) ? value.join(',') : String(value));
  }
  return search.size === 0 ? '' : `?${search}`;
}

async function problemOf(response: Response, text: string): Promise<Problem> {
  let body: Record<string, unknown> = {};
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    body = { title: response.statusText }; // a proxy in front of the service, which answers with HTML
  }
  if (response.status === 401) signOut();
  return new Problem(response.status, body);
}
