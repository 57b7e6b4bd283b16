// In charge of what this process measures about itself: every metric with its name, its help and its labels, in a registry of its own.
// docs/operations.md lists them, and test/keeping/metrics.test.ts holds it to that. Not of serving them (api/rest/metrics.ts).
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const EVALUATION_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const LATENESS_S = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200];
const REQUEST_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type Meters = ReturnType<typeof createMeters>;

/** Counters with a label for the kind begin at 0 for each kind, so that an alert on their growth sees the first one. */
export function createMeters(kinds: { readonly mismatches: readonly string[] }) {
  const registry = new Registry();
  const { gauge, counter, histogram } = metersIn(registry);
  const mismatches = counter('strata_self_check_mismatches_total', 'What the self-check found wrong and mended, by kind', ['kind']);
  for (const kind of kinds.mismatches) mismatches.inc({ kind }, 0);
  return {
    registry,
    evaluation: histogram(
      'strata_evaluation_seconds',
      'Statements that evaluate rules: of the customers of a write or a look, or a scan',
      EVALUATION_S,
      ['of'],
    ),
    lateness: histogram('strata_look_lateness_seconds', 'How late customers were looked at who change by the clock alone', LATENESS_S),
    checked: counter('strata_self_check_customers_total', 'Customers that the self-check has compared'),
    mismatches,
    requests: counter('strata_http_requests_total', 'Answered requests', ['method', 'route', 'status']),
    requestSeconds: histogram('strata_http_request_seconds', 'From a request’s headers to the end of its answer', REQUEST_S, [
      'method',
      'route',
    ]),
    failedWork: counter('strata_background_failures_total', 'Background work that failed and is tried again', ['work']),
    replicaFailures: counter('strata_replica_failures_total', 'Reads that failed on the replica and were repeated on the primary'),
    databaseUp: gauge('strata_database_up', '1: the database answered this scrape; 0: it did not, and what it would have told is left out'),
    replicaUp: gauge('strata_replica_up', '1: reads go to the replica of READ_DATABASE_URL; 0: there is none, or it does not serve'),
    replicaLag: gauge('strata_replica_lag_bytes', 'What the replica has yet to apply of the log'),
    pool: gauge('strata_database_connections', 'Connections of the pool, those it may yet open, and who waits for one', ['state']),
    vitals: createVitals(),
  };
}

/** Asked of the database at each scrape; in a registry of their own, and left out if it does not answer. */
function createVitals() {
  const registry = new Registry();
  const { gauge } = metersIn(registry);
  return {
    registry,
    feedPosition: gauge('strata_feed_position', 'The last position of the feed'),
    outboxChanges: gauge('strata_feed_waiting_changes', 'Committed changes that have no position yet; counted to 100,000'),
    outboxAge: gauge('strata_feed_lag_seconds', 'How long the oldest change has waited for its position'),
    dueLooks: gauge('strata_looks_due', 'Customers whose look is due now; counted to 100,000'),
    dueAge: gauge('strata_looks_lag_seconds', 'How long the longest due customer has waited'),
    pending: gauge('strata_evaluations_owed', 'Customers that imports have yet to evaluate; counted to 100,000'),
    runs: gauge('strata_runs_open', 'Full evaluations that are queued or running', ['status']),
    runAge: gauge('strata_run_age_seconds', 'How long ago the oldest open run was queued'),
    imports: gauge('strata_imports_running', 'Imports that are under way'),
    segments: gauge('strata_segments', 'Segments by status', ['status']),
    webhooks: gauge('strata_webhooks', 'Webhooks by status', ['status']),
    webhookLag: gauge('strata_webhook_lag_seconds', 'How long the first change has waited that an active webhook has yet to take', [
      'webhook',
    ]),
    webhookChanges: gauge('strata_webhook_waiting_changes', 'Changes of the feed that an active webhook has yet to take, wanted or not', [
      'webhook',
    ]),
    webhookFailures: gauge('strata_webhook_failures', 'Attempts that failed of what is under way to an active webhook', ['webhook']),
    walkAge: gauge('strata_self_check_walk_age_seconds', 'How long ago the self-check last came to the end of everybody'),
  };
}

function metersIn(registry: Registry) {
  const registers = [registry];
  return {
    gauge: <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
      new Gauge<Label>({ name, help, labelNames, registers }),
    counter: <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
      new Counter<Label>({ name, help, labelNames, registers }),
    histogram: <Label extends string = never>(name: string, help: string, buckets: readonly number[], labelNames: readonly Label[] = []) =>
      new Histogram<Label>({ name, help, buckets: [...buckets], labelNames, registers }),
  };
}

/** Memory, CPU, event loop and garbage collection: they belong to the process, so they are collected only once in it. */
export function measureProcess({ registry }: Meters): void {
  collectDefaultMetrics({ register: registry });
}
