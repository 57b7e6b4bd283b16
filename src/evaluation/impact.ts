// In charge of saying what publishing a version would do, before anybody does it: who enters, who leaves, and what that means for the segments
// that name it. A program is made with that version in place, and its answers are compared with the current members. Nothing is stored.

import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { readAsOf } from '../db/as-of.ts';
import { fitTo } from '../db/citus.ts';
import { asQueryable, type Database } from '../db/database.ts';
import { inScan } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { checkInput } from '../rules/check-rule.ts';
import { type Definitions, type LiveSegment, loadDefinitions } from '../segments/definitions.ts';
import { diffRule, diffVersions, type VersionsDiff } from '../segments/diff-versions.ts';
import { getVersion, invalidRule } from '../segments/versions.ts';
import type { EvaluationLimits } from './evaluation-limits.ts';
import { type Chunk, nextChunk } from './next-chunk.ts';
import { Program } from './program.ts';

export interface ImpactRequest {
  readonly key: string;
  /** one of its versions, or a rule that is stored nowhere yet */
  readonly wanted: { readonly number: number } | { readonly rule: unknown };
  /** compare with what this version would give now, instead of with the current members */
  readonly against?: number;
  /** customers in each sample, 0 to 1,000 */
  readonly sample: number;
}

export interface Impact {
  readonly asOfMs: number;
  readonly entering: number;
  readonly leaving: number;
  readonly staying: number;
  /** the first by id */
  readonly sampleEntering: readonly string[];
  readonly sampleLeaving: readonly string[];
  /** live segments that depend on it, at any depth: their rules name it, or they share a group with it */
  readonly dependents: readonly { readonly key: string; readonly name: string; readonly entering: number; readonly leaving: number }[];
  /** entries and exits, of the dependents too */
  readonly changes: number;
  /** the same by segment: consumers of the changes (webhooks) count by these */
  readonly bySegment: ReadonlyMap<number, { readonly entering: number; readonly leaving: number }>;
  /** the segment that is asked about */
  readonly segmentId: number;
  readonly rulesDiff: VersionsDiff;
}

interface Asking {
  readonly database: Database;
  readonly clock: Clock;
  readonly timeZone: string;
  readonly limits: EvaluationLimits;
}

/**
 * Goes through chunks of customers in one snapshot, as long as the caller waits. Throws `not_found`, `invalid_rule`, `unavailable` (broken off),
 * and what evaluation throws.
 */
export async function findImpact(asking: Asking, request: ImpactRequest, signal: AbortSignal): Promise<Impact> {
  const { database, limits } = asking;
  const { key, wanted } = request;
  const rulesDiff =
    'rule' in wanted ? await diffRule(database, key, wanted.rule) : await diffVersions(database, key, wanted.number, request.against);
  const definitions = await loadDefinitions(database);
  const after = new Program(await withVersion(database, definitions, key, wanted, 'publish'), limits);
  const before =
    request.against === undefined
      ? null
      : new Program(await withVersion(database, definitions, key, { number: request.against }, 'check'), limits);
  const targetId = definitions.segmentIds.get(key);
  assert(targetId !== undefined, 'a segment with versions has an id');
  const question: Question = { after, before, targetId, segmentIds: after.withDependents([targetId]), sample: request.sample };

  return inScan(database, async (client) => {
    await client.query('set transaction isolation level repeatable read');
    await client.query(`set local statement_timeout = ${limits.scanTimeoutMs}`);
    const asOfMs = await readAsOf(client, asking.clock);
    const tallies = new Map(question.segmentIds.map((id) => [id, emptyTally()]));
    let afterKey: CustomerKey = LEAST_KEY;
    for (;;) {
      if (signal.aborted) throw new AppError('unavailable', 'The answer was broken off; ask again.');
      const chunk = await nextChunk(asQueryable(client), afterKey, limits.chunkCustomers);
      if (chunk === null) break;
      const { text, values } = countChunk(question, { ...chunk, asOfMs, timeZone: asking.timeZone });
      const { rows } = await client.query<TallyRow>(await fitTo(client, text), values);
      for (const row of rows) addTally(tallies.get(row.id), row, request.sample);
      afterKey = chunk.throughKey;
    }
    return summarize(definitions, question, tallies, asOfMs, rulesDiff);
  });
}

/** The definitions as they would be with that version in force. */
async function withVersion(
  database: Database,
  definitions: Definitions,
  key: string,
  wanted: ImpactRequest['wanted'],
  purpose: 'check' | 'publish',
): Promise<Definitions> {
  const rule = 'rule' in wanted ? wanted.rule : (await getVersion(database, key, wanted.number)).json;
  const { checked, errors } = checkInput(rule, definitions.catalog, { purpose, segmentKey: key });
  if (checked === null) throw invalidRule(errors);
  const id = definitions.segmentIds.get(key);
  if (id === undefined) throw new Error(`segment ${key} has no id`);
  const segment: LiveSegment = {
    id,
    key,
    name: definitions.names.get(id)?.name ?? key,
    version: 'rule' in wanted ? 0 : wanted.number,
    building: false,
    checked,
  };
  const live = [...definitions.live.filter((other) => other.id !== id), segment].sort((one, other) => one.id - other.id);
  return { ...definitions, live };
}

interface Question {
  readonly after: Program;
  readonly before: Program | null;
  readonly targetId: number;
  readonly segmentIds: readonly number[];
  readonly sample: number;
}

interface Moment {
  readonly asOfMs: number;
  readonly timeZone: string;
}

interface TallyRow {
  id: number;
  entering: number;
  leaving: number;
  staying: number;
  sample_entering: string[] | null;
  sample_leaving: string[] | null;
}

/** One row per segment. The fence keeps Postgres from computing every membership again for each use of it. */
function countChunk({ after, before, targetId, segmentIds, sample }: Question, { asOfMs, timeZone, afterKey, throughKey }: Chunk & Moment) {
  const input = { asOfMs, timeZone, customers: { afterKey, throughKey } };
  const wanted = after.evaluation(segmentIds, 'range', (emitted) => emitted.text).emitted;
  const values = wanted.bind(input);
  let from = `(${wanted.text}) as a`;
  let had = 'a.have';
  if (before !== null) {
    const earlier = before.evaluation(segmentIds, 'range', (emitted) => emitted.text).emitted;
    from += ` join (${shiftParameters(earlier.text, values.length)}) as b on b.customer_id = a.customer_id`;
    had = 'b.want';
    values.push(...earlier.bind(input));
  }
  const parameter = (value: unknown, type: string) => `$${values.push(value)}::${type}`;
  const target = parameter(targetId, 'integer');
  const most = parameter(sample, 'integer');
  const text = `
    select s.id,
      count(*) filter (where e.wants and not e.has)::integer as entering,
      count(*) filter (where e.has and not e.wants)::integer as leaving,
      count(*) filter (where e.wants and e.has)::integer as staying,
      (array_agg(c.external_id order by c.external_id) filter (where c.id is not null and e.wants))[1:${most}] as sample_entering,
      (array_agg(c.external_id order by c.external_id) filter (where c.id is not null and e.has))[1:${most}] as sample_leaving
    from (select f.* from (select a.customer_id, a.want, ${had} as have from ${from}) as f offset 0) as w
    cross join unnest(${parameter(segmentIds, 'integer[]')}) as s (id)
    cross join lateral (select s.id = any(w.want) as wants, s.id = any(w.have) as has) as e
    left join customers as c on c.id = w.customer_id and s.id = ${target} and e.wants <> e.has
      and c.id > ${parameter(afterKey, 'bigint')} and c.id <= ${parameter(throughKey, 'bigint')}
    group by s.id`;
  return { text, values };
}

/** Emitted text never holds a value, so every `$` in it is a parameter. */
function shiftParameters(text: string, by: number): string {
  return text.replaceAll(/\$(\d+)/g, (_, number: string) => `$${Number(number) + by}`);
}

interface Tally {
  entering: number;
  leaving: number;
  staying: number;
  sampleEntering: readonly string[];
  sampleLeaving: readonly string[];
}

function emptyTally(): Tally {
  return { entering: 0, leaving: 0, staying: 0, sampleEntering: [], sampleLeaving: [] };
}

function addTally(tally: Tally | undefined, row: TallyRow, sample: number): void {
  if (tally === undefined) throw new Error(`segment ${row.id} was not asked for`);
  tally.entering += row.entering;
  tally.leaving += row.leaving;
  tally.staying += row.staying;
  tally.sampleEntering = firstOf([...tally.sampleEntering, ...(row.sample_entering ?? [])], sample);
  tally.sampleLeaving = firstOf([...tally.sampleLeaving, ...(row.sample_leaving ?? [])], sample);
}

/** By bytes, as Postgres orders ids: JavaScript's own order puts astral characters before some others. */
function firstOf(ids: readonly string[], count: number): readonly string[] {
  return [...ids].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))).slice(0, count);
}

function summarize(
  definitions: Definitions,
  { targetId, segmentIds }: Question,
  tallies: ReadonlyMap<number, Tally>,
  asOfMs: number,
  rulesDiff: VersionsDiff,
): Impact {
  const { entering, leaving, staying, sampleEntering, sampleLeaving } = tallies.get(targetId) ?? emptyTally();
  const dependents = segmentIds
    .filter((id) => id !== targetId)
    .map((id) => {
      const name = definitions.names.get(id);
      const tally = tallies.get(id) ?? emptyTally();
      assert(name !== undefined, 'a dependent has a name');
      return { key: name.key, name: name.name, entering: tally.entering, leaving: tally.leaving };
    })
    .sort((one, other) => (one.key < other.key ? -1 : 1));
  const changes = [...tallies.values()].reduce((sum, tally) => sum + tally.entering + tally.leaving, 0);
  const about = { segmentId: targetId, bySegment: tallies, changes, rulesDiff };
  return { asOfMs, entering, leaving, staying, sampleEntering, sampleLeaving, dependents, ...about };
}
