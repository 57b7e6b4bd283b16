// In charge of receiving webhooks as a careful consumer does, in a separate process: every signature is verified, and every change must come
// after the one before it. Records how long after its decision each change arrived.
import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { systemClock } from '../src/base/clock.ts';
import { answerParent } from './child.ts';

export type ReceiverQuestion =
  | { readonly kind: 'listen' }
  | { readonly kind: 'expect'; readonly secret: string }
  | { readonly kind: 'report'; readonly withDelays: boolean };

export interface ReceiverReport {
  readonly messages: number;
  readonly changes: number;
  readonly lastPosition: number;
  readonly wrongSignatures: number;
  /** changes that did not come after the one before */
  readonly wrongOrder: number;
  /** from the first message's arrival to the last one's; the first message's changes came before it */
  readonly seconds: number;
  readonly changesAfterFirst: number;
  readonly delaysMs: readonly number[];
  readonly cpuSeconds: number;
}

interface Received {
  readonly type: string;
  readonly data: { readonly changes: readonly { readonly position: number; readonly at: string }[] };
}

let secret = Buffer.alloc(0);
let counts = emptyCounts();

function emptyCounts() {
  return {
    messages: 0,
    changes: 0,
    firstChanges: 0,
    lastPosition: 0,
    wrongSignatures: 0,
    wrongOrder: 0,
    firstMs: 0,
    lastMs: 0,
    delaysMs: [] as number[],
  };
}

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    take(request.headers, Buffer.concat(chunks));
    response.writeHead(204).end();
  });
});

function take(headers: http.IncomingHttpHeaders, body: Buffer): void {
  const nowMs = systemClock.nowMs();
  if (!isSigned(headers, body)) counts.wrongSignatures += 1;
  const { type, data } = JSON.parse(body.toString()) as Received;
  if (type !== 'segment.membership.changed') return;
  if (counts.messages === 0) counts.firstMs = performance.now();
  counts.lastMs = performance.now();
  counts.messages += 1;
  counts.changes += data.changes.length;
  if (counts.messages === 1) counts.firstChanges = data.changes.length;
  for (const { position, at } of data.changes) {
    if (position <= counts.lastPosition) counts.wrongOrder += 1;
    counts.lastPosition = position;
    counts.delaysMs.push(nowMs - Date.parse(at));
  }
}

function isSigned(headers: http.IncomingHttpHeaders, body: Buffer): boolean {
  const expected = createHmac('sha256', secret).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`).update(body).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .some((given) => {
      const bytes = Buffer.from(given.replace('v1,', ''), 'base64');
      return bytes.length === expected.length && timingSafeEqual(bytes, expected);
    });
}

function report(withDelays: boolean): ReceiverReport {
  const { firstMs, lastMs, firstChanges, delaysMs, ...rest } = counts;
  const { user, system } = process.cpuUsage();
  return {
    ...rest,
    seconds: (lastMs - firstMs) / 1000,
    changesAfterFirst: counts.changes - firstChanges,
    delaysMs: withDelays ? delaysMs : [],
    cpuSeconds: (user + system) / 1e6,
  };
}

answerParent(async (question: ReceiverQuestion) => {
  switch (question.kind) {
    case 'listen':
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server.address();
    case 'expect':
      secret = Buffer.from(question.secret.replace('whsec_', ''), 'base64');
      counts = emptyCounts();
      return null;
    case 'report':
      return report(question.withDelays);
  }
});
