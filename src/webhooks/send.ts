// In charge of one request to one receiver: connecting only to addresses that are allowed, limits on time and size, and the outcome.
// Redirects are never followed. Not of what is sent, or when.
import net, { type LookupFunction } from 'node:net';
import { buildConnector, Client, errors } from 'undici';
import type { Clock } from '../base/clock.ts';
import { type AddressRange, hostOf, refuseAddress } from './addresses.ts';
import { resolveName } from './resolve-name.ts';

export interface SendLimits {
  readonly connectMs: number;
  /** from the request to the status line and headers */
  readonly headersMs: number;
  /** from then on, for the answer's body: the rest of a 2xx is not waited for */
  readonly bodyMs: number;
}

export const SEND_LIMITS: SendLimits = { connectMs: 5000, headersMs: 10_000, bodyMs: 3000 };

/** How much of the answer's body is kept, and how much is read before the connection is given up. */
const KEPT_BYTES = 1024;
const READ_BYTES = 64 * 1024;
/** How long an idle connection may be used again: if the receiver does not say, and at most. */
const KEEP_ALIVE_MS = 4000;
const KEEP_ALIVE_MOST_MS = 60_000;

export interface Message {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Outcome {
  readonly succeeded: boolean;
  /** null: there was no answer */
  readonly status: number | null;
  readonly error: string | null;
  /** the beginning of the answer; null: there was none */
  readonly answer: string | null;
  readonly latencyMs: number;
  /** what the receiver asks for in Retry-After */
  readonly retryAfterSeconds: number | null;
}

export interface SendOptions {
  readonly clock: Clock;
  readonly allow: readonly AddressRange[];
  readonly limits: SendLimits;
  /** how names are resolved: all addresses, in the form of Node's dns.lookup; absent: resolve-name.ts */
  readonly lookup?: LookupFunction;
}

class AddressRefused extends Error {}

/** Connections to one endpoint, kept open between requests; one request at a time. */
export class Receiver {
  readonly #options: SendOptions;
  readonly #url: URL;
  #client: Client | undefined;

  constructor(url: string, options: SendOptions) {
    this.#options = options;
    this.#url = new URL(url);
  }

  /**
   * Never throws: whatever goes wrong is an outcome, also an abort. The receiver may close an idle connection at the very moment that it is
   * used again: then, if nothing was answered, a new one is made at once.
   */
  async post(message: Message, signal: AbortSignal): Promise<Outcome> {
    const isReused = this.#client !== undefined;
    const first = await this.#attempt(message, signal);
    return isReused && first.isClosed && !signal.aborted ? this.#attempt(message, signal) : first;
  }

  async #attempt(message: Message, signal: AbortSignal): Promise<Outcome & { readonly isClosed?: boolean }> {
    const { clock, limits } = this.#options;
    const startMs = clock.nowMs();
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new errors.HeadersTimeoutError()), limits.headersMs);
    const outcome = { status: null, answer: null, retryAfterSeconds: null };
    try {
      this.#client ??= this.#connect();
      const response = await this.#client.request({
        method: 'POST',
        path: this.#url.pathname + this.#url.search,
        headers: message.headers,
        body: message.body,
        signal: AbortSignal.any([signal, patience.signal]),
      });
      clearTimeout(timer);
      const { statusCode: status, headers } = response;
      const retryAfterSeconds = secondsOf(headers['retry-after']);
      const { answer, isBroken } = await readAnswer(response.body, limits.bodyMs);
      const latencyMs = clock.nowMs() - startMs;
      const error = isBroken ? 'the answer broke off' : refusalOf(status);
      return { succeeded: error === null, status, error, answer, latencyMs, retryAfterSeconds };
    } catch (error) {
      this.close(); // its connections may be in any state
      return { ...outcome, succeeded: false, error: describe(error), latencyMs: clock.nowMs() - startMs, isClosed: isClosed(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.destroy().catch(() => {});
  }

  #connect(): Client {
    const { limits } = this.#options;
    return new Client(this.#url.origin, {
      connect: safeConnector(this.#url, this.#options),
      headersTimeout: 0, // timed by us, from the connection on
      bodyTimeout: 0,
      connectTimeout: limits.connectMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MOST_MS,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: 16 * 1024,
    });
  }
}

/** A literal address is checked before a socket is made, a name by the addresses it resolves to, from which the socket is then connected. */
export function safeConnector(url: URL, { allow, limits, lookup = resolveName }: SendOptions): buildConnector.connector {
  const scheme = url.protocol === 'http:' ? 'http:' : 'https:';
  const checkedLookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, [], 0);
      const addresses = Array.isArray(found) ? found : [];
      const refusals = addresses.flatMap(({ address }) => refuseAddress(address, scheme, allow) ?? []);
      const [refusal] = addresses.length === 0 ? ['it has no address'] : refusals; // one forbidden address among allowed ones is a trap, too
      if (refusal !== undefined) return callback(new AddressRefused(`${hostname}: ${refusal}`), [], 0);
      const [first] = addresses;
      if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family);
    });
  };
  const connect = buildConnector({ timeout: limits.connectMs, allowH2: false, lookup: checkedLookup });
  return (options, callback) => {
    const host = hostOf(url);
    const refusal = net.isIP(host) === 0 ? null : refuseAddress(host, scheme, allow);
    if (refusal !== null) return callback(new AddressRefused(refusal), null);
    connect(options, callback);
  };
}

function refusalOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return `answered ${status}: redirects are not followed`;
  return `answered ${status}`;
}

/** A 2xx whose body is too long or too slow counts all the same, and we stop reading; one that breaks off by itself does not. */
async function readAnswer(
  body: AsyncIterable<Buffer> & { destroy(): unknown },
  patienceMs: number,
): Promise<{ readonly answer: string; readonly isBroken: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let isEnough = false;
  const stop = () => {
    isEnough = true;
    body.destroy();
  };
  const timer = setTimeout(stop, patienceMs);
  try {
    for await (const chunk of body) {
      if (bytes < KEPT_BYTES) chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > READ_BYTES) {
        stop();
        break;
      }
    }
    return { answer: textOf(chunks), isBroken: false };
  } catch {
    return { answer: textOf(chunks), isBroken: !isEnough };
  } finally {
    clearTimeout(timer);
  }
}

/** The text as Postgres can store it: whatever is not UTF-8 is replaced. */
function textOf(chunks: readonly Buffer[]): string {
  const bytes = Buffer.concat(chunks).subarray(0, KEPT_BYTES);
  return bytes.toString().replaceAll('\u0000', '\ufffd').toWellFormed();
}

/** Whether the other side closed the connection without an answer. */
function isClosed(error: unknown): boolean {
  return (
    error instanceof errors.SocketError ||
    (error instanceof Error && 'code' in error && ['ECONNRESET', 'EPIPE'].includes(String(error.code)))
  );
}

function secondsOf(header: string | string[] | undefined): number | null {
  return typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : null;
}

/** In words that reveal nothing internal; the codes of sockets and TLS are what the receiver's people need. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'the request failed';
  if (error instanceof AddressRefused) return `not sent: ${error.message}`;
  if (error instanceof errors.HeadersTimeoutError) return 'no answer in time';
  if (error instanceof errors.ConnectTimeoutError) return 'no connection in time';
  if (error instanceof errors.HTTPParserError) return 'the answer is not HTTP';
  if (error.name === 'AbortError') return 'broken off by us';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return `the connection failed: ${code}`;
}
