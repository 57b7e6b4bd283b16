// What hostile sessions have found, each reduced to the smallest case.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiDocument } from '../../src/api/rest/routes.ts';
import { type Service, startService } from '../api/service.ts';
import { dataOf } from '../graphql/ask.ts';

let service: Service;

beforeAll(async () => {
  service = await startService({ background: false });
});
afterAll(() => service.close());

test('webhooks have cursors in GraphQL', async () => {
  const before = await dataOf(service, '{ webhooks { edges { cursor } pageInfo { endCursor } } }');
  expect(before.webhooks.edges).toEqual([]);
  for (const name of ['a', 'b']) {
    const hook = { url: `https://example.com/${name}`, types: ['segment.membership.changed'] };
    expect((await service.call('POST', '/v1/webhooks', hook)).status).toBe(201);
  }
  const page = '($after: String) { webhooks(first: 1, after: $after) { edges { cursor node { url } } pageInfo { hasNextPage } } }';
  const { webhooks: first } = await dataOf(service, `query ${page}`);
  const { webhooks: second } = await dataOf(service, `query ${page}`, { after: first.edges[0].cursor });
  expect([first, second].map(({ edges, pageInfo }) => [edges[0].node.url, pageInfo.hasNextPage])).toEqual([
    ['https://example.com/a', true],
    ['https://example.com/b', false],
  ]);
});

test('templates name segments that are not there', async () => {
  const query = '{ template(key: "lifecycle") { groups { segmentKeys segments { key } } } }';
  const [group] = (await dataOf(service, query)).template.groups;
  expect([group.segmentKeys.length > 0, group.segments]).toEqual([true, []]);
  const key = group.segmentKeys[1];
  await service.call('POST', '/v1/segments', { key, name: 'x', kind: 'rule', rule: 'everyone' });
  expect((await dataOf(service, query)).template.groups[0].segments).toEqual([{ key }]);
});

test('consent and attributes are not cleared whole', async () => {
  for (const name of ['consent', 'attributes']) {
    expect((await service.call('PUT', '/v1/customers/c', { [name]: null })).status).toBe(422);
    const { properties } = (
      apiDocument() as never as { components: { schemas: { CustomerInput: { properties: Record<string, unknown> } } } }
    ).components.schemas.CustomerInput;
    expect(properties[name]).toMatchObject({ type: 'object' });
  }
});

test('the document knows of bodies nobody wants', async () => {
  await service.call('POST', '/v1/segments', { key: 'seg', name: 'x', kind: 'rule', rule: 'everyone' });
  const call = (body: string, type: string) => service.call('POST', '/v1/segments/seg/pause', body, { 'content-type': type });
  const { paths } = apiDocument() as never as {
    paths: Record<string, Record<string, { responses: Record<string, { description: string }> }>>;
  };
  const { responses } = paths['/v1/segments/{key}/pause']?.['post'] ?? { responses: {} };
  for (const answer of [await call('{', 'application/json'), await call('x', 'text/plain')]) {
    expect(responses[answer.status]?.description).toContain(`\`${answer.body.code}\``);
  }
});
