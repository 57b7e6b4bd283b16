// Tokens for browsers in GraphQL: every field with a scope of its own, asked for with tokens of both kinds and with everything that is not a
// valid token or key or no longer one; what the few open fields show; and the same over the websocket.
import type { AddressInfo } from 'node:net';
import { GraphQLObjectType } from 'graphql';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ruleOf } from '../../src/api/graphql/field-rule.ts';
import { buildGraphqlSchema } from '../../src/api/graphql/schema.ts';
import { encodeCursor } from '../../src/api/rest/cursor.ts';
import { ROUTES } from '../../src/api/rest/routes.ts';
import { TestClock } from '../../src/base/clock.ts';
import { type BadCredentials, makeBadCredentials } from '../access/bad-credentials.ts';
import { type Service, startService } from '../api/service.ts';
import { ask, codesOf, dataOf } from './ask.ts';

/** What opens for the bearers of tokens; nothing else does. */
const OPEN: Readonly<Record<string, readonly string[]>> = {
  'Query.customerSegments': ['customer'],
  'Customer.segments': ['customer'],
  'Query.changes': ['customer', 'stream'],
  'Subscription.membershipChanged': ['customer', 'stream'],
};

/** Every field that asks for more than that its parent be seen. */
const GUARDED = Object.values(buildGraphqlSchema(ROUTES).getTypeMap()).flatMap((type) =>
  type instanceof GraphQLObjectType && !type.name.startsWith('__')
    ? Object.values(type.getFields()).flatMap((field) => (ruleOf(field)?.scope === 'parent' ? [] : [[type.name, field.name] as const]))
    : [],
);

let service: Service;
let bad: BadCredentials;
let me: Record<string, string>;
let stream: Record<string, string>;
let url: string;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  const clock = new TestClock(Date.parse('2026-06-15T12:00:00.000Z'));
  service = await startService({ clock, accessLimits: { failedKeysPerMinute: 1_000_000, tokenRequestsPerSecond: 10_000 } });
  for (const key of ['one', 'two']) await service.call('POST', '/v1/segments', { key, name: key, kind: 'manual' });
  for (const id of ['me', 'you']) {
    await service.call('PUT', `/v1/customers/${id}`, { email: `${id}@example.com` });
    for (const key of ['one', 'two']) await service.call('PUT', `/v1/segments/${key}/members/${id}`, { reason: 'a word of the shop' });
  }
  bad = await makeBadCredentials(service, clock);
  me = await mint('customer', { customerId: 'me', segments: ['one'] });
  stream = await mint('stream', { segments: ['one'] });
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  url = `ws://127.0.0.1:${(service.app.server.address() as AddressInfo).port}/graphql`;
  let published = 0;
  while (published < 4) {
    clock.advance(50); // the publisher rests by it
    published = (await service.call('GET', '/v1/changes')).body.data.length;
  }
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});
afterAll(() => service.close());

async function mint(kind: 'customer' | 'stream', wish: object): Promise<Record<string, string>> {
  const { status, body } = await service.call('POST', `/v1/${kind}-tokens`, { minutes: 60, ...wish });
  expect(status).toBe(201);
  return { authorization: `Bearer ${body.token}` };
}

/** Of the one field, wherever it stands: whether it may be asked for is judged before the document is. */
function documentOf(type: string, field: string): string {
  if (type === 'Query') return `{ ${field} }`;
  return type === 'Mutation' ? `mutation { ${field} }` : `{ ... on ${type} { ${field} } }`;
}

describe('over HTTP', () => {
  test('tokens open what says so alone', async () => {
    expect(GUARDED.length).toBeGreaterThan(100);
    for (const [type, field] of GUARDED) {
      if (type === 'Subscription') continue; // below
      const place = `${type}.${field}`;
      for (const [kind, headers] of [
        ['customer', me],
        ['stream', stream],
      ] as const) {
        const [code] = await codesOf(service, documentOf(type, field), {}, headers);
        const isOpen = OPEN[place]?.includes(kind) === true;
        // an open one is refused for what the document lacks, or answered
        expect([place, kind, code === 'forbidden' ? 'forbidden' : 'open']).toEqual([place, kind, isOpen ? 'open' : 'forbidden']);
      }
    }
  });

  test('nothing opens for what is no key', async () => {
    for (const [title, authorization] of bad) {
      for (const [type, field] of GUARDED.filter(([name]) => ['Query', 'Mutation'].includes(name))) {
        const answer = await service.app.inject({
          method: 'POST',
          url: '/graphql',
          headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
          payload: JSON.stringify({ query: documentOf(type, field) }),
        });
        const { errors, data } = JSON.parse(answer.body);
        expect([title, field, answer.statusCode, data, errors[0].extensions.code]).toEqual([
          title,
          field,
          401,
          undefined,
          'unauthenticated',
        ]);
      }
    }
  });

  test('a customer token sees its part', async () => {
    const own =
      '{ customerSegments(customerId: "me") { customerId segments { key } } changes { edges { node { segmentKey customerId actor reason } } } }';
    expect(await dataOf(service, own, {}, me)).toEqual({
      customerSegments: { customerId: 'me', segments: [{ key: 'one' }] },
      changes: { edges: [{ node: { segmentKey: 'one', customerId: 'me', actor: null, reason: null } }] },
    });
  });

  test('a stream token sees its part', async () => {
    const { changes } = await dataOf(service, '{ changes { edges { node { segmentKey customerId } } } }', {}, stream);
    expect(changes.edges.map(({ node }: { node: object }) => node)).toEqual([
      { segmentKey: 'one', customerId: 'me' },
      { segmentKey: 'one', customerId: 'you' },
    ]);
  });

  test.each([
    ['{ customerSegments(customerId: "you") { customerId } }', 'customer'],
    ['{ changes(customerId: "you") { edges { cursor } } }', 'customer'],
    ['{ changes(segments: ["two"]) { edges { cursor } } }', 'customer stream'],
    ['{ changes { edges { node { customer { id } } } } }', 'customer stream'],
    ['{ changes { edges { node { segment { key } } } } }', 'customer stream'],
    ['{ customerSegments(customerId: "me") { customer { email } } }', 'customer stream'],
    ['query ($all: Boolean!) { changes { edges { cursor } } segments @include(if: $all) { edges { cursor } } }', 'customer stream'],
    [
      '{ changes { ...more } } fragment more on ChangeConnection { edges { node { ... on Change { customer { id } } } } }',
      'customer stream',
    ],
  ])('%s is refused', async (query, kinds) => {
    for (const kind of kinds.split(' ')) {
      const { data, errors } = await ask(service, query, { all: false }, kind === 'customer' ? me : stream);
      const shown = Object.values(data ?? {}).filter((value) => value !== null);
      expect([kind, shown, errors[0].extensions.code]).toEqual([kind, [], 'forbidden']);
    }
  });

  test('no token stands in a URL', async () => {
    const token = me['authorization']?.slice('Bearer '.length);
    const answer = await service.app.inject({
      url: `/graphql?query=${encodeURIComponent('{ changes { edges { cursor } } }')}&access_token=${token}`,
    });
    expect(answer.statusCode).toBe(401);
  });
});

/** What becomes of a subscription: the first message about it, or the code with which the socket is closed. */
async function subscribe(authorization: string | undefined, query: string): Promise<unknown> {
  const socket = new WebSocket(url, 'graphql-transport-ws');
  sockets.push(socket);
  return new Promise((resolve) => {
    socket.once('close', (code) => resolve(code));
    socket.once('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } })));
    socket.on('message', (data) => {
      const { type, payload } = JSON.parse(String(data));
      if (type === 'connection_ack') {
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables: { after: null } } }));
        return;
      }
      if (type === 'next' || type === 'error')
        resolve(type === 'next' ? (payload.data ?? payload.errors[0].extensions.code) : payload[0].extensions.code);
    });
  });
}

describe('over a websocket', () => {
  const from = `after: "${encodeCursor('changes', [0])}"`;

  test('nothing opens for what is no key', async () => {
    for (const [title, authorization] of bad)
      expect([title, await subscribe(authorization, 'subscription { membershipChanged { cursor } }')]).toEqual([title, 4401]);
  });

  test('tokens follow their part', async () => {
    const query = `subscription { membershipChanged(${from}) { node { segmentKey customerId actor } } }`;
    for (const headers of [me, stream]) {
      expect(await subscribe(headers['authorization'], query)).toMatchObject({
        membershipChanged: { node: { segmentKey: 'one', customerId: 'me' } },
      });
    }
  });

  test.each([
    [`subscription { membershipChanged(${from}, customerId: "you") { cursor } }`, 'customer'],
    [`subscription { membershipChanged(${from}, segments: ["two"]) { cursor } }`, 'customer stream'],
    [`subscription { membershipChanged(${from}) { node { customer { email } } } }`, 'customer stream'],
    [`subscription { membershipChanged(${from}) { node { segment { key } } } }`, 'customer stream'],
  ])('%s is refused', async (query, kinds) => {
    for (const kind of kinds.split(' '))
      expect([kind, await subscribe((kind === 'customer' ? me : stream)['authorization'], query)]).toEqual([kind, 'forbidden']);
  });
});
