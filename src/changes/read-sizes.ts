// In charge of sizes over time: how many members a segment had at the end of each hour, day, week or month, and how many entered and left
// in it. From the counts that are kept as changes are numbered (quarters of hours, days), never from the log.
import { unreachable } from '../base/assert.ts';
import { type Day, dayOf, dayStartMs, formatDay, moveByUnits, startOfUnit } from '../base/calendar.ts';
import { HOUR_MS } from '../base/durations.ts';
import type { Queryable } from '../db/database.ts';
import { sizeOf } from '../segments/segment-size.ts';

export const RESOLUTIONS = ['hour', 'day', 'week', 'month'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** The most points in one answer: 83 days by the hour, 5 years by the day. */
export const MAX_POINTS = 2000;
/** How many points if no beginning is given. */
export const USUAL_POINTS: Readonly<Record<Resolution, number>> = { hour: 48, day: 30, week: 26, month: 12 };

export const QUARTER_MS = 900_000;

/** Half-open periods that follow each other: the beginnings, and where the last one ends. */
export interface Periods {
  readonly resolution: Resolution;
  readonly startsMs: readonly number[];
  readonly endMs: number;
}

export interface Size {
  /** the period's beginning, in epoch milliseconds */
  readonly atMs: number;
  /** members at its end, or now in the last one */
  readonly size: number;
  readonly entered: number;
  readonly left: number;
  readonly causes: Readonly<Record<string, { readonly entered: number; readonly left: number }>>;
}

export interface Sizes {
  /** the position of the feed at which the sizes are exact */
  readonly position: string;
  readonly points: readonly Size[];
}

/**
 * The periods of that resolution in the zone from the one that holds `fromMs` to the last that begins before `toMs`. Hours are counted from
 * the beginning of their day, so that they are whole also in zones with half-hour offsets. null: more than 2,000.
 */
export function periodsBetween(resolution: Resolution, fromMs: number, toMs: number, timeZone: string): Periods | null {
  const startsMs: number[] = [];
  let endMs = firstStartMs(resolution, fromMs, timeZone);
  do {
    if (startsMs.length === MAX_POINTS) return null;
    startsMs.push(endMs);
    endMs = nextStartMs(resolution, endMs, timeZone);
  } while (endMs < toMs);
  return { resolution, startsMs, endMs };
}

/** The beginning that gives so many periods up to the one that holds the instant. */
export function usualFromMs(resolution: Resolution, toMs: number, timeZone: string): number {
  const count = USUAL_POINTS[resolution] - 1;
  if (resolution === 'hour') return toMs - count * HOUR_MS;
  return dayStartMs(moveByUnits(startOfUnit(dayOf(toMs, timeZone), resolution), resolution, -count), timeZone);
}

function firstStartMs(resolution: Resolution, instantMs: number, timeZone: string): number {
  const day = dayOf(instantMs, timeZone);
  switch (resolution) {
    case 'hour': {
      const startMs = dayStartMs(day, timeZone);
      return startMs + Math.floor((instantMs - startMs) / HOUR_MS) * HOUR_MS;
    }
    case 'day':
    case 'week':
    case 'month':
      return dayStartMs(startOfUnit(day, resolution), timeZone);
    default:
      return unreachable(resolution);
  }
}

function nextStartMs(resolution: Resolution, startMs: number, timeZone: string): number {
  const day = dayOf(startMs, timeZone);
  switch (resolution) {
    case 'hour':
      return Math.min(startMs + HOUR_MS, dayStartMs(day + 1, timeZone)); // a day of 23 and a half hours ends with half of one
    case 'day':
    case 'week':
    case 'month':
      return dayStartMs(moveByUnits(startOfUnit(day, resolution), resolution, 1), timeZone);
    default:
      return unreachable(resolution);
  }
}

interface SizeRow {
  segment_id: number;
  position: string;
  /** before the first period */
  size: string;
  period: number | null;
  cause: string;
  entered: string;
  exited: string;
}

export async function readSizes(database: Queryable, segmentId: number, periods: Periods, timeZone: string): Promise<Sizes> {
  const [sizes] = (await readSizesOf(database, [segmentId], periods, timeZone)).values();
  if (sizes === undefined) throw new Error('the feed row is missing');
  return sizes;
}

/** By segment id, for many segments in one statement. */
export async function readSizesOf(
  database: Queryable,
  segmentIds: readonly number[],
  periods: Periods,
  timeZone: string,
): Promise<ReadonlyMap<number, Sizes>> {
  const rows =
    periods.resolution === 'hour'
      ? await readQuarters(database, segmentIds, periods, timeZone)
      : await readDays(database, segmentIds, periods, timeZone);
  return new Map([...Map.groupBy(rows, (row) => row.segment_id)].map(([id, own]) => [id, toSizes(own, periods)]));
}

function toSizes(rows: readonly SizeRow[], periods: Periods): Sizes {
  const [first] = rows;
  if (first === undefined) throw new Error('the feed row is missing');
  let size = Number(first.size);
  const byPeriod = Map.groupBy(rows, (row) => row.period);
  const points = periods.startsMs.map((atMs, index) => {
    const causes = Object.fromEntries(
      (byPeriod.get(index + 1) ?? []).map((row) => [row.cause, { entered: Number(row.entered), left: Number(row.exited) }] as const),
    );
    const entered = Object.values(causes).reduce((sum, cause) => sum + cause.entered, 0);
    const left = Object.values(causes).reduce((sum, cause) => sum + cause.left, 0);
    size += entered - left;
    return { atMs, size, entered, left, causes };
  });
  return { position: first.position, points };
}

/** SQL: for each segment one row per period and cause with a change, at least one in all; the size is today's without the changes since. */
function sizesOf(periods: string, netSince: string): string {
  return `
    select s.segment_id, f.position, ${sizeOf('s.segment_id')} - (${netSince}) as size, p.period, p.cause, p.entered, p.exited
    from feed as f
    cross join unnest($1::integer[]) as s (segment_id)
    left join lateral (${periods}) as p on true
    order by s.segment_id, p.period, p.cause`;
}

/** Including what has been noted and will be counted within seconds. */
const QUARTERS = `(
        select w.segment_id, w.at, w.cause, w.entered, w.exited
        from segment_quarters as w
        union all
        select u.segment_id, u.at, u.cause, u.entered, u.exited
        from uncounted as u
      )`;

function daysIn(timeZone: string): string {
  return `(
        select w.segment_id, w.day, w.cause, w.entered, w.exited
        from segment_days as w
        union all
        select u.segment_id, strata_local_date(u.at, ${timeZone}), u.cause, u.entered, u.exited
        from uncounted as u
      )`;
}

function readDays(database: Queryable, segmentIds: readonly number[], { startsMs, endMs }: Periods, timeZone: string): Promise<SizeRow[]> {
  const days = [...startsMs, endMs].map((startMs) => dayOf(startMs, timeZone));
  return database.query<SizeRow>({
    name: 'read_sizes_by_day',
    text: sizesOf(
      `
      select width_bucket(d.day, $2::date[]) as period, d.cause, sum(d.entered) as entered, sum(d.exited) as exited
      from ${daysIn('$5')} as d
      where d.segment_id = s.segment_id and d.day >= $3::date and d.day < $4::date
      group by period, d.cause`,
      `select coalesce(sum(d.entered - d.exited), 0) from ${daysIn('$5')} as d where d.segment_id = s.segment_id and d.day >= $3::date`,
    ),
    values: [segmentIds, days.map(formatDay), formatDay(days[0] ?? 0), formatDay(days.at(-1) ?? 0), timeZone],
  });
}

/** The changes since are summed by quarters of an hour to the end of the first day, and by days from then on. */
function readQuarters(
  database: Queryable,
  segmentIds: readonly number[],
  { startsMs, endMs }: Periods,
  timeZone: string,
): Promise<SizeRow[]> {
  const [fromMs = endMs] = startsMs;
  const nextDay: Day = dayOf(fromMs, timeZone) + 1;
  const iso = (instantMs: number) => new Date(instantMs).toISOString();
  return database.query<SizeRow>({
    name: 'read_sizes_by_quarter',
    text: sizesOf(
      `
      select width_bucket(q.at, $2::timestamptz[]) as period, q.cause, sum(q.entered) as entered, sum(q.exited) as exited
      from ${QUARTERS} as q
      where q.segment_id = s.segment_id and q.at >= $3::timestamptz and q.at < $4::timestamptz
      group by period, q.cause`,
      `
      select coalesce(sum(n.net), 0)
      from (
        select d.entered - d.exited as net
        from ${daysIn('$7')} as d
        where d.segment_id = s.segment_id and d.day >= $5::date
        union all
        select q.entered - q.exited
        from ${QUARTERS} as q
        where q.segment_id = s.segment_id and q.at >= $3::timestamptz and q.at < $6::timestamptz
      ) as n`,
    ),
    values: [
      segmentIds,
      [...startsMs, endMs].map(iso),
      iso(fromMs),
      iso(endMs),
      formatDay(nextDay),
      iso(dayStartMs(nextDay, timeZone)),
      timeZone,
    ],
  });
}
