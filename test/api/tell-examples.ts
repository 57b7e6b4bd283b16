// In charge of playing the examples of the document against a service, in their order. Not of what the answers are compared with.
import type { AddressInfo } from 'node:net';
import { EXAMPLE_REQUESTS, type ExampleAnswer, type ExampleRequest, fillIn } from '../../src/api/rest/examples.ts';
import type { Route } from '../../src/api/rest/route.ts';
import { ROUTES } from '../../src/api/rest/routes.ts';
import { TestClock } from '../../src/base/clock.ts';
import type { TestDatabase } from '../database.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';
import { settleAudit } from './audit-entries.ts';
import { AUTHORIZED, type Service, startService } from './service.ts';

const START = '2026-06-15T12:00:00.000Z';

export interface Told {
  readonly request: ExampleRequest;
  readonly route: Route;
  readonly answer: ExampleAnswer;
}

/** Nothing happens by itself in it, and it listens. */
export async function startExamples(database?: TestDatabase): Promise<Service> {
  const service = await startService({
    clock: new TestClock(Date.parse(START)),
    background: false,
    ...(database === undefined ? {} : { database }),
    webhookSend: {
      lookup: (_name, _options, done) => setImmediate(done, Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '', 4),
    },
  });
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  return service;
}

export async function tellExamples(service: Service): Promise<readonly Told[]> {
  const routes = new Map(ROUTES.map((route) => [route.operationId, route]));
  const told: Told[] = [];
  const answered = (operationId: string) => told.find(({ request }) => request.operationId === operationId)?.answer.body;
  for (const each of EXAMPLE_REQUESTS) {
    const route = routes.get(each.operationId);
    if (route === undefined) throw new Error(`there is no operation ${each.operationId}`);
    const request = fillIn(each, answered);
    told.push({ request, route, answer: await ask(service, request, route) });
    if (each.operationId !== 'publishVersion') await settle(service); // its run is cancelled
  }
  return told;
}

/** What happens by itself in a service that runs: runs, numbers of the feed, the chain of the audit. */
async function settle({ strata }: Service): Promise<void> {
  await finishRuns(strata);
  await publishChanges(strata);
  await settleAudit(strata);
}

async function ask(service: Service, request: ExampleRequest, route: Route): Promise<ExampleAnswer> {
  const path = route.path.replace(/:(\w+)/g, (_, name) => encodeURIComponent(request.params?.[name] ?? ''));
  const url = request.query === undefined ? path : `${path}?${new URLSearchParams(request.query)}`;
  if (route.media === 'text/event-stream') return readStream(service, url);
  const headers = request.contentType === undefined ? {} : { 'content-type': request.contentType };
  const answer = await service.call(route.method, url, request.body, headers);
  return { status: answer.status, body: answer.body ?? answer.text };
}

/** The first event of it, as it comes over the wire. */
async function readStream(service: Service, url: string): Promise<ExampleAnswer> {
  const { port } = service.app.server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}${url}`, { headers: AUTHORIZED });
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString();
    const event = /^id: .*\n[\s\S]*?\n\n/m.exec(text);
    if (event !== null) return { status: answer.status, body: event[0] };
  }
  return { status: answer.status, body: text };
}
