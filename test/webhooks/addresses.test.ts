// Where nothing is sent: every form of an address that is not public, and names that resolve to one, both when checked and when connecting. The
// refusal comes before any socket is made; these tests connect only to this machine.
import type { LookupFunction } from 'node:net';
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { refuseAddress, refuseUrl } from '../../src/webhooks/addresses.ts';
import { Receiver, SEND_LIMITS, safeConnector } from '../../src/webhooks/send.ts';
import { startReceiver, type TestReceiver } from './receiver.ts';

const PRIVATE = [
  ['127.0.0.1', 'loopback'],
  ['127.255.0.9', 'loopback'],
  ['0.0.0.0', 'this host'],
  ['10.1.2.3', 'private'],
  ['172.16.0.1', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'carrier'],
  ['169.254.169.254', 'cloud metadata'],
  ['192.0.0.8', 'reserved'],
  ['192.0.2.1', 'documentation'],
  ['198.18.0.1', 'benchmarks'],
  ['224.0.0.1', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'this host'],
  ['::1', 'loopback'],
  ['::ffff:127.0.0.1', 'mapped'],
  ['::ffff:a9fe:a9fe', 'mapped'],
  ['::127.0.0.1', 'compatible'],
  ['::a00:1', 'compatible'],
  ['64:ff9b::7f00:1', 'translated'],
  ['64:ff9b:1::a00:1', 'translated'],
  ['2002:7f00:1::', '6to4'],
  ['2001:0:1::1', 'teredo'],
  ['fe80::1', 'link-local'],
  ['fec0::1', 'site-local'],
  ['fd00:ec2::254', 'unique local'],
  ['ff02::1', 'multicast'],
  ['2001:db8::1', 'documentation'],
  ['3fff::1', 'documentation'],
  ['1::1', 'not given out'],
  ['4000::1', 'not given out'],
] as const;

const PUBLIC = ['93.184.216.34', '1.1.1.1', '2606:4700::1111', '2a00:1450::1'];

test.each(PRIVATE)('%s is refused (%s)', (address) => {
  expect(refuseAddress(address, 'https:', [])).toContain('not a public address');
  expect(refuseAddress(address, 'http:', [])).not.toBeNull();
});

test('public addresses need TLS', () => {
  expect(PUBLIC.map((address) => refuseAddress(address, 'https:', []))).toEqual(PUBLIC.map(() => null));
  for (const address of PUBLIC) expect(refuseAddress(address, 'http:', [])).toContain('https only');
});

test('ranges that are named let through', () => {
  const passes = (address: string, ...allow: string[]) => refuseAddress(address, 'http:', allow) === null;
  expect(passes('10.1.2.3', '10.0.0.0/8')).toBe(true);
  expect(passes('::ffff:10.1.2.3', '10.0.0.0/8')).toBe(true);
  expect(passes('10.1.2.3', '::ffff:10.0.0.0/104')).toBe(true);
  expect(passes('11.1.2.3', '10.0.0.0/8', '::1')).toBe(false);
  expect(passes('::1', '10.0.0.0/8', '::1')).toBe(true);
  expect(passes('fd00::7', 'fd00::/8')).toBe(true);
  expect(passes('127.0.0.2', '127.0.0.1')).toBe(false);
  expect(passes('127.0.0.1', '::/0')).toBe(false);
});

test.each([
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://127.1/',
  'https://127.0.0.1./',
  'https://①②⑦.⓪.⓪.①/',
  'https://[::1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]:8443/',
  'https://[0:0:0:0:0:0:0:1]/',
])('%s is refused as a URL', (url) => {
  expect(refuseUrl(url, [])).toContain('not a public address');
});

test('a URL says who and where, no more', () => {
  expect(refuseUrl('https://example.com:8443/hook?a=1', [])).toBeNull();
  expect(refuseUrl('http://example.com/', [])).not.toBeNull();
  for (const url of ['file:///etc/passwd', 'gopher://example.com/', 'https://a:b@example.com/', 'https://example.com/#x', '//x', '']) {
    expect(refuseUrl(url, ['0.0.0.0/0'])).not.toBeNull();
  }
});

describe('a connection', () => {
  let receiver: TestReceiver | undefined;
  afterEach(async () => {
    await receiver?.close();
    receiver = undefined;
  });

  /** Answers each lookup with the next list. */
  const lookups = (...answers: string[][]) => {
    const asked: string[] = [];
    const lookup: LookupFunction = (hostname, _options, callback) => {
      asked.push(hostname);
      callback(
        null,
        (answers.shift() ?? []).map((address) => ({ address, family: net.isIP(address) })),
      );
    };
    return { lookup, asked };
  };
  const options = (allow: string[], lookup?: LookupFunction) => ({
    clock: systemClock,
    allow,
    limits: SEND_LIMITS,
    ...(lookup === undefined ? {} : { lookup }),
  });
  const post = (url: string, allow: string[], lookup?: LookupFunction) =>
    new Receiver(url, options(allow, lookup)).post(
      { headers: { 'content-type': 'application/json' }, body: '{}' },
      new AbortController().signal,
    );

  test('to a private literal makes no socket', async () => {
    receiver = await startReceiver();
    expect(await post(receiver.url, [])).toMatchObject({ succeeded: false, status: null, error: expect.stringContaining('not sent') });
    expect(receiver.received).toEqual([]);
    const refused: unknown[] = [];
    const keep = (error: unknown) => {
      refused.push(error);
    };
    const connect = safeConnector(new URL('https://10.0.0.1/'), options([]));
    connect({ hostname: '10.0.0.1', protocol: 'https:', port: '443' }, (...[error]) => keep(error));
    expect(refused).toEqual([expect.objectContaining({ message: expect.stringContaining('10.0.0.1 is not a public address') })]);
  });

  test('to a name that resolves inside is refused', async () => {
    receiver = await startReceiver();
    const { port } = new URL(receiver.url);
    for (const addresses of [['127.0.0.1'], ['93.184.216.34', '127.0.0.1'], ['::1'], []]) {
      const { lookup, asked } = lookups(addresses);
      expect(await post(`https://inside.example:${port}/`, [], lookup)).toMatchObject({ error: expect.stringContaining('not sent') });
      expect(asked).toEqual(['inside.example']);
    }
    expect(receiver.received).toEqual([]);
  });

  test('rebound later is refused then', async () => {
    receiver = await startReceiver();
    const { port } = new URL(receiver.url);
    const { lookup, asked } = lookups(['127.0.0.1'], ['127.0.0.2']);
    const to = new Receiver(`http://rebound.example:${port}/`, options(['127.0.0.1/32'], lookup));
    const message = { headers: {}, body: '{}' };
    receiver.behave((_request, response) => response.writeHead(200, { connection: 'close' }).end());
    expect(await to.post(message, new AbortController().signal)).toMatchObject({ succeeded: true });
    expect(await to.post(message, new AbortController().signal)).toMatchObject({
      error: expect.stringContaining('127.0.0.2 is not a public'),
    });
    expect([asked.length, receiver.received.length]).toEqual([2, 1]);
    to.close();
  });
});
