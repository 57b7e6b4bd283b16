// GraphQL over HTTP as its specification describes it: the audits of graphql-http against a listening server.
import { auditServer } from 'graphql-http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AUTHORIZED, type Service, startService } from '../api/service.ts';

const AUDITS = 61;

let service: Service;
let url: string;

beforeAll(async () => {
  service = await startService({ background: false });
  url = `${await service.app.listen({ host: '127.0.0.1', port: 0 })}/graphql`;
});

afterAll(() => service.close());

function fetchWithKey(input: string, init: RequestInit = {}): Promise<Response> {
  return fetch(input, { ...init, headers: { ...AUTHORIZED, ...(init.headers as Record<string, string> | undefined) } });
}

test('all audits of the specification pass', async () => {
  const results = await auditServer({ url, fetchFn: fetchWithKey });
  const failed = results
    .filter((result) => result.status !== 'ok')
    .map((result) => `${result.id} ${result.name}: ${'reason' in result ? result.reason : ''}`);
  expect(failed).toEqual([]);
  expect(results).toHaveLength(AUDITS);
});
