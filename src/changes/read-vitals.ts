// In charge of what an operator watches, as the database knows it: what waits, how long it has waited, what is open or failed. One statement,
// each part of it by an index and bounded, since it is asked at every scrape.
import type { Clock } from '../base/clock.ts';
import { fixedIso } from '../db/as-of.ts';
import type { Database } from '../db/database.ts';

export interface Vitals {
  readonly feedPosition: number;
  readonly outboxChanges: number;
  readonly outboxAgeS: number;
  readonly dueLooks: number;
  readonly dueAgeS: number;
  readonly pending: number;
  readonly queuedRuns: number;
  readonly runningRuns: number;
  readonly runAgeS: number;
  readonly imports: number;
  readonly segments: Readonly<Record<string, number>>;
  /** null: it has not come to an end yet */
  readonly walkAgeS: number | null;
}

const COUNTED_MOST = 100_000;

interface VitalsRow {
  now: number;
  position: string;
  outbox: string;
  outbox_at: number | null;
  looks: string;
  look_at: number | null;
  pending: string;
  queued: string;
  running: string;
  run_at: number | null;
  imports: string;
  segments: Record<string, number> | null;
  passed_at: number | null;
}

/** SQL: all of it as of an instant, which is SQL too. */
function vitalsAt(now: string): string {
  return `
    select ${now} as now,
      (select f.position from feed as f) as position,
      (select count(*) from (select from outbox as o limit ${COUNTED_MOST}) as o) as outbox,
      (select o.at from outbox as o order by o.decision, o.ordinal limit 1) as outbox_at,
      (select count(*) from (select from rechecks as r where r.due_at <= ${now} limit ${COUNTED_MOST}) as r) as looks,
      (select min(r.due_at) from rechecks as r where r.due_at <= ${now}) as look_at,
      (select count(*) from (select from pending as p limit ${COUNTED_MOST}) as p) as pending,
      (select count(*) from runs as u where u.status = 'queued') as queued,
      (select count(*) from runs as u where u.status = 'running') as running,
      (select min(u.queued_at) from runs as u where u.status in ('queued', 'running')) as run_at,
      (select count(*) from imports as m where m.status = 'running' and m.leased_until > ${now}) as imports,
      (
        select jsonb_object_agg(s.status, s.segments)
        from (select g.status, count(*) as segments from segments as g group by g.status) as s
      ) as segments,
      (select k.passed_at from self_check as k) as passed_at`;
}

export async function readVitals(database: Database, clock: Clock): Promise<Vitals> {
  const [row] = await database.query<VitalsRow>({
    name: 'read_vitals',
    text: `${vitalsAt('i.now')}
      from (select coalesce($1::timestamptz, clock_timestamp()) as now offset 0) as i`,
    textOnCitus: vitalsAt('(select coalesce($1::timestamptz, clock_timestamp()))'),
    values: [fixedIso(clock)],
  });
  if (row === undefined) throw new Error('the vitals were not read');
  const ageS = (atMs: number | null) => (atMs === null ? 0 : Math.max(0, row.now - atMs) / 1000);
  return {
    feedPosition: Number(row.position),
    outboxChanges: Number(row.outbox),
    outboxAgeS: ageS(row.outbox_at),
    dueLooks: Number(row.looks),
    dueAgeS: ageS(row.look_at),
    pending: Number(row.pending),
    queuedRuns: Number(row.queued),
    runningRuns: Number(row.running),
    runAgeS: ageS(row.run_at),
    imports: Number(row.imports),
    segments: row.segments ?? {},
    walkAgeS: row.passed_at === null ? null : ageS(row.passed_at),
  };
}
