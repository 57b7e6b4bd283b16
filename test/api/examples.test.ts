// The examples of the document, told to a fresh service in their order: each is answered as it says, and the schemas describe it.
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import {
  EXAMPLE_REQUESTS,
  type ExampleAnswer,
  type ExampleRequest,
  exampleAnswer,
  exampleRequest,
  fillIn,
} from '../../src/api/rest/examples.ts';
import type { Route } from '../../src/api/rest/route.ts';
import { ROUTES } from '../../src/api/rest/routes.ts';
import { TestClock } from '../../src/base/clock.ts';
import { moveOutbox } from '../../src/changes/publisher.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { settleAudit } from './audit-entries.ts';
import { AUTHORIZED, type Service, startService } from './service.ts';

const START = '2026-06-15T12:00:00.000Z';
let service: Service;
const routes = new Map(ROUTES.map((route) => [route.operationId, route]));

beforeAll(async () => {
  service = await startService({
    clock: new TestClock(Date.parse(START)),
    background: false,
    webhookSend: {
      lookup: (_name, _options, done) => setImmediate(done, Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '', 4),
    },
  });
  await service.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => service.close());

/** What happens by itself in a service that runs: runs, numbers of the feed, the chain of the audit. */
async function settle(): Promise<void> {
  const { strata } = service;
  await strata.programs.reload();
  while (await runOpenRuns(strata, new AbortController().signal));
  const client = await strata.database.pool.connect();
  while ((await moveOutbox(client, strata.timeZone)) > 0);
  client.release();
  await settleAudit(strata);
}

async function ask(request: ExampleRequest, route: Route): Promise<ExampleAnswer> {
  const path = route.path.replace(/:(\w+)/g, (_, name) => encodeURIComponent(request.params?.[name] ?? ''));
  const url = request.query === undefined ? path : `${path}?${new URLSearchParams(request.query)}`;
  if (route.media === 'text/event-stream') return readStream(url);
  const headers = request.contentType === undefined ? {} : { 'content-type': request.contentType };
  const answer = await service.call(route.method, url, request.body, headers);
  return { status: answer.status, body: answer.body ?? answer.text };
}

/** The first event of it, as it comes over the wire. */
async function readStream(url: string): Promise<ExampleAnswer> {
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

/** Whoever reads an example wants its shape: long answers are cut, each in a way that leaves it what its schema says. */
const CUTS: Readonly<Record<string, (body: never) => unknown>> = {
  getOpenapi: ({ openapi, info: { title, version } }: { openapi: string; info: Record<string, string> }) => ({
    openapi,
    info: { title, version },
  }),
  getRuleSchema: ({ $schema, $id, title }: Record<string, string>) => ({ $schema, $id, title }),
  getMetrics: (text: string) =>
    `${text
      .split('\n')
      .filter((line) => line.includes('strata_database_up'))
      .join('\n')}\n`,
  getReference: () => '<!doctype html>…',
  getCatalog: (body: Record<string, unknown[]>) =>
    Object.fromEntries(Object.entries(body).map(([name, list]) => [name, Array.isArray(list) ? list.slice(0, 2) : list])),
  listTemplates: ({ data, ...rest }: { data: unknown[] }) => ({ ...rest, data: data.slice(0, 1) }),
};

/** What differs each time, and what the document shows in its place. */
function steady(text: string): string {
  const known = new Map<string, string>();
  const number = (value: string) => known.get(value) ?? known.set(value, String(known.size + 1)).get(value) ?? '';
  const keyId = /strata_([0-9a-z]{12})_/.exec(text)?.[1] ?? 'no key';
  return text
    .replace(/strata_[0-9a-z]{12}_[\w-]{43}/g, 'strata_4k2m9x7qp3ta_ThisIsShownOnceAndKeptAsAHashItIsForYouAlone')
    .replaceAll(keyId, '4k2m9x7qp3ta')
    .replace(/whsec_[\w+/=]+/g, 'whsec_RXhhbXBsZSBvZiBhIHNlY3JldCwgdXNlIGEgYmV0dGVyIG9uZQ==')
    .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl')
    .replace(/(?<=token: )WzE[\w-]+/g, 'WzEsInNob3AiLCIwLzI1ODM2RTAiLCI3Il0')
    .replace(/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/g, (id) => `019ecb27-2200-7000-8000-${number(id).padStart(12, '0')}`)
    .replace(/(?<=msg_)[0-9a-f]{32}\b/g, (id) => `019ecb27220070008000${number(id).padStart(12, '0')}`)
    .replace(/\b[0-9a-f]{64}\b/g, (hash) => createHash('sha256').update(number(hash)).digest('hex'));
}

let story: readonly { readonly request: ExampleRequest; readonly route: Route; readonly answer: ExampleAnswer }[];

beforeAll(async () => {
  const told: { request: ExampleRequest; route: Route; answer: ExampleAnswer }[] = [];
  const answered = (operationId: string) => told.find(({ request }) => request.operationId === operationId)?.answer.body;
  for (const each of EXAMPLE_REQUESTS) {
    const route = routes.get(each.operationId);
    if (route === undefined) throw new Error(`there is no operation ${each.operationId}`);
    const request = fillIn(each, answered);
    told.push({ request, route, answer: await ask(request, route) });
    if (each.operationId !== 'publishVersion') await settle(); // its run is cancelled
  }
  story = told;
});

test('every operation has an example', () => {
  expect([...new Set(EXAMPLE_REQUESTS.map(({ operationId }) => operationId))].sort()).toEqual([...routes.keys()].sort());
});

test('the document shows what is answered', async () => {
  const refused = story.filter(({ route, answer }) => !(answer.status in route.answers));
  expect(refused.map(({ request, answer }) => [request.operationId, answer])).toEqual([]); // before anything is recorded
  const firsts = story.filter(
    ({ request }, index) => story.findIndex((each) => each.request.operationId === request.operationId) === index,
  );
  const shown = firsts.map(({ request: { operationId }, answer: { status, body } }) => {
    const cut = CUTS[operationId] ?? ((whole: unknown) => whole);
    return [operationId, { status, body: cut(body as never) }];
  });
  const head = '# Recorded by `vitest run test/api/examples.test.ts -u` from what a service answers. Do not edit.\n';
  const text = head + stringify(Object.fromEntries(shown), { lineWidth: 0, aliasDuplicateObjects: false });
  await expect(steady(text)).toMatchFileSnapshot('../../src/api/rest/example-answers.yaml');
});

test('what the document shows fits its schemas', () => {
  for (const { operationId, answers, body, params, query } of ROUTES) {
    const answer = exampleAnswer(operationId);
    const request = exampleRequest(operationId);
    const mistakes = [
      [answers[answer?.status ?? 0], answer?.body],
      [body?.kind === 'stream' ? undefined : body?.schema, request?.body ?? (body?.kind === 'schema' && body.optional ? {} : undefined)],
      [params, request?.params],
      [query, request?.query ?? {}],
    ].flatMap(([schema, value]) => (schema instanceof z.ZodType ? (schema.safeParse(value).error?.issues ?? []) : []));
    expect([operationId, mistakes]).toEqual([operationId, []]);
  }
});
