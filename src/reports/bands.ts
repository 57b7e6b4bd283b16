// In charge of the fixed bands of distributions: where each begins, the same in every shop, so that reports can be compared side by side.
import { DAY_MS } from '../base/durations.ts';
import type { Amounts } from './masks.ts';
import { type Part, partOf } from './part.ts';

export interface Band extends Part {
  /** inclusive; null: no lower bound, or, if `to` is null too, the customers for whom there is nothing to measure */
  readonly from: number | null;
  /** exclusive; null: no upper bound */
  readonly to: number | null;
}

/** Years of age. */
export const AGE_BANDS = [18, 25, 35, 45, 55, 65] as const;
/** Orders to date. */
export const ORDER_BANDS = [1, 2, 3, 4, 5, 10, 20, 50] as const;
/** Whole days of 24 hours since the last order. */
export const RECENCY_BANDS = [0, 7, 30, 60, 90, 180, 365] as const;
/** Days with an event in the period. */
export const ACTIVE_DAY_BANDS = [1, 2, 3, 5, 10, 20, 50, 100] as const;
/** Units of the service's currency, in which usual amounts may be large or small numbers. */
export const MONEY_BANDS: readonly number[] = [
  0,
  ...Array.from({ length: 9 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat(),
  1e9,
];

/** `width_bucket` of Postgres over ascending bounds: 0 lies before the first bound, n at or after the n-th. */
export type Bucket = number;

/** From the first to the last band that anybody is in; `unmeasured` comes first if it is given. */
export function toBands(
  bounds: readonly number[],
  counted: ReadonlyMap<Bucket, Amounts>,
  totals: Amounts,
  index: number,
  unmeasured?: Amounts,
): readonly Band[] {
  const none: Amounts = { inside: [], everybody: 0n };
  const filled = [...counted].filter(([, { everybody }]) => everybody > 0n).map(([bucket]) => bucket);
  const first = Math.min(...filled);
  const last = Math.max(...filled);
  const bands = [null, ...bounds].map((from, bucket) => ({
    bucket,
    band: { from, to: bounds[bucket] ?? null, ...partOf(counted.get(bucket) ?? none, totals, index) },
  }));
  return [
    ...(unmeasured === undefined ? [] : [{ from: null, to: null, ...partOf(unmeasured, totals, index) }]),
    ...bands.filter(({ bucket }) => bucket >= first && bucket <= last).map(({ band }) => band),
  ];
}

/** The birthdays, ascending, on or after which somebody is a band younger: ages fall from band to band. The last is tomorrow: a birthday to come. */
export function birthdayBounds(day: { readonly year: number; readonly month: number; readonly dayOfMonth: number }): readonly string[] {
  return [...[...AGE_BANDS].reverse(), 0].map((age) => {
    const year = day.year - age;
    const lastOfMonth = new Date(Date.UTC(year, day.month, 0)).getUTCDate();
    // the day after the latest birthday of somebody of that age; the anniversary of 29 February is 1 March in common years
    const latest = Date.UTC(year, day.month - 1, Math.min(day.dayOfMonth, lastOfMonth));
    return new Date(latest + DAY_MS).toISOString().slice(0, 10);
  });
}

/** By the bucket of `birthdayBounds`: `65+`, `55–64`, …, `under 18`. */
export const AGE_LABELS: readonly string[] = [
  '65+',
  ...[...AGE_BANDS]
    .reverse()
    .slice(1)
    .map((age, index) => `${age}–${([...AGE_BANDS].reverse()[index] ?? 0) - 1}`),
  'under 18',
];

/** Of birthdays to come, whose age is missing, as it is in rules. */
export const UNBORN: Bucket = AGE_LABELS.length;
