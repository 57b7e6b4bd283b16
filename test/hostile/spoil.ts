// In charge of making valid requests nearly valid, or absurd: one thing among many is changed, or everything.
import type { SeededRandom } from '../../src/base/seeded-random.ts';
import type { Absurd } from './absurd.ts';
import { type Draft, type DraftBody, type Sent, toSent } from './draft.ts';
import type { KnownShop } from './known-shop.ts';

export interface Spoiling {
  readonly random: SeededRandom;
  readonly absurd: Absurd;
  readonly shop: KnownShop;
}

/** Of a long poll that would only wait. */
const LONGEST_WAIT = 1;

/** One thing is wrong, or only odd. */
export function spoilABit(draft: Draft, spoiling: Spoiling): Sent {
  const { random } = spoiling;
  const ways: readonly (readonly [way: () => Sent, weight: number])[] = [
    [() => toSent(patient({ ...draft, params: spoilParams(draft, spoiling) })), Object.keys(draft.params).length > 0 ? 3 : 0],
    [() => toSent(patient({ ...draft, query: spoilQuery(draft, spoiling) })), 3],
    [() => toSent(patient({ ...draft, headers: { ...draft.headers, ...oddHeaders(draft, spoiling) } })), 2],
    [() => toSent(patient({ ...draft, body: spoilBody(draft.body, spoiling) })), draft.body.kind === 'none' ? 1 : 8],
    [() => spoilPath(toSent(patient(draft)), spoiling), 1],
    [
      () => ({
        ...toSent(patient(draft)),
        method: random.pick(['GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND']),
        isOfRoute: false,
      }),
      1,
    ],
    [() => toSent(patient(draft)), 3],
  ];
  return random.weighted(ways)();
}

/** Nothing is right but the route. */
export function makeAbsurd(draft: Draft, spoiling: Spoiling): Sent {
  const { random, absurd } = spoiling;
  const params = Object.fromEntries(Object.keys(draft.params).map((name) => [name, absurdParam(name, spoiling)]));
  const query = Array.from({ length: random.integer(0, 3) }, () => oddPair(draft, spoiling));
  const body: DraftBody = random.chance(0.5)
    ? { kind: 'json', value: absurd.value(5) }
    : { kind: 'bytes', bytes: draft.route.body?.kind === 'stream' ? absurd.file() : absurd.bytes(), type: contentType(draft, spoiling) };
  const takesBody = draft.route.body !== undefined || random.chance(0.1);
  return toSent(patient({ ...draft, params, query, headers: oddHeaders(draft, spoiling), body: takesBody ? body : { kind: 'none' } }));
}

function patient(draft: Draft): Draft {
  return {
    ...draft,
    query: draft.query.map(([name, value]) => [name, name === 'wait' && Number(value) > LONGEST_WAIT ? String(LONGEST_WAIT) : value]),
  };
}

function absurdParam(name: string, { random, absurd, shop }: Spoiling): string {
  if (random.chance(0.3))
    return name === 'number' || name === 'runId' ? String(random.pick([1, 2, 3, 999])) : `${shop.name}-${random.integer(1, 60)}`;
  return absurd.text().slice(0, 2000);
}

function spoilParams(draft: Draft, spoiling: Spoiling): Record<string, string> {
  const name = spoiling.random.pick(Object.keys(draft.params));
  return { ...draft.params, [name]: absurdParam(name, spoiling) };
}

function spoilQuery(draft: Draft, spoiling: Spoiling): Draft['query'] {
  const pair = oddPair(draft, spoiling);
  return spoiling.random.chance(0.2) ? [...draft.query, pair, pair] : [...draft.query, pair];
}

/** Of a parameter that the route has, mostly. */
function oddPair({ route }: Draft, { random, absurd, shop }: Spoiling): readonly [string, string] {
  const known = [
    ...Object.keys(route.query?.shape ?? {}),
    ...(route.fresh === undefined ? [] : ['fresh']),
    ...(route.tokens === undefined ? [] : ['access_token']),
  ];
  const name =
    known.length > 0 && random.chance(0.85)
      ? random.pick(known)
      : random.pick(['__proto__', 'limit', 'after', 'x', 'map.id', 'default.status', 'constructor', '', 'param.days', 'atomic']);
  const value = random.pick<() => string>([
    () => absurd.text().slice(0, 3000),
    () => random.pick(['1', '1000', '1001', '0', '-1', '1.5', '1e3', ' 1', '٣', 'true', 'TRUE', '']),
    () => absurd.cursor(),
    () => shop.made.cursors.at(-1 - random.integer(0, 20)) ?? absurd.cursor(),
    () => (name === 'fresh' ? (shop.made.tokens.at(-1) ?? absurd.token()) : absurd.token()),
    () => random.pick(shop.customers),
  ])();
  return [name, value];
}

const HEADER_SAFE = /[^\t\u0020-\u007e\u0080-\u00ff]/g;

function oddHeaders(draft: Draft, { random, absurd, shop }: Spoiling): Record<string, string> {
  const text = () => absurd.text().replaceAll(HEADER_SAFE, '').slice(0, 3000).trim();
  return random.pick<() => Record<string, string>>([
    () => ({ 'if-match': random.pick(['*', '"x"', 'W/"x"', ',,,', text()]) }),
    () => ({ 'if-none-match': random.pick(['*', '"x", W/"y"', ',', text()]) }),
    () => ({ 'idempotency-key': random.pick(['a', 'b', `same-${random.integer(0, 50)}`, '', ' ', 'x'.repeat(256), 'é', text()]) }),
    () => ({ 'strata-token': random.chance(0.5) ? absurd.token().replaceAll(HEADER_SAFE, '') : (shop.made.tokens.at(-1) ?? '') }),
    () => ({ accept: random.pick(['text/html', '', '*/*;q=0', 'application/xml', text()]) }),
    () => ({ authorization: absurd.credential() }),
    () => ({ 'content-type': contentType(draft, { random, absurd, shop }) ?? 'text/plain' }),
    () => ({ 'content-encoding': random.pick(['gzip', 'br', 'deflate', 'identity', 'zstd', 'gzip, gzip', text()]) }),
    () => ({ 'last-event-id': random.chance(0.5) ? absurd.cursor() : text() }),
    () => ({ 'strata-progress': '1', 'x-forwarded-for': text(), forwarded: 'for=1', te: 'trailers' }),
    () => ({ 'accept-encoding': 'gzip', range: 'bytes=0-0', origin: 'null', 'x-request-id': text(), cookie: text() }),
    () => ({ expect: '100-continue' }),
    () => ({}),
  ])();
}

function contentType({ route }: Draft, { random }: Pick<Spoiling, 'random' | 'absurd' | 'shop'>): string | null {
  const right = route.body?.kind === 'stream' ? random.pick(route.body.contentTypes) : 'application/json';
  return random.weighted<string | null>([
    [right, 8],
    ['application/json; charset=latin1', 0.5],
    ['application/x-www-form-urlencoded', 0.5],
    ['multipart/form-data', 0.5],
    ['application/vnd.api+json', 0.5],
    ['text/plain', 0.5],
    ['application/json, text/csv', 0.5],
    [';;;', 0.5],
    [null, 0.5],
  ]);
}

function spoilBody(body: DraftBody, spoiling: Spoiling): DraftBody {
  const { random, absurd } = spoiling;
  switch (body.kind) {
    case 'json':
      if (random.chance(0.1)) return { kind: 'bytes', bytes: absurd.bytes(), type: 'application/json' };
      return { kind: 'json', value: spoilValue(body.value, spoiling) };
    case 'bytes':
      return { ...body, bytes: spoilBytes(body.bytes, spoiling) };
    case 'none':
      return { kind: 'json', value: absurd.value(2) };
  }
}

function spoilBytes(bytes: Buffer, { random, absurd }: Spoiling): Buffer {
  const at = random.integer(0, bytes.length);
  return random.pick<() => Buffer>([
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes.subarray(0, at), Buffer.from(absurd.text()), bytes.subarray(at)]),
    () => Buffer.concat([Buffer.from('\ufeff'), bytes]),
    () => Buffer.concat([bytes, bytes]),
    () => absurd.file(),
  ])();
}

/** A copy with one place changed, taken away, or with a stranger beside it. */
function spoilValue(value: unknown, spoiling: Spoiling): unknown {
  const { random, absurd } = spoiling;
  if (typeof value !== 'object' || value === null || random.chance(0.1)) return absurd.value(3);
  if (Array.isArray(value)) {
    const at = random.integer(0, Math.max(0, value.length - 1));
    return random.chance(0.8)
      ? value.map((each, index) => (index === at ? spoilValue(each, spoiling) : each))
      : [...value, absurd.value(2)];
  }
  const entries = Object.entries(value);
  const name = entries.length === 0 ? 'x' : random.pick(entries)[0];
  return random.pick<() => unknown>([
    () => Object.fromEntries(entries.filter(([each]) => each !== name)),
    () => Object.fromEntries(entries.map(([each, inner]) => [each, each === name ? spoilValue(inner, spoiling) : inner])),
    () => Object.fromEntries(entries.map(([each, inner]) => [each, each === name ? absurd.value(3) : inner])),
    () => Object.fromEntries([...entries, [absurd.text(), absurd.value(2)]]),
    () =>
      Object.fromEntries([
        ...entries,
        [
          random.pick(['id', 'attributes', 'replace', 'until', 'reason', 'where', 'segments', 'otherwise', 'sample', 'at']),
          absurd.value(3),
        ],
      ]),
  ])();
}

/** Of the path as text, after encoding. */
function spoilPath(sent: Sent, { random }: Spoiling): Sent {
  const [path = '', query] = sent.path.split('?');
  const spoilt = random.pick<() => string>([
    () => path.replace('/v1/', '/v1//'),
    () => path.replace('/v1/', '/V1/'),
    () => `${path}/`,
    () => `${path}/..`,
    () => `/healthz/..${path}`,
    () => path.replaceAll('e', '%65'),
    () => `${path}%`,
    () => `${path}%00`,
    () => `${path}%ff`,
    () => `${path}%c0%ae`,
    () => `${path};a=b`,
    () => `${path}%2f..%2f`,
    () => `${path}\u00e9`,
    () => path.slice(0, random.integer(1, path.length)),
    () => `//evil${path}`,
    () => `/${'a/'.repeat(2000)}`,
    () => `${path}${'x'.repeat(8000)}`,
  ])();
  const asked = random.pick([
    query === undefined ? '' : `?${query}`,
    '?%',
    '?a=%ff',
    '?=&=&&',
    '?%5f%5fproto%5f%5f=1',
    '?a[b]=1&a[b]=2',
    '??',
    '?\u00e9',
  ]);
  return { ...sent, path: `${spoilt}${asked}`, isOfRoute: false };
}

/** Bytes that are nearly HTTP. */
export function brokenHttp({ random }: Spoiling, key: string): Buffer {
  const head = (first: string, ...lines: readonly string[]) =>
    Buffer.from(`${[first, 'Host: x', 'Connection: close', `Authorization: Bearer ${key}`, ...lines].join('\r\n')}\r\n\r\n`);
  const json = 'Content-Type: application/json';
  const put = 'PUT /v1/customers/wild-1 HTTP/1.1';
  return random.pick<() => Buffer>([
    () => Buffer.concat([head(put, json, 'Content-Length: 5', 'Content-Length: 6'), Buffer.from('{}')]),
    () => Buffer.concat([head(put, json, 'Content-Length: 2', 'Transfer-Encoding: chunked'), Buffer.from('0\r\n\r\n')]),
    () => Buffer.concat([head(put, json, 'Transfer-Encoding: chunked'), Buffer.from('zz\r\n{}\r\n0\r\n\r\n')]),
    () => Buffer.concat([head(put, json, 'Transfer-Encoding: chunked'), Buffer.from('ffffffffffffffff\r\n{}\r\n0\r\n\r\n')]),
    () => Buffer.concat([head(put, json, 'Transfer-Encoding: gzip, chunked'), Buffer.from('2\r\n{}\r\n0\r\n\r\n')]),
    () => Buffer.concat([head(put, json, 'Transfer-Encoding: xchunked'), Buffer.from('{}')]),
    () => Buffer.concat([head(put, json, 'Content-Length: 100'), Buffer.from('{"city":')]),
    () => Buffer.concat([head(put, json, 'Content-Length: -1'), Buffer.from('{}')]),
    () => Buffer.concat([head(put, json, 'Content-Length: 99999999999999999999'), Buffer.from('{}')]),
    () => Buffer.concat([head(put, json), Buffer.from('{}')]),
    () => Buffer.concat([head('GET /v1/segments HTTP/1.1', 'Content-Length: 4'), Buffer.from('{}{}')]),
    () => head('GET /v1/segments HTTP/9.9'),
    () => head('GET  /v1/segments  HTTP/1.1'),
    () => head('GET /v1/seg\u0000ments HTTP/1.1'),
    () => head('GET /v1/segments\u00ff HTTP/1.1'),
    () => head('G\u0001T / HTTP/1.1'),
    () => head('GET /v1/segments HTTP/1.1', 'X: a\nb', 'Y:'),
    () => head('GET /v1/segments HTTP/1.1', `X: ${'x'.repeat(30_000)}`),
    () => head('GET /v1/segments HTTP/1.1', ...Array.from({ length: 3000 }, (_, n) => `X-${n}: 1`)),
    () => head('CONNECT /v1/segments:1 HTTP/1.1'),
    () => head('GET /graphql HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'),
    () => head('GET /graphql HTTP/1.1', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 1'),
    () => head('GET / HTTP/1.1', 'Upgrade: h2c', 'HTTP2-Settings: AAAA'),
    () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    () => Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]),
    () => Buffer.from('\r\n\r\n\r\n'),
    () => Buffer.concat(Array.from({ length: 50 }, () => head('GET /healthz HTTP/1.1').subarray(0))),
    () => Buffer.from(Array.from({ length: 100 }, () => random.integer(0, 255))),
  ])();
}
