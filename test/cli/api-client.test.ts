// What commands that talk to a service say about anybody else who answers there, and which address they ask.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApi } from '../../src/cli/api-client.ts';

let server: http.Server;
let origin: string;
const asked: string[] = [];

beforeAll(async () => {
  server = http.createServer((request, response) => {
    asked.push(String(request.url));
    const isPage = request.url?.startsWith('/page') === true;
    response.writeHead(200, { 'content-type': isPage ? 'text/html' : 'application/json' }).end(isPage ? '<html>' : '{"data":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

test.each([
  ['', '/v1/segments?limit=1'],
  ['/', '/v1/segments?limit=1'],
  ['/shop/strata', '/shop/strata/v1/segments?limit=1'],
  ['/shop/strata/', '/shop/strata/v1/segments?limit=1'],
])('asks a service at “%s” below its path', async (path, wanted) => {
  await openApi(`${origin}${path}`, 'key').call('GET', '/v1/segments?limit=1');
  expect(asked.at(-1)).toBe(wanted);
});

test('says that another answers', async () => {
  const answer = openApi(`${origin}/page`, 'key').call('GET', '/v1/segments');
  await expect(answer).rejects.toMatchObject({ name: 'StartError', message: expect.stringMatching(/is no Strata: GET \/v1\/segments/) });
});
