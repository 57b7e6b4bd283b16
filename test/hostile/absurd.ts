// In charge of values that no well-meaning caller sends: wrong types, bounds and beyond, what breaks parsers, encodings and stores.
import { gzipSync } from 'node:zlib';
import type { SeededRandom } from '../../src/base/seeded-random.ts';

/** Texts as JavaScript holds them; lone surrogates included. */
export const ABSURD_TEXTS: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '../../etc/passwd',
  '0',
  '-0',
  '-1',
  '1e999',
  'NaN',
  'null',
  'undefined',
  'true',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'a\udfff',
  '\u001b[31m',
  '\u007f',
  '\u0085',
  '\u2028\u2029',
  '\ufeff',
  '\u202eabc',
  'مرحبا',
  '👩‍👩‍👧‍👦',
  'ﬀ',
  'İı',
  'e\u0301'.repeat(40),
  "'",
  "'; drop table customers; --",
  '"',
  '`',
  '\\',
  '\\u0000',
  '$1',
  '#{7*7}',
  '{{7*7}}',
  '%',
  '%00',
  '%s%n',
  '<script>',
  'a\r\nX-Evil: 1',
  '=cmd|calc',
  'x'.repeat(257),
  'é'.repeat(129),
  'x'.repeat(10_000),
  '9'.repeat(400),
  '2024-01-01',
  '2024-02-30T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '+275760-09-13T00:00:00Z',
  '2024-01-01T00:00:00+99:99',
  '2024-01-01T00:00:00.123456789Z',
  '1900-01-01T00:00:00Z',
  'wild-1',
  'wild-hand',
];

const ABSURD_NUMBERS: readonly number[] = [
  0,
  -0,
  -1,
  1,
  0.1,
  1e-300,
  1e300,
  -1e300,
  2 ** 31,
  2 ** 31 - 1,
  -(2 ** 31) - 1,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 63,
  2 ** 64,
  999_999_999_999.9999,
  59.970000000000006,
  1000,
  1001,
  Number.MIN_VALUE,
];

/** Rules that are not quite, or that hurt. */
export const ABSURD_RULES: readonly unknown[] = [
  '',
  'everyone',
  'nobody',
  'country =',
  'country = DE',
  '(((((((((((',
  `${'('.repeat(5000)}country = "DE"${')'.repeat(5000)}`,
  Array.from({ length: 3000 }, (_, n) => `country = "${n}"`).join(' or '),
  'count(orders in the last 99999999999 days) > 1',
  'count(orders) > 1e308',
  'sum(orders.total) / 0 > 1',
  'average(orders.total) > 10',
  'in segment "wild-rule"',
  'in segment "nothing"',
  'not '.repeat(2000),
  'country = "\u0000"',
  'country matches "(a+)+$"',
  'attributes.__proto__ = "x"',
  'attributes.constructor = 1',
  'country in ()',
  'country = "DE" and and country = "FR"',
  'days since last order > -1',
  {},
  { op: 'and' },
  { op: 'and', conditions: [] },
  { op: '=', left: { field: 'country' }, right: { value: null } },
  { __proto__: null, op: 'or' },
  [],
  null,
  7,
];

const FIELDS = [
  'id',
  'data',
  'customerId',
  'name',
  'key',
  'kind',
  'rule',
  'items',
  'total',
  'attributes',
  'properties',
  'segments',
  'from',
  'to',
];

export class Absurd {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  text(): string {
    const random = this.#random;
    if (random.chance(0.7)) return random.pick(ABSURD_TEXTS);
    return String.fromCharCode(
      ...Array.from({ length: random.integer(0, 30) }, () => random.integer(0, random.chance(0.5) ? 0x7f : 0xffff)),
    );
  }

  /** Any JSON value; `depth` levels at the most. */
  value(depth = 3): unknown {
    const random = this.#random;
    switch (random.integer(0, depth > 0 ? 9 : 6)) {
      case 0:
        return random.chance(0.5);
      case 1:
        return null;
      case 2:
      case 3:
        return random.pick(ABSURD_NUMBERS);
      case 4:
      case 5:
        return this.text();
      case 6:
        return random.pick(ABSURD_RULES);
      case 7:
        return Array.from(
          {
            length: random.weighted([
              [0, 2],
              [1, 3],
              [3, 3],
              [1001, 0.1],
            ]),
          },
          () => this.value(depth - 1),
        );
      default: {
        const names = Array.from({ length: random.integer(0, 4) }, () => (random.chance(0.7) ? random.pick(FIELDS) : this.text()));
        return Object.fromEntries(names.map((name) => [name, this.value(depth - 1)]));
      }
    }
  }

  /** Of a list's place: broken, of another list, of places that are not. */
  cursor(): string {
    const random = this.#random;
    if (random.chance(0.2)) return this.text();
    const lists = [
      'customers',
      'orders',
      'events',
      'segments',
      'versions',
      'members',
      'changes',
      'snapshot',
      'history',
      'runs',
      'pins',
      'groups',
      'group-versions',
      'webhooks',
      'deliveries',
      'keys',
      'audit',
    ];
    const part = () =>
      random.pick<unknown>([
        '0',
        '-1',
        '1',
        '9223372036854775807',
        '-9223372036854775808',
        '9223372036854775808',
        '1700000000000',
        '99999999999999',
        'x',
        '\u0000',
        '\ud800',
        1,
        null,
        [],
        {},
        '00000000-0000-0000-0000-000000000000',
        '',
      ]);
    const parts = Array.from({ length: random.integer(0, 3) }, part);
    return Buffer.from(JSON.stringify([random.pick(lists), ...parts])).toString('base64url');
  }

  /** Of a write (`Strata-Token`): forged. */
  token(): string {
    const random = this.#random;
    if (random.chance(0.3)) return this.text();
    const parts = [
      1,
      random.pick(['test', 'other', '', null]),
      random.pick(['0/0', 'FFFFFFFF/FFFFFFFF', 'x', 1]),
      random.pick([null, '1', '9'.repeat(19), '-1', 5]),
    ];
    return Buffer.from(JSON.stringify(parts)).toString('base64url');
  }

  /** Something that could pass for a key or a token, and is none. */
  credential(): string {
    const random = this.#random;
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    return random.pick([
      'Bearer',
      'Bearer ',
      'Bearer wrong',
      'Basic YWRtaW46YWRtaW4=',
      `Bearer strata_${'0'.repeat(12)}_${'a'.repeat(32)}`,
      `Bearer ${none}.${Buffer.from('{"sub":"kept-0","exp":99999999999}').toString('base64url')}.`,
      `Bearer ${'a.'.repeat(random.integer(1, 3000))}a`,
      `bearer ${'é'.repeat(10)}`,
      'Bearer null',
    ]);
  }

  /** A body that is no JSON, or one that parsers stumble over. */
  bytes(): Buffer {
    const random = this.#random;
    return random.pick<() => Buffer>([
      () => Buffer.from('{'),
      () => Buffer.from('{"a":1,}'),
      () => Buffer.from('\ufeff{}'),
      () => Buffer.from('{"city":"A","city":"B"}'),
      () => Buffer.from('{"__proto__":{"city":"A"},"constructor":{"prototype":{}}}'),
      () => Buffer.from('{"city":"\\ud800"}'),
      () => Buffer.from('{"city":"\\u0000"}'),
      () => Buffer.from(`{"total":${'9'.repeat(500)}}`),
      () => Buffer.from('{"total":1e400}'),
      () => Buffer.from('{"total":-0.0000000000000001}'),
      () => Buffer.from('NaN'),
      () => Buffer.from('[]'),
      () => Buffer.from('null'),
      () => Buffer.from('"text"'),
      () => Buffer.from('['.repeat(20_000)),
      () => Buffer.from(`${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`),
      () => Buffer.from([0xff, 0xfe, 0x7b, 0x00]),
      () => Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]),
      () => Buffer.from(Array.from({ length: random.integer(1, 200) }, () => random.integer(0, 255))),
      () => gzipSync('{}'),
      () => Buffer.from(JSON.stringify({ data: Array.from({ length: 1001 }, (_, n) => ({ id: `wild-${n % 20}` })) })),
      () => Buffer.from(`{"city":"${'x'.repeat(300_000)}"}`),
    ])();
  }

  /** A file that is none. */
  file(): Buffer {
    const random = this.#random;
    return random.pick<() => Buffer>([
      () => this.bytes(),
      () => Buffer.from('\ufeffid,city\nwild-1,A\n'),
      () => Buffer.from('id,city\r\n"wild-1,A\r\n'),
      () => Buffer.from('id,id\nwild-1,wild-2\n'),
      () => Buffer.from('id;city\nwild-1;A\n'),
      () => Buffer.from(',,,\n,,,\n'),
      () => Buffer.from(`id,city\n${'wild-1,"'.repeat(500)}`),
      () => Buffer.from(`id,${Array.from({ length: 3000 }, (_, n) => `attributes.wild_${n % 40}`).join(',')}\nwild-1\n`),
      () => Buffer.from('id,customerId,items.quantity,total\nwild-1,wild-2,1e400,-\nwild-1,wild-3,2,3\n'),
      () => Buffer.from('{"id":"wild-1"}\n{"id":\n\n\u0000\n[]\nnull\n{"id":"wild-1","id":"wild-2"}\n'),
      () => Buffer.from(`{"id":"wild-1","attributes":${'{"a":'.repeat(400)}1${'}'.repeat(400)}}\n`),
      () => Buffer.from(`{"id":"wild-1","city":"${'x'.repeat(2_000_000)}"}\n`),
      () => gzipSync(Buffer.alloc(20_000_000, 0x61)),
      () => gzipSync(Buffer.from('{"id":"wild-1"}\n'.repeat(20_000))),
      () => Buffer.from('id,city\nwild-1,\u0000\nwild-2,A\u0007\n'),
      () => Buffer.from([0x69, 0x64, 0x0a, 0xff, 0xfe, 0x0a]),
    ])();
  }
}
