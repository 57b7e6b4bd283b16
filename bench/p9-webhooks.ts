// P9: webhooks to a receiver in a separate process that verifies each signature and the order: how many changes a second if there is a backlog,
// and how long after its decision a change is received if there is none.
import { randomBytes } from 'node:crypto';
import { systemClock } from '../src/base/clock.ts';
import { SeededRandom } from '../src/base/seeded-random.ts';
import { type Bench, drainOutbox } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { processSeconds } from './processes.ts';
import type { ReceiverQuestion, ReceiverReport } from './receiver.ts';
import type { Service } from './service.ts';
import { orderBody } from './shop.ts';

const LOOK_MS = 50;
const BACKLOG_SECONDS = 8;
const LEAST_IDLE_CHANGES = 100;
const IDLE_SECONDS = 15;
/** Writes are spaced by up to this much, so that none waits for the one before. */
const MOST_PAUSE_MS = 150;
const PATIENCE_MS = 5000;

export async function measureWebhooks(bench: Bench): Promise<void> {
  const service = await bench.service();
  await drainOutbox(bench.server, bench.strataDatabase);
  const receiver = startChild('receiver.ts');
  try {
    const { port } = await ask<{ port: number }>(receiver, { kind: 'listen' });
    await measureBacklog(bench, service, receiver, port);
    await measureIdle(bench, service, receiver, port);
  } finally {
    await receiver.stop();
  }
}

function ask<Answer>(receiver: Child, question: ReceiverQuestion): Promise<Answer> {
  return receiver.ask<Answer>(question);
}

/** Makes a webhook that exists while the work is done. */
async function withWebhook(service: Service, receiver: Child, port: number, from: object, work: () => Promise<void>): Promise<void> {
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  await ask(receiver, { kind: 'expect', secret });
  const url = `http://127.0.0.1:${port}/hooks/strata`;
  const webhook = await service.call('POST', '/v1/webhooks', { url, types: ['segment.membership.changed'], secret, ...from });
  try {
    await work();
  } finally {
    await service.call('DELETE', `/v1/webhooks/${webhook['id']}`);
  }
}

function requireRight({ wrongSignatures, wrongOrder }: ReceiverReport): void {
  if (wrongSignatures + wrongOrder > 0) throw new Error(`${wrongSignatures} wrong signatures, ${wrongOrder} changes out of order`);
}

async function measureBacklog(bench: Bench, service: Service, receiver: Child, port: number): Promise<void> {
  bench.say('webhooks: a backlog');
  const end = await feedEnd(bench);
  const cpu = () => ({ postgres: bench.server.cpuSeconds(), service: processSeconds(service.pid), receiver: processSeconds(receiver.pid) });
  const before = cpu();
  const untilMs = performance.now() + BACKLOG_SECONDS * 1000;
  await withWebhook(service, receiver, port, { from: 0 }, async () => {
    const look = () => ask<ReceiverReport>(receiver, { kind: 'report', withDelays: false });
    let report = await look();
    while (report.lastPosition < end && performance.now() < untilMs) {
      await systemClock.sleep(LOOK_MS);
      report = await look();
    }
    const after = cpu();
    requireRight(report);
    const spent = (what: 'postgres' | 'service' | 'receiver') => Number((((after[what] - before[what]) * 1e6) / report.changes).toFixed(1));
    bench.report({
      id: 'P9',
      what: 'webhook delivery of a backlog, signed, in order, one receiver',
      value: report.changesAfterFirst / report.seconds,
      unit: 'changes/s',
      reference: null,
      ratio: null,
      target: { sense: '>=', value: 10_000 },
      detail: {
        changes: report.changes,
        messages: report.messages,
        seconds: report.seconds,
        perChangeCpuMicroseconds: { postgres: spent('postgres'), service: spent('service'), receiver: spent('receiver') },
      },
    });
  });
}

async function feedEnd({ server, strataDatabase }: Bench): Promise<number> {
  const client = await server.connect(strataDatabase);
  try {
    const { rows } = await client.query<{ position: string }>('select f.position from feed as f');
    return Number(rows[0]?.position);
  } finally {
    await client.end();
  }
}

/** One order at a time, with pauses; the time counts from each change's decision. */
async function measureIdle(bench: Bench, service: Service, receiver: Child, port: number): Promise<void> {
  bench.say('webhooks: an idle service');
  const random = new SeededRandom(bench.seed + 37);
  await withWebhook(service, receiver, port, {}, async () => {
    let changes = 0;
    const untilMs = performance.now() + IDLE_SECONDS * 1000;
    for (let order = 1; changes < LEAST_IDLE_CHANGES && performance.now() < untilMs; order += 1) {
      const { id, ...drawn } = bench.shop.drawOrder(random, `webhook-${order}`, systemClock.nowMs());
      const answer = await service.call('PUT', `/v1/orders/${id}`, orderBody({ id, ...drawn }, false, false));
      changes += Number(answer['changes']);
      await systemClock.sleep(random.integer(20, MOST_PAUSE_MS));
    }
    const look = () => ask<ReceiverReport>(receiver, { kind: 'report', withDelays: true });
    const patientUntilMs = performance.now() + PATIENCE_MS;
    let report = await look();
    while (report.changes < changes && performance.now() < patientUntilMs) {
      await systemClock.sleep(LOOK_MS);
      report = await look();
    }
    requireRight(report);
    if (changes === 0 || report.changes !== changes) throw new Error(`${report.changes} of ${changes} changes were received`);
    const delaysMs = [...report.delaysMs].sort((a, b) => a - b);
    const at = (share: number) => delaysMs[Math.min(delaysMs.length - 1, Math.floor(delaysMs.length * share))] as number;
    bench.report({
      id: 'P9-p95',
      what: 'p95 from change to delivery, idle',
      value: at(0.95),
      unit: 'ms',
      reference: null,
      ratio: null,
      target: { sense: '<=', value: 150 },
      detail: { changes, p50Ms: at(0.5), p99Ms: at(0.99), mostMs: delaysMs.at(-1) },
    });
  });
}
