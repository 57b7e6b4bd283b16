// Requests that no well-meaning client sends, over real sockets: two headers, odd cases and spaces, huge tokens, bodies before a refusal.
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, type Service, startService } from '../api/service.ts';

let service: Service;
let port: number;
let token: string;

beforeAll(async () => {
  service = await startService({ background: false, accessLimits: { failedKeysPerMinute: 1_000_000 } });
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  port = (service.app.server.address() as net.AddressInfo).port;
  token = (await service.call('POST', '/v1/customer-tokens', { customerId: 'me', minutes: 5 })).body.token;
});
afterAll(() => service.close());

/** The status of the first answer, or `closed`. */
function send(...lines: string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`));
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes;
      socket.end();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 'closed'));
  });
}

const GET = ['GET /v1/segments HTTP/1.1', 'Host: x', 'Connection: close'];
const ADMIN = `Authorization: Bearer ${ADMIN_KEY}`;

test.each<readonly [title: string, status: string, lines: () => string[]]>([
  ['one header', '200', () => [...GET, ADMIN]],
  ['a header in capitals', '200', () => [...GET, `AUTHORIZATION: BEARER ${ADMIN_KEY}`]],
  ['two headers, the right one first', '400', () => [...GET, ADMIN, 'Authorization: Bearer wrong']],
  ['two headers, the right one last', '400', () => [...GET, 'authorization: Bearer wrong', ADMIN]],
  ['the same header twice', '400', () => [...GET, ADMIN, ADMIN]],
  ['two keys in one header', '401', () => [...GET, `${ADMIN}, Bearer wrong`]],
  ['a tab between', '401', () => [...GET, `Authorization: Bearer\t${ADMIN_KEY}`]],
  ['a space before the colon', '400', () => [...GET, `Authorization : Bearer ${ADMIN_KEY}`]],
  ['a folded header', '400', () => [...GET, 'Authorization: Bearer', ` ${ADMIN_KEY}`]],
  ['a key in another header', '401', () => [...GET, `X-Api-Key: ${ADMIN_KEY}`, `Proxy-Authorization: Bearer ${ADMIN_KEY}`]],
  ['a key in a cookie', '401', () => [...GET, `Cookie: authorization=Bearer ${ADMIN_KEY}`]],
  ['a method in a header', '401', () => [...GET, 'X-HTTP-Method-Override: OPTIONS']],
  ['a path in a header', '401', () => [...GET, 'X-Original-URL: /healthz', 'X-Rewrite-URL: /healthz']],
  ['a public path in front', '404', () => ['GET /healthz/../v1/segments HTTP/1.1', 'Host: x', 'Connection: close', ADMIN]],
  ['a double slash', '401', () => ['GET //v1/segments HTTP/1.1', 'Host: x', 'Connection: close']],
  ['another case of the path', '401', () => ['GET /V1/SEGMENTS HTTP/1.1', 'Host: x', 'Connection: close']],
  ['an absolute address', '401', () => ['GET http://x/v1/segments HTTP/1.1', 'Host: x', 'Connection: close']],
  ['HEAD without a key', '401', () => ['HEAD /v1/segments HTTP/1.1', 'Host: x', 'Connection: close']],
  ['a huge token', '401', () => [...GET, `Authorization: Bearer ${'a.'.repeat(5000)}a`]],
  ['a header past all bounds', '400', () => [...GET, `Authorization: Bearer ${'a'.repeat(40_000)}`]],
  ['a length and chunks', '400', () => [...GET, ADMIN, 'Content-Length: 5', 'Transfer-Encoding: chunked']],
  [
    'a token for another’s path by escapes',
    '403',
    () => [`GET /v1/customers/m%65e/segments HTTP/1.1`, 'Host: x', 'Connection: close', `Authorization: Bearer ${token}`],
  ],
  [
    'a token for its own path by escapes',
    '404',
    () => [`GET /v1/customers/m%65/segments HTTP/1.1`, 'Host: x', 'Connection: close', `Authorization: Bearer ${token}`],
  ],
])('%s: %s', async (_title, status, lines) => {
  expect(await send(...lines())).toBe(status);
});

test('an upload is refused before it is read', async () => {
  const head = ['POST /v1/imports/orders HTTP/1.1', 'Host: x', 'Content-Type: text/csv', 'Content-Length: 1000000000'];
  expect(await send(...head)).toBe('401');
  const { secret } = (await service.call('POST', '/v1/keys', { name: 'reader', scopes: ['members:read'] })).body;
  expect(await send(...head, `Authorization: Bearer ${secret}`)).toBe('403');
});
