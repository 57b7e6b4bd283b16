// In charge of how segments grew in the period of a report: who entered and left on each day and why, up to what the snapshot holds. Changes
// that are decided but have no place in the feed yet are included, so that the last size is that of the members that all other figures are
// about.
import { readSizesOf, type Size } from '../changes/read-sizes.ts';
import type { ReportSource } from './in-report.ts';
import type { ReportPeriod } from './period.ts';

export interface Trend {
  readonly points: readonly Size[];
  readonly entered: number;
  readonly left: number;
  /** how many of the included changes have no place in the feed yet; 0: all figures are exactly those at the position */
  readonly unnumbered: number;
}

interface WaitingRow {
  readonly segment_id: number;
  readonly day: number;
  readonly cause: string;
  readonly entered: string;
  readonly exited: string;
}

/** By the segment's id. */
export async function readTrends(
  { database }: ReportSource,
  segmentIds: readonly number[],
  { days }: ReportPeriod,
  timeZone: string,
): Promise<ReadonlyMap<number, Trend>> {
  const sizes = await readSizesOf(database, segmentIds, days, timeZone);
  const waiting = await database.query<WaitingRow & Record<string, never>>({
    text: `
      select o.segment_id, width_bucket(o.at, $2::timestamptz[]) as day, o.cause,
        count(*) filter (where o.type = 'entered') as entered, count(*) filter (where o.type = 'exited') as exited
      from outbox as o
      where o.segment_id = any($1::integer[])
      group by o.segment_id, day, o.cause
      order by o.segment_id, day, o.cause`,
    values: [segmentIds, days.startsMs.map((startMs) => new Date(startMs).toISOString())],
  });
  const bySegment = Map.groupBy(waiting, ({ segment_id }) => segment_id);
  return new Map(segmentIds.map((id) => [id, toTrend(sizes.get(id)?.points ?? [], bySegment.get(id) ?? [])]));
}

function toTrend(numbered: readonly Size[], waiting: readonly WaitingRow[]): Trend {
  const byDay = Map.groupBy(waiting, ({ day }) => day);
  let waited = net(byDay.get(0) ?? []);
  const points = numbered.map((point, index) => {
    const added = byDay.get(index + 1) ?? [];
    waited += net(added);
    return addTo({ ...point, size: point.size + waited }, added);
  });
  const sum = (amountOf: (point: Size) => number) => points.reduce((total, point) => total + amountOf(point), 0);
  return {
    points,
    entered: sum(({ entered }) => entered),
    left: sum(({ left }) => left),
    unnumbered: waiting.reduce((total, { entered, exited }) => total + Number(entered) + Number(exited), 0),
  };
}

function net(rows: readonly WaitingRow[]): number {
  return rows.reduce((sum, { entered, exited }) => sum + Number(entered) - Number(exited), 0);
}

function addTo(point: Size, rows: readonly WaitingRow[]): Size {
  const causes = { ...point.causes };
  let { entered, left } = point;
  for (const row of rows) {
    const known = causes[row.cause] ?? { entered: 0, left: 0 };
    causes[row.cause] = { entered: known.entered + Number(row.entered), left: known.left + Number(row.exited) };
    entered += Number(row.entered);
    left += Number(row.exited);
  }
  return { ...point, entered, left, causes };
}
