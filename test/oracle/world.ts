// What the random shops and the random rules of the property tests have in common: names, strings, durations, moments. Drawn from small pools,
// so that rules meet the rows they are about and windows end exactly where rows lie.
import { createHash } from 'node:crypto';
import type { Catalog, ValueType } from '../../src/catalog/catalog.ts';
import type { CustomerKey } from '../../src/ingest/facts.ts';
import type { Duration } from '../../src/rules/ast.ts';
import { addDays, dayStartMs, localDate } from './local-days.ts';

export const ATTRIBUTES: ReadonlyMap<string, ValueType> = new Map([
  ['tier', 'string'],
  ['loyalty-tier', 'string'],
  ['points', 'number'],
  ['size.foot', 'number'],
  ['vip', 'boolean'],
  ['joined', 'date'],
  ['seen', 'timestamp'],
  ['interests', 'list'],
] as const);

export const EVENTS: ReadonlyMap<string, ReadonlyMap<string, ValueType>> = new Map<string, ReadonlyMap<string, ValueType>>([
  ['login', new Map()],
  [
    'page_view',
    new Map<string, ValueType>([
      ['path', 'string'],
      ['seconds', 'number'],
      ['promo', 'boolean'],
      ['topics', 'list'],
    ]),
  ],
  [
    'booked',
    new Map<string, ValueType>([
      ['path', 'string'],
      ['day', 'date'],
      ['until', 'timestamp'],
      ['seconds', 'number'],
    ]),
  ],
]);

export const CONSENTS = ['email', 'sms'] as const;

export const CATALOG: Catalog = { attributes: ATTRIBUTES, events: EVENTS, consents: new Set(CONSENTS), segments: new Map() };

export const CUSTOMER_IDS = ['ann', 'Bob', 'c/ö', '😀', '\uffee', "d'; --", 'e%_'] as const;

/** Code points and UTF-16 units order some of these differently; others look equal or mean something to LIKE. */
export const STRINGS = ['a', 'ab', 'A', 'Zoë', 'Zoe\u0308', '\uffee', '😀', '%', '_b', 'a\\', "'", '10'] as const;

export const WORDS = ['paid', 'open', 'web', 'pos'] as const;

export const NUMBERS = ['0', '1', '2', '3', '-1', '0.5', '0.3333', '10', '18', '25.5', '33.3333', '99.99', '100', '1073741824'] as const;

/** All windows take their lengths from here, and rows their distances from the clock. */
export const DURATIONS: readonly Duration[] = [
  { amount: 30, unit: 'seconds' },
  { amount: 45, unit: 'minutes' },
  { amount: 1, unit: 'hours' },
  { amount: 24, unit: 'hours' },
  { amount: 1, unit: 'days' },
  { amount: 2, unit: 'days' },
  { amount: 7, unit: 'days' },
  { amount: 1, unit: 'weeks' },
  { amount: 30, unit: 'days' },
  { amount: 90, unit: 'days' },
  { amount: 365, unit: 'days' },
];

const MS_PER_UNIT = { seconds: 1_000, minutes: 60_000, hours: 3_600_000, days: 86_400_000, weeks: 604_800_000 } as const;

export function lengthMs(duration: Duration): number {
  return duration.amount * MS_PER_UNIT[duration.unit];
}

export interface Moment {
  readonly timeZone: string;
  readonly asOfMs: number;
}

/** Where days are odd: clocks put forward and back, midnights that come twice or never, a day skipped, 29 February, year ends. */
export const MOMENTS: readonly Moment[] = [
  ['UTC', '2024-02-29T12:00:00.000Z'],
  ['UTC', '2023-03-01T00:00:00.000Z'],
  ['UTC', '2024-12-31T23:59:59.999Z'],
  ['Europe/Berlin', '2024-03-31T12:34:56.789Z'],
  ['Europe/Berlin', '2024-10-27T01:30:00.000Z'],
  ['America/New_York', '2024-11-03T05:30:00.000Z'],
  ['America/New_York', '2025-03-09T07:00:00.000Z'],
  ['America/Sao_Paulo', '2018-11-04T03:00:00.000Z'],
  ['America/Sao_Paulo', '2018-02-18T02:30:00.000Z'],
  ['America/St_Johns', '2010-11-07T03:00:00.000Z'],
  ['America/St_Johns', '2010-11-07T02:30:30.000Z'],
  ['Pacific/Apia', '2011-12-31T20:00:00.000Z'],
  ['Australia/Lord_Howe', '2025-04-05T15:15:00.000Z'],
  ['Asia/Kolkata', '2026-02-28T18:29:59.999Z'],
  ['Africa/Cairo', '2024-04-26T22:00:00.000Z'],
].map(([timeZone = '', iso = '']) => ({ timeZone, asOfMs: Date.parse(iso) }));

/**
 * A time of a fact, said from the clock at its writing: so many milliseconds away, or from the beginning of a local day; or from the
 * beginning of the whole history, so that the same time is sent again later.
 */
export type TimeFromNow =
  | { readonly from: 'now'; readonly offsetMs: number }
  | { readonly from: 'day'; readonly days: number; readonly offsetMs: number }
  | { readonly from: 'start'; readonly offsetMs: number };

export interface Standpoint {
  readonly nowMs: number;
  readonly startMs: number;
  readonly timeZone: string;
}

export function timeMs(time: TimeFromNow, { nowMs, startMs, timeZone }: Standpoint): number {
  if (time.from === 'now') return nowMs + time.offsetMs;
  if (time.from === 'start') return startMs + time.offsetMs;
  return dayStartMs(addDays(localDate(nowMs, timeZone), time.days), timeZone) + time.offsetMs;
}

/** `customers.id`: the first eight bytes of SHA-256 of the caller's id, as a signed number. */
export function customerKeyOf(id: string): CustomerKey {
  return createHash('sha256').update(id, 'utf8').digest().readBigInt64BE(0).toString();
}
