// The examples of the document, played against a fresh service in their order: each is answered as it says, and the schemas describe the answer.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { EXAMPLE_REQUESTS, exampleAnswer, exampleRequest } from '../../src/api/rest/examples.ts';
import { ROUTES } from '../../src/api/rest/routes.ts';
import type { Service } from './service.ts';
import { startExamples, type Told, tellExamples } from './tell-examples.ts';

let service: Service;
let story: readonly Told[];

beforeAll(async () => {
  service = await startExamples();
  story = await tellExamples(service);
});
afterAll(() => service.close());

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

test('every operation has an example', () => {
  expect([...new Set(EXAMPLE_REQUESTS.map(({ operationId }) => operationId))].sort()).toEqual(
    ROUTES.map(({ operationId }) => operationId).sort(),
  );
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
