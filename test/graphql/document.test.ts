// The examples of docs/graphql.md, run in their order; and a client that consumes the subscription as described there.
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { GRAPHQL_LIMITS } from '../../src/api/graphql/limits.ts';
import { buildApp } from '../../src/app.ts';
import { ADMIN_KEY, AUTHORIZED, built, type Service, startService } from '../api/service.ts';

const text = readFileSync('docs/graphql.md', 'utf8');
const examples = [...text.matchAll(/```graphql\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');

let service: Service;

beforeAll(async () => {
  service = await startService();
  await service.app.listen({ host: '127.0.0.1', port: 0 });
});

afterAll(() => service.close());

test('every example is answered without an error', async () => {
  expect(examples.length).toBeGreaterThan(3);
  for (const query of examples) {
    if (query.startsWith('subscription')) continue;
    const { body } = await service.call('POST', '/graphql', { query }, { accept: 'application/graphql-response+json' });
    expect([query.slice(0, 40), body.errors]).toEqual([query.slice(0, 40), undefined]);
    if (query.startsWith('mutation')) await built(service, 'buyers');
  }
});

test('the page shows who bought what', async () => {
  const query = examples.find((example) => example.startsWith('query Page'));
  const { body } = await service.call('POST', '/graphql', { query, variables: { first: 10 } });
  expect(body.data.segment.members.edges[0].node.customer).toMatchObject({
    id: 'ada',
    segments: [{ key: 'buyers' }],
    orders: { edges: [{ node: { id: '1001', total: '39.90' } }] },
  });
});

test('the subscription is followed as written', async () => {
  const query = examples.find((example) => example.startsWith('subscription')) ?? '';
  const url = `ws://127.0.0.1:${(service.app.server.address() as AddressInfo).port}/graphql`;
  const client = createClient({ url, connectionParams: { authorization: `Bearer ${ADMIN_KEY}` }, webSocketImpl: WebSocket });
  const { body } = await service.call('POST', '/graphql', { query: '{ changes(first: 1) { edges { cursor } } }' });
  await service.call('PUT', '/v1/orders/1002', { customerId: 'bob', total: '1' });
  const seen: string[] = [];
  for await (const { data } of client.iterate({ query, variables: { after: body.data.changes.edges[0].cursor } })) {
    seen.push((data as { membershipChanged: { node: { customerId: string } } }).membershipChanged.node.customerId);
    break;
  }
  await client.dispose();
  expect(seen).toEqual(['bob']);
});

test('the limits stand there as they are', () => {
  const { documentChars, documentTokens, depth, fields, aliases, directives, cost } = GRAPHQL_LIMITS;
  const { socketsOfKey, operationsOfSocket, socketsOfToken, waitingOfAddress } = GRAPHQL_LIMITS;
  for (const line of [
    `${documentChars.toLocaleString('en')} and ${documentTokens.toLocaleString('en')}`,
    `${depth} · ${fields.toLocaleString('en')} · ${aliases} · ${directives}`,
    `| cost | ${cost.toLocaleString('en')}:`,
    `${socketsOfKey} · ${operationsOfSocket} · `,
    `${socketsOfToken} · ${waitingOfAddress} |`,
  ])
    expect(text).toContain(line);
});

test('introspection can be switched off', async () => {
  const app = await buildApp({ strata: service.strata, adminKey: ADMIN_KEY, introspection: false });
  const payload = (query: string) => ({ method: 'POST' as const, url: '/graphql', headers: AUTHORIZED, payload: { query } });
  expect((await app.inject(payload('{ __schema { types { name } } }'))).json().errors[0].extensions.code).toBe('forbidden');
  expect((await app.inject(payload('{ __type(name: "Query") { name } }'))).json().errors[0].extensions.code).toBe('forbidden');
  expect((await app.inject(payload('{ __typename }'))).json()).toEqual({ data: { __typename: 'Query' } });
  await app.close();
});
