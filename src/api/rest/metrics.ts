// In charge of the metrics in Prometheus' format: what the process has counted, and what the database says at the time of the scrape.
import { z } from 'zod';
import type { Meters } from '../../base/meters.ts';
import type { SegmentStatus } from '../../catalog/catalog.ts';
import { readVitals, type Vitals } from '../../changes/read-vitals.ts';
import { readPoolUse } from '../../db/database.ts';
import type { Strata } from '../../strata.ts';
import { readWebhookLag, type WebhookLag } from '../../webhooks/places.ts';
import { type Route, route } from './route.ts';

const METRICS_PATH = '/metrics';
const SEGMENT_STATUSES: readonly SegmentStatus[] = ['draft', 'building', 'active', 'paused', 'failed', 'archiving', 'archived'];

export const metricsRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: METRICS_PATH,
    operationId: 'getMetrics',
    tag: 'service',
    scope: 'metrics',
    summary: 'Metrics in the text form of Prometheus',
    description: 'What each means, and alerts to begin with: docs/operations.md. With METRICS_PUBLIC=true they need no key.',
    media: 'text/plain',
    answers: { 200: z.string() },
    handle: async ({ strata, reply }) => {
      reply.type(strata.meters.registry.contentType);
      return measure(strata);
    },
  }),
];

/** METRICS_PUBLIC: anybody who can reach the port may read them. */
export function openMetrics(routes: readonly Route[]): readonly Route[] {
  return routes.map((each) => {
    if (each.path !== METRICS_PATH) return each;
    const { scope: _, ...open } = each;
    return { ...open, public: true } as Route;
  });
}

/** The process's own are given even if the database does not answer: that is when people look at them. */
async function measure({ database, reads, clock, log, meters }: Strata): Promise<string> {
  const { vitals, registry, pool, databaseUp } = meters;
  for (const [state, connections] of Object.entries(readPoolUse(database))) pool.set({ state }, connections);
  meters.replicaUp.set(reads.state === 'up' ? 1 : 0);
  meters.replicaLag.set(reads.lagBytes ?? Number.NaN);
  try {
    const [found, lags] = await Promise.all([readVitals(database, clock), readWebhookLag(database, clock)]);
    setVitals(vitals, found);
    setWebhooks(vitals, lags);
  } catch (error) {
    log.warn({ err: error }, 'the database did not answer a scrape of the metrics');
    databaseUp.set(0);
    return registry.metrics();
  }
  databaseUp.set(1);
  return `${await registry.metrics()}\n${await vitals.registry.metrics()}`;
}

function setVitals(gauges: Meters['vitals'], vitals: Vitals): void {
  gauges.feedPosition.set(vitals.feedPosition);
  gauges.outboxChanges.set(vitals.outboxChanges);
  gauges.outboxAge.set(vitals.outboxAgeS);
  gauges.dueLooks.set(vitals.dueLooks);
  gauges.dueAge.set(vitals.dueAgeS);
  gauges.pending.set(vitals.pending);
  gauges.runs.set({ status: 'queued' }, vitals.queuedRuns);
  gauges.runs.set({ status: 'running' }, vitals.runningRuns);
  gauges.runAge.set(vitals.runAgeS);
  gauges.imports.set(vitals.imports);
  for (const status of SEGMENT_STATUSES) gauges.segments.set({ status }, vitals.segments[status] ?? 0);
  gauges.walkAge.set(vitals.walkAgeS ?? Number.NaN);
}

/** By id, and only for webhooks that exist: a deleted one has no lag. */
function setWebhooks({ webhooks, webhookLag, webhookChanges, webhookFailures }: Meters['vitals'], lags: readonly WebhookLag[]): void {
  for (const each of [webhookLag, webhookChanges, webhookFailures]) each.reset();
  for (const status of ['active', 'paused', 'disabled'] as const) {
    webhooks.set({ status }, lags.filter((lag) => lag.status === status).length);
  }
  for (const { id: webhook, status, seconds, behind, failures } of lags) {
    if (status !== 'active') continue;
    webhookLag.set({ webhook }, seconds);
    webhookChanges.set({ webhook }, behind);
    webhookFailures.set({ webhook }, failures);
  }
}
