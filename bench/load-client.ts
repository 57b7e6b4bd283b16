// In charge of pressing a service from a separate process: some keep-alive connections, each sending its next request when the last was
// answered. Raw sockets and as little parsing as possible, since client and service share the machine's cores. A message from its parent tells
// it what to do.
import net from 'node:net';

export interface LoadOrder {
  readonly host: string;
  readonly port: number;
  readonly key: string;
  readonly clients: number;
  readonly seconds: number;
  /** how long each client rests after an answer; absent: it does not rest, and the service gets as much load as it can take */
  readonly restMs?: number;
  /** one entry per request: method, path and body */
  readonly requests: readonly (readonly [method: string, path: string, body: string])[];
}

export interface LoadOutcome {
  readonly answered: number;
  readonly refused: number;
  readonly firstRefusal: string | null;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly clientSeconds: number;
  /** one body, to show what was answered */
  readonly sample: string;
}

function run(order: LoadOrder): Promise<LoadOutcome> {
  const requests = order.requests.map(([method, path, body]) => print(order, method, path, body));
  const durations: number[] = [];
  let next = 0;
  let refused = 0;
  let firstRefusal: string | null = null;
  let sample = '';
  const startMs = performance.now();
  const endMs = startMs + order.seconds * 1000;
  const startCpu = process.cpuUsage();
  const take = () => (performance.now() < endMs ? requests[next++] : undefined);
  const note = (status: string, body: () => string, durationMs: number) => {
    durations.push(durationMs);
    if (sample === '') sample = body();
    if (status.startsWith('2')) return;
    refused += 1;
    firstRefusal ??= `${status} ${body()}`;
  };
  const clients = Array.from({ length: order.clients }, () => press(order, take, note));
  return Promise.all(clients).then(() => {
    const seconds = (performance.now() - startMs) / 1000;
    const cpu = process.cpuUsage(startCpu);
    durations.sort((a, b) => a - b);
    const at = (share: number) => Number((durations[Math.min(durations.length - 1, Math.floor(durations.length * share))] ?? 0).toFixed(3));
    return {
      answered: durations.length,
      refused,
      firstRefusal,
      seconds: Number(seconds.toFixed(3)),
      perSecond: Math.round(durations.length / seconds),
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
      clientSeconds: Number(((cpu.user + cpu.system) / 1e6).toFixed(2)),
      sample,
    };
  });
}

function print({ host, port, key }: LoadOrder, method: string, path: string, body: string): Buffer {
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n`;
  return Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** Keeps one connection busy until there is nothing left to send. */
function press(
  { host, port, restMs = 0 }: LoadOrder,
  take: () => Buffer | undefined,
  note: (status: string, body: () => string, durationMs: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true });
    let sentMs = 0;
    let unread: Buffer | null = null;
    const send = () => {
      const request = take();
      if (request === undefined) {
        socket.end();
        resolve();
        return;
      }
      sentMs = performance.now();
      socket.write(request);
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the service closed a connection'))); // after resolve it has no effect
    socket.on('data', (chunk: Buffer) => {
      const data = unread === null ? chunk : Buffer.concat([unread, chunk]);
      unread = data;
      const headEnd = data.indexOf('\r\n\r\n');
      if (headEnd === -1) return;
      const length = readLength(data, headEnd);
      if (length === null) return reject(new Error(`an answer without its length: ${data.toString('latin1', 0, headEnd)}`));
      const bodyStart = headEnd + 4;
      if (data.length < bodyStart + length) return;
      unread = null;
      note(data.toString('latin1', 9, 12), () => data.toString('utf8', bodyStart), performance.now() - sentMs);
      if (restMs === 0) send();
      else setTimeout(send, restMs);
    });
  });
}

/** The header `content-length`, without making text of the others; `ontent-` since some servers begin it with a capital. */
function readLength(data: Buffer, headEnd: number): number | null {
  for (let at = data.indexOf('ontent-', 0, 'latin1'); at !== -1 && at < headEnd; at = data.indexOf('ontent-', at + 1, 'latin1')) {
    const from = at + 'ontent-'.length;
    if (data.toString('latin1', from, from + 8).toLowerCase() !== 'length: ') continue;
    return Number.parseInt(data.toString('latin1', from + 8, Math.min(from + 20, headEnd)), 10);
  }
  return null;
}

process.once('message', (order: LoadOrder) => {
  run(order).then(
    (outcome) => process.send?.({ outcome }, () => process.disconnect()),
    (error: unknown) => process.send?.({ failure: String(error) }, () => process.disconnect()),
  );
});
