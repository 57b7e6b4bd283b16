// What a collector is sent when traces are configured: which span is part of which, how it ended, and nothing about any person.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTracing } from '../../src/base/tracing.ts';
import { readConfig } from '../../src/config.ts';
import { type OpenTracing, openTracing } from '../../src/open-tracing.ts';
import { built, type Service, startService } from '../api/service.ts';
import { until } from '../faults/until.ts';

interface Told {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly status: { readonly code?: number };
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links?: readonly { readonly spanId: string }[];
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const UNSAMPLED = { traceparent: `00-${TRACE.replace('0a', '0b')}-${CALLER}-00` };
/** Until the order leaves the window: it has been written by then, however busy the machine. */
const SOON_MS = 6000;

const spans: Told[] = [];
let received = '';
let headers: http.IncomingHttpHeaders = {};
let resource: Readonly<Record<string, unknown>> = {};
let collector: http.Server;
let tracing: OpenTracing | null;
let service: Service;

type Value = { readonly key: string; readonly value: Readonly<Record<string, unknown>> };

function attributesOf(values: readonly Value[] = []): Readonly<Record<string, unknown>> {
  return Object.fromEntries(values.map(({ key, value }) => [key, Object.values(value)[0]]));
}

function collect(body: string): void {
  received += body;
  for (const group of JSON.parse(body).resourceSpans) {
    resource = attributesOf(group.resource.attributes);
    for (const scope of group.scopeSpans)
      for (const span of scope.spans) spans.push({ ...span, attributes: attributesOf(span.attributes) });
  }
}

function startCollector(answer: (request: http.IncomingMessage, body: string) => number): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => response.writeHead(answer(request, body)).end('{}'));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const urlOf = (server: http.Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const named = (name: string) => spans.filter((span) => span.name === name);
const partsOf = (span: Told | undefined) => spans.filter((each) => each.parentSpanId === span?.spanId);
const oneOf = (name: string, request: string) =>
  spans.find((span) => span.name === name && spans.some((of) => of.spanId === span.parentSpanId && of.name === request));

beforeAll(async () => {
  collector = await startCollector((request, body) => {
    if (request.url === '/hook') return 204;
    headers = request.headers;
    expect(request.url).toBe('/v1/traces');
    collect(body);
    return 200;
  });
  const config = readConfig({
    OTEL_EXPORTER_OTLP_ENDPOINT: urlOf(collector),
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=se%20cret',
    OTEL_SERVICE_NAME: 'segments',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  tracing = await openTracing(config, (trouble) => expect.fail(trouble));
  service = await startService({ webhookAllow: ['127.0.0.0/8'] });
  await play();
  await service.close();
  await tracing?.close();
});

afterAll(async () => {
  await new Promise((resolve) => collector.close(resolve));
});

async function play(): Promise<void> {
  const { call } = service;
  await call('POST', '/v1/webhooks', { url: `${urlOf(collector)}/hook`, types: ['segment.membership.changed'] });
  await call('POST', '/v1/segments', {
    key: 'lively',
    name: 'Lively',
    kind: 'rule',
    rule: 'count(orders in the last 1 hours) >= 1',
    publish: true,
  });
  await built(service, 'lively');
  const placedAt = new Date(service.strata.clock.nowMs() - 3_600_000 + SOON_MS).toISOString();
  const order = { customerId: 'private-ada', status: 'secret-status', total: '12.50', placedAt };
  await call('PUT', '/v1/orders/private-order', order, { traceparent: `00-${TRACE}-${CALLER}-01` });
  await Promise.all(
    ['private-a', 'private-b', 'private-c'].map((id) => call('PUT', `/v1/customers/${id}`, { email: 'private@person.example' })),
  );
  await call('PUT', '/v1/customers/private-d', {}, UNSAMPLED);
  await call('GET', '/v1/customers/private-nobody/segments');
  await call('GET', '/v1/private-path');
  await until('both changes are delivered', async () => {
    const { data } = (await call('GET', '/v1/webhooks', undefined, UNSAMPLED)).body;
    return data[0].position >= 2;
  });
}

describe('traces', () => {
  test('say which service they are of', () => {
    expect(resource).toMatchObject({ 'service.name': 'segments', 'deployment.environment.name': 'test' });
    expect(headers['api-key']).toBe('se cret');
  });

  test('carry the caller’s trace on', () => {
    const [request] = named('PUT /v1/orders/:orderId');
    expect(request).toMatchObject({ traceId: TRACE, parentSpanId: CALLER });
    expect(request?.attributes).toMatchObject({ 'http.route': '/v1/orders/:orderId', 'http.response.status_code': 200 });
    expect(request?.attributes['strata.request_id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('show a write down to its statements', () => {
    const write = oneOf('write', 'PUT /v1/orders/:orderId');
    const transactions = partsOf(write).filter((span) => span.name === 'transaction'); // the first may have met older definitions
    const transaction = transactions.find((span) => partsOf(span).some((part) => part.name === 'commit'));
    const names = partsOf(transaction).map((span) => span.name);
    expect(names).toEqual(expect.arrayContaining(['begin', 'share_definitions', 'ingest_lock_customers', 'evaluate', 'commit']));
    const [evaluation] = partsOf(transaction).filter((span) => span.name === 'evaluate');
    expect(evaluation?.attributes).toMatchObject({ 'strata.segments': 1, 'strata.differences': 1 });
    expect(partsOf(evaluation).map((span) => span.name)).toEqual(
      expect.arrayContaining(['set_time_limit', expect.stringMatching(/^evaluate_/)]),
    );
  });

  test('tell each asker of a shared write', () => {
    const requests = named('PUT /v1/customers/:customerId').map((span) => span.spanId);
    expect(requests).toHaveLength(3);
    const told = named('write').flatMap((write) => [write.parentSpanId, ...(write.links ?? []).map((link) => link.spanId)]);
    expect(told).toEqual(expect.arrayContaining(requests));
  });

  test('tell of refusals and unknown paths by status', () => {
    expect(named('GET /v1/customers/:customerId/segments')[0]?.attributes).toMatchObject({ 'http.response.status_code': 404 });
    expect(named('GET none')[0]?.attributes).toMatchObject({ 'http.response.status_code': 404 });
  });

  test('tell of runs, looks, numbering and deliveries', () => {
    expect(named('run')[0]?.attributes).toMatchObject({ 'strata.cause': 'definition' });
    expect(partsOf(named('run')[0]).length).toBeGreaterThan(0);
    expect(named('look at due').map((span) => span.attributes['strata.customers'])).toContain(1);
    expect(named('publish').map((span) => span.attributes['strata.changes'])).toContain(1);
    expect(named('deliver').map((span) => span.attributes['http.response.status_code'])).toContain(204);
  });

  test('keep nothing that the caller does not', () => {
    expect(received).not.toContain(UNSAMPLED.traceparent.split('-')[1]);
  });

  test('name no person, no value and no path', () => {
    expect(received).not.toMatch(/private|secret-status|12\.50?/);
  });

  test('begin with requests or own work', () => {
    const known = new Set(spans.map((span) => span.spanId));
    const roots = spans.filter((span) => span.parentSpanId === undefined || !known.has(span.parentSpanId));
    expect(new Set(roots.map(({ name }) => name.replace(/^[A-Z]+ .*/, 'request')))).toEqual(
      new Set(['request', 'run', 'look at due', 'publish', 'deliver']),
    );
  });
});

describe('configuring traces', () => {
  test.each([{}, { OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }])('is off with %j', async (given) => {
    const endpoint = Object.keys(given).length === 0 ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: urlOf(collector) };
    expect(await openTracing(readConfig({ ...endpoint, ...given }), () => {})).toBeNull();
    expect(isTracing()).toBe(false);
  });

  test('refuses what would not be done', () => {
    const mistaken = () =>
      readConfig({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_HEADERS: 'hidden',
        OTEL_TRACES_SAMPLER: 'parentbased_traceidration',
        OTEL_TRACES_SAMPLER_ARG: '1.5',
      });
    expect(mistaken).toThrow(`The configuration has 5 mistakes:
- OTEL_EXPORTER_OTLP_ENDPOINT must look like http://collector:4318.
- OTEL_EXPORTER_OTLP_HEADERS must be a list like name=value,name=value, percent-encoded.
- OTEL_EXPORTER_OTLP_PROTOCOL must be one of http/json, and is ‘grpc’.
- OTEL_TRACES_SAMPLER must be one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio, and is ‘parentbased_traceidration’ (did you mean parentbased_traceidratio?).
- OTEL_TRACES_SAMPLER_ARG must be a share from 0 to 1, and is ‘1.5’.`);
  });

  test('loses spans and nothing else without a collector', async () => {
    const troubles: string[] = [];
    const config = readConfig({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/t', OTEL_TRACES_SAMPLER: 'always_on' });
    const lost = await openTracing(config, (message) => troubles.push(message));
    const other = await startService({ background: false });
    expect((await other.call('PUT', '/v1/customers/c1', {})).status).toBe(200);
    await other.close();
    await lost?.close();
    expect(troubles).toEqual(['the collector did not answer in time']);
  });
});
