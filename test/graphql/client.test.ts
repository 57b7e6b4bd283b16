// GraphQL through a client that people use (graphql-request), against a listening server: the client, not the test, chooses headers, variables
// and the handling of errors.
import { ClientError, GraphQLClient, gql } from 'graphql-request';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, built, type Service, startService } from '../api/service.ts';

interface MembersPage {
  readonly segment: {
    readonly members: {
      readonly edges: readonly { readonly node: { readonly customerId: string; readonly customer: { readonly country: string } } }[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
    };
  };
}

let service: Service;
let client: GraphQLClient;

beforeAll(async () => {
  service = await startService();
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 });
  client = new GraphQLClient(`${url}/graphql`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
});

afterAll(() => service.close());

test('mutations write, connections page', async () => {
  const make = gql`mutation ($input: SegmentInput!) { createSegment(input: $input) { segment { key status } } }`;
  const input = { key: 'de', name: 'Germans', kind: 'rule', rule: 'country = "DE"', publish: true };
  expect(await client.request(make, { input })).toMatchObject({ createSegment: { segment: { key: 'de' } } });
  await built(service, 'de');
  const put = gql`mutation ($id: ID!) { putCustomer(customerId: $id, input: { country: "DE" }) { customer { id } segments { key } } }`;
  for (const id of ['ada', 'ben', 'cleo']) {
    expect(await client.request(put, { id })).toEqual({ putCustomer: { customer: { id }, segments: [{ key: 'de' }] } });
  }
  const page = gql`
    query ($after: String) {
      segment(key: "de") {
        members(first: 2, after: $after) { edges { node { customerId customer { country } } } pageInfo { hasNextPage endCursor } }
      }
    }`;
  const seen: string[] = [];
  let after: string | undefined;
  for (let hasNext = true; hasNext; ) {
    const { members } = (await client.request<MembersPage>(page, { after })).segment;
    for (const { node } of members.edges) {
      expect(node.customer.country).toBe('DE');
      seen.push(node.customerId);
    }
    hasNext = members.pageInfo.hasNextPage;
    after = members.pageInfo.endCursor;
  }
  expect(seen.sort()).toEqual(['ada', 'ben', 'cleo']);
});

test('refusals carry the code of REST', async () => {
  const refused = await client
    .request(gql`mutation { createSegment(input: { key: "bad", name: "Bad", kind: rule, rule: "contry = 1" }) { segment { key } } }`)
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ClientError);
  expect((refused as ClientError).response.errors?.[0]?.extensions).toMatchObject({ code: 'invalid_rule' });
});
