// In charge of segments as their owners see them: create, name, list, versions, publish. Which customers are in them is decided elsewhere.
import { noteWrite } from '../access/write-record.ts';
import type { Clock } from '../base/clock.ts';
import type { Catalog, SegmentStatus } from '../catalog/catalog.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { registerTypes, type TypeProposal } from '../catalog/registered-types.ts';
import { asQueryable, type Client, type Database, toQuery } from '../db/database.ts';
import { inTransaction, sqlState } from '../db/transaction.ts';
import { AppError, type ErrorDetail } from '../errors.ts';
import { checkInput } from '../rules/check-rule.ts';
import type { CheckedRule } from '../rules/checked-rule.ts';
import type { Diagnostic } from '../rules/diagnostic.ts';
import { ruleToJson } from '../rules/print-json.ts';
import { printRule } from '../rules/print-text.ts';
import { changeDefinitions } from './definitions.ts';
import { tellPublished } from './notices.ts';
import { queueRun, type RunCause, type RunStatus } from './runs.ts';

export interface Segment {
  readonly id: number;
  readonly key: string;
  readonly name: string;
  readonly description: string | null;
  readonly icon: string | null;
  readonly color: string | null;
  readonly reviewAtMs: number | null;
  readonly kind: 'rule' | 'manual';
  readonly status: SegmentStatus;
  readonly failure: string | null;
  /** when a failed one is tried again by itself */
  readonly retryAtMs: number | null;
  readonly memberCount: number;
  /** the published version */
  readonly version: number | null;
  /** the newest version, where it is newer than the published one */
  readonly draft: number | null;
  readonly evaluatedAtMs: number | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** the newest run */
  readonly run: {
    readonly id: string;
    readonly cause: RunCause;
    readonly status: RunStatus;
    readonly done: number;
    readonly total: number;
  } | null;
}

export interface SegmentVersion {
  readonly number: number;
  readonly text: string;
  readonly json: unknown;
  readonly note: string | null;
  readonly author: string | null;
  readonly createdAtMs: number;
  readonly publishedAtMs: number | null;
}

export interface NewSegment {
  readonly key: string;
  readonly name: string;
  readonly description?: string | null;
  readonly icon?: string | null;
  readonly color?: string | null;
  readonly kind: 'rule' | 'manual';
  /** text or JSON form; a manual segment has the rule of its kind */
  readonly rule: unknown;
  readonly publish: boolean;
  readonly author: string | null;
}

export interface SegmentEdit {
  readonly name?: string;
  readonly description?: string | null;
  readonly icon?: string | null;
  readonly color?: string | null;
  readonly reviewAtMs?: number | null;
}

export interface Published {
  readonly runId: string;
  readonly version: number;
}

interface SegmentRow {
  id: number;
  key: string;
  name: string;
  description: string | null;
  icon: string | null;
  color: string | null;
  review_at: number | null;
  kind: 'rule' | 'manual';
  status: SegmentStatus;
  failure: string | null;
  retry_at: number | null;
  member_count: string;
  version: number | null;
  newest_version: number | null;
  evaluated_at: number | null;
  created_at: number;
  updated_at: number;
  run_id: string | null;
  run_cause: RunCause | null;
  run_status: RunStatus | null;
  run_done: string | null;
  run_total: string | null;
}

const SELECT_SEGMENTS = `
  select s.id, s.key, s.name, s.description, s.icon, s.color, s.review_at, s.kind, s.status, s.failure, s.retry_at,
    coalesce(z.member_count, 0) as member_count, s.version, v.newest_version, s.evaluated_at, s.created_at, s.updated_at,
    r.id as run_id, r.cause as run_cause, r.status as run_status, r.done as run_done, r.total as run_total
  from segments as s
  left join segment_sizes as z on z.segment_id = s.id
  left join lateral (
    select max(n.number) as newest_version
    from segment_versions as n
    where n.segment_id = s.id
  ) as v on true
  left join lateral (
    select q.id, q.cause, q.status, q.done, q.total
    from runs as q
    where q.segment_id = s.id and q.cause <> 'move'
    order by q.id desc
    limit 1
  ) as r on true`;

function toSegment(row: SegmentRow): Segment {
  return {
    id: row.id,
    key: row.key,
    name: row.name,
    description: row.description,
    icon: row.icon,
    color: row.color,
    reviewAtMs: row.review_at,
    kind: row.kind,
    status: row.status,
    failure: row.failure,
    retryAtMs: row.retry_at,
    memberCount: Number(row.member_count),
    version: row.version,
    draft: row.newest_version !== null && row.newest_version > (row.version ?? 0) ? row.newest_version : null,
    evaluatedAtMs: row.evaluated_at,
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
    run:
      row.run_id === null || row.run_cause === null || row.run_status === null
        ? null
        : { id: row.run_id, cause: row.run_cause, status: row.run_status, done: Number(row.run_done), total: Number(row.run_total) },
  };
}

/** In order of key; with `keys` those alone. */
export async function listSegments(
  database: Database,
  query: { readonly afterKey?: string; readonly keys?: readonly string[]; readonly limit: number },
): Promise<Segment[]> {
  const rows = await database.query<SegmentRow>({
    name: 'list_segments',
    text: `${SELECT_SEGMENTS} where ($1::text is null or s.key > $1) and ($3::text[] is null or s.key = any($3)) order by s.key limit $2`,
    values: [query.afterKey ?? null, query.limit, query.keys ?? null],
  });
  return rows.map(toSegment);
}

/** Throws `not_found`. */
export async function getSegment(database: Database, key: string): Promise<Segment> {
  const [row] = await database.query<SegmentRow>({ name: 'get_segment', text: `${SELECT_SEGMENTS} where s.key = $1`, values: [key] });
  if (row === undefined) throw segmentNotFound(key);
  return toSegment(row);
}

/** In order of key; who is not there is left out. */
export async function getSegments(database: Database, keys: readonly string[]): Promise<Segment[]> {
  if (keys.length === 0) return [];
  const rows = await database.query<SegmentRow>({
    name: 'get_segments',
    text: `${SELECT_SEGMENTS} where s.key = any($1::text[]) order by s.key`,
    values: [keys],
  });
  return rows.map(toSegment);
}

function segmentNotFound(key: string): AppError {
  return new AppError('not_found', `There is no segment “${key}”.`);
}

/** The segment, its row locked until the transaction ends; `expected` (the ETag's condition) sees it under that lock. Throws `not_found` and what `expected` throws. */
export async function lockSegment(client: Client, key: string, expected: (segment: Segment) => void = () => {}): Promise<Segment> {
  await client.query('select s.id from segments as s where s.key = $1 for update', [key]);
  const { rows } = await client.query<SegmentRow>(`${SELECT_SEGMENTS} where s.key = $1`, [key]);
  const [row] = rows;
  if (row === undefined) throw segmentNotFound(key);
  const segment = toSegment(row);
  expected(segment);
  return segment;
}

/** A rule as it is stored: the author's text (or the printed one, where JSON was sent) and the canonical JSON. */
interface StoredRule {
  readonly text: string;
  readonly json: unknown;
  readonly checked: CheckedRule;
}

/** Throws `invalid_rule` with every diagnostic. */
function readRule(input: unknown, catalog: Catalog, segmentKey: string, purpose: 'check' | 'publish'): StoredRule {
  const { checked, errors } = checkInput(input, catalog, { purpose, segmentKey });
  if (checked === null) throw invalidRule(errors);
  return { text: typeof input === 'string' ? input : printRule(checked.rule), json: ruleToJson(checked.rule), checked };
}

export function invalidRule(problems: readonly Diagnostic[]): AppError {
  const errors = problems.map(toErrorDetail);
  return new AppError('invalid_rule', errors.length === 1 ? (errors[0]?.detail ?? '') : `The rule has ${errors.length} mistakes.`, {
    errors,
  });
}

export function toErrorDetail({ code, detail, place, hint }: Diagnostic): ErrorDetail {
  return { code, detail, ...('pointer' in place ? { pointer: place.pointer } : { span: place }), ...(hint === undefined ? {} : { hint }) };
}

/** The rule of a manual segment: only pins put anybody into it. */
const NOBODY = 'not everyone';

/** Stores the segment with version 1, published at once if asked. Throws `already_exists`, `invalid_rule`. */
export async function createSegment(
  database: Database,
  clock: Clock,
  segment: NewSegment,
): Promise<{ readonly segment: Segment; readonly run: string | null }> {
  const isManual = segment.kind === 'manual';
  const publish = segment.publish || isManual; // there is nothing to draft
  const rule = readRule(isManual ? NOBODY : segment.rule, await loadCatalog(database), segment.key, publish ? 'publish' : 'check');
  const now = new Date(clock.nowMs()).toISOString();
  const store = async (client: Client): Promise<string | null> => {
    const { rows } = await client.query<{ id: number }>(
      `insert into segments (key, name, description, icon, color, kind, has_pins, status, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $6 = 'manual', 'draft', $7::timestamptz, $7::timestamptz)
       returning id`,
      [segment.key, segment.name, segment.description ?? null, segment.icon ?? null, segment.color ?? null, segment.kind, now],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('the segment was not stored');
    await insertVersion(client, row.id, 1, rule, { note: null, author: segment.author }, now);
    const runId = publish ? await publishIn(client, clock, { id: row.id, key: segment.key }, { number: 1, rule: rule.json }) : null;
    await noteSegment(client, segment.key, null, { ...segment, rule: rule.text });
    return runId;
  };
  const stored = publish ? changeDefinitions(database, clock, store) : inTransaction(database, store);
  const run = await stored.catch((error: unknown) => {
    if (sqlState(error) === '23505') throw new AppError('already_exists', `There is a segment “${segment.key}” already.`, { cause: error });
    throw error;
  });
  return { segment: await getSegment(database, segment.key), run };
}

async function insertVersion(
  client: Client,
  segmentId: number,
  number: number,
  rule: StoredRule,
  by: { readonly note: string | null; readonly author: string | null },
  now: string,
): Promise<void> {
  await client.query(
    `insert into segment_versions (segment_id, number, text, rule, note, author, created_at)
     values ($1, $2, $3, $4::jsonb, $5, $6, $7::timestamptz)`,
    [segmentId, number, rule.text, JSON.stringify(rule.json), by.note, by.author, now],
  );
}

/** Changes what is not a matter of versions; `expected` (the ETag's condition) sees the row under its lock. Throws `not_found` and what `expected` throws. */
export async function updateSegment(
  database: Database,
  clock: Clock,
  key: string,
  edit: SegmentEdit,
  expected: (segment: Segment) => void,
): Promise<Segment> {
  await inTransaction(database, async (client) => {
    const before = await lockSegment(client, key, expected);
    const after = { ...before, ...edit };
    await client.query(
      `update segments as s
       set name = $2, description = $3, icon = $4, color = $5, review_at = $6::timestamptz, updated_at = $7::timestamptz
       where s.id = $1`,
      [
        before.id,
        after.name,
        after.description,
        after.icon,
        after.color,
        after.reviewAtMs === null ? null : new Date(after.reviewAtMs).toISOString(),
        new Date(clock.nowMs()).toISOString(),
      ],
    );
    await noteSegment(client, key, pick(before, edit), edit);
  });
  return getSegment(database, key);
}

/** What an edit touches, as it was. */
function pick(before: Segment, edit: SegmentEdit): object {
  return Object.fromEntries((Object.keys(edit) as (keyof SegmentEdit)[]).map((name) => [name, before[name]]));
}

/** For the audit. */
export function noteSegment(client: Client, key: string, before: object | null, after: object): Promise<void> {
  return noteWrite(client, { target: `segments/${key}`, changes: [{ customerKey: null, content: { before, after } }] });
}

export interface NewVersion {
  readonly rule: unknown;
  readonly note?: string | null;
  readonly author: string | null;
}

/** Numbered on from the newest, never changed again. Throws `not_found`, `invalid_rule`. → the new version's number */
export async function addVersion(
  database: Database,
  clock: Clock,
  key: string,
  version: NewVersion,
  expected: (segment: Segment) => void = () => {},
): Promise<number> {
  const rule = readRule(version.rule, await loadCatalog(database), key, 'check');
  return inTransaction(database, async (client) => {
    const number = await storeVersion(client, clock, key, rule, version, expected);
    await noteSegment(client, key, null, { draft: number, rule: rule.text, note: version.note });
    return number;
  });
}

/** Both or neither. Throws `not_found`, `invalid_rule`. */
export async function addPublishedVersion(
  database: Database,
  clock: Clock,
  key: string,
  version: NewVersion,
  expected: (segment: Segment) => void = () => {},
): Promise<Published> {
  const rule = readRule(version.rule, await loadCatalog(database), key, 'publish');
  return changeDefinitions(database, clock, async (client) => {
    const number = await storeVersion(client, clock, key, rule, version, expected);
    const before = await lockSegment(client, key);
    const runId = await publishIn(client, clock, { id: before.id, key }, { number, rule: rule.json });
    await noteSegment(client, key, statusOf(before), {
      version: number,
      status: 'building',
      rule: rule.text,
      note: version.note,
      run: runId,
    });
    return { version: number, runId };
  });
}

async function storeVersion(
  client: Client,
  clock: Clock,
  key: string,
  rule: StoredRule,
  { note = null, author }: NewVersion,
  expected: (segment: Segment) => void,
): Promise<number> {
  const { id, kind } = await lockSegment(client, key, expected);
  if (kind === 'manual') throw new AppError('conflict', `Segment “${key}” is manual: it has no rule, its members are added by hand.`);
  const { rows } = await client.query<{ number: number }>(
    'select coalesce(max(v.number), 0) + 1 as number from segment_versions as v where v.segment_id = $1',
    [id],
  );
  const number = rows[0]?.number ?? 1;
  await insertVersion(client, id, number, rule, { note, author }, new Date(clock.nowMs()).toISOString());
  return number;
}

interface VersionRow {
  number: number;
  text: string;
  rule: unknown;
  note: string | null;
  author: string | null;
  created_at: number;
  published_at: number | null;
}

const SELECT_VERSIONS = `
  select v.number, v.text, v.rule, v.note, v.author, v.created_at, v.published_at
  from segment_versions as v
  join segments as s on s.id = v.segment_id`;

function toVersion(row: VersionRow): SegmentVersion {
  return {
    number: row.number,
    text: row.text,
    json: row.rule,
    note: row.note,
    author: row.author,
    createdAtMs: row.created_at,
    publishedAtMs: row.published_at,
  };
}

/** Newest first. Throws `not_found`. */
export async function listVersions(
  database: Database,
  key: string,
  query: { readonly beforeNumber?: number; readonly limit: number },
): Promise<SegmentVersion[]> {
  await getSegment(database, key);
  const rows = await database.query<VersionRow>({
    name: 'list_versions',
    text: `${SELECT_VERSIONS} where s.key = $1 and ($2::integer is null or v.number < $2) order by v.number desc limit $3`,
    values: [key, query.beforeNumber ?? null, query.limit],
  });
  return rows.map(toVersion);
}

/** Throws `not_found`. */
export async function getVersion(database: Database, key: string, number: number): Promise<SegmentVersion> {
  const [row] = await database.query<VersionRow>({
    name: 'get_version',
    text: `${SELECT_VERSIONS} where s.key = $1 and v.number = $2`,
    values: [key, number],
  });
  if (row === undefined) throw new AppError('not_found', `Segment “${key}” has no version ${number}.`);
  return toVersion(row);
}

/**
 * Makes a version the one in force, an older one too, and queues the run that brings everybody under it; an archived segment comes back by
 * it. The rule is checked again under the lock, so two publishes at once cannot close a cycle. Throws `not_found`, `invalid_rule`.
 */
export async function publishVersion(
  database: Database,
  clock: Clock,
  key: string,
  number: number,
  expected: (segment: Segment) => void = () => {},
): Promise<Published> {
  const version = await getVersion(database, key, number);
  const runId = await changeDefinitions(database, clock, async (client) => {
    const before = await lockSegment(client, key, expected);
    const run = await publishIn(client, clock, { id: before.id, key }, { number, rule: version.json });
    await noteSegment(client, key, statusOf(before), { version: number, status: 'building', run });
    return run;
  });
  return { runId, version: number };
}

/** For the audit. */
export function statusOf({ version, status }: Segment): object {
  return { version, status };
}

async function publishIn(
  client: Client,
  clock: Clock,
  segment: { readonly id: number; readonly key: string },
  version: { readonly number: number; readonly rule: unknown },
): Promise<string> {
  await client.query('update segment_versions as v set published_at = $3::timestamptz where v.segment_id = $1 and v.number = $2', [
    segment.id,
    version.number,
    new Date(clock.nowMs()).toISOString(),
  ]);
  const runId = await putInForce(client, clock, segment, version, 'definition');
  await tellPublished(client, segment.id, runId, clock.nowMs());
  return runId;
}

/** Inside `changeDefinitions`: from the commit on the version is evaluated at every write, and a run is queued. Throws `invalid_rule`. → the run's id */
export async function putInForce(
  client: Client,
  clock: Clock,
  segment: { readonly id: number; readonly key: string },
  version: { readonly number: number; readonly rule: unknown },
  cause: RunCause,
): Promise<string> {
  const { checked } = readRule(version.rule, await loadCatalog(asQueryable(client)), segment.key, 'publish');
  await registerAssumed(client, checked);
  const nowMs = clock.nowMs();
  await client.query(
    `update segments as s
     set version = $2, status = 'building', failure = null, failures = 0, retry_at = null, due_at = null, updated_at = $3::timestamptz
     where s.id = $1`,
    [segment.id, version.number, new Date(nowMs).toISOString()],
  );
  return queueRun(client, segment.id, version.number, cause, nowMs);
}

/**
 * What a live rule takes a property for that nobody has sent yet is its type from now on, so that no later value can break the rule. Over any
 * event it is no event's type, and need not be: see check-stored.ts.
 */
async function registerAssumed(client: Client, { assumed }: CheckedRule): Promise<void> {
  const proposals: TypeProposal[] = [];
  for (const [event, name, type] of assumed) {
    if (event !== null) proposals.push({ event, name: null, type: 'event' }, { event, name, type });
  }
  if (proposals.length > 0) await client.query(toQuery(registerTypes(proposals)));
}

/** Queues a full evaluation of a live segment. Throws `not_found`, `conflict`. → the run's id */
export async function refreshSegment(database: Database, clock: Clock, key: string): Promise<string> {
  return inTransaction(database, async (client) => {
    const { id, version, status, run } = await lockSegment(client, key);
    if (version === null || (status !== 'active' && status !== 'building')) {
      throw new AppError('conflict', `Segment “${key}” is ${status}; only a live one can be refreshed.`);
    }
    // what it takes the place of is still why the members change
    const cause = run !== null && (run.status === 'queued' || run.status === 'running') ? run.cause : 'refresh';
    const runId = await queueRun(client, id, version, cause, clock.nowMs());
    await noteSegment(client, key, null, { run: runId });
    return runId;
  });
}

/** Segments whose answer flips without any row: their runs are queued in order of their instants. → how many */
export async function queueConstantFlips(database: Database, clock: Clock, asOfMs: number): Promise<number> {
  return inTransaction(database, async (client) => {
    const { rows } = await client.query<{ id: number; version: number }>(
      `update segments as s
       set due_at = null
       where s.due_at <= $1::timestamptz and s.status = 'active' and s.version is not null
       returning s.id, s.version`,
      [new Date(asOfMs).toISOString()],
    );
    for (const row of rows) await queueRun(client, row.id, row.version, 'time', clock.nowMs());
    return rows.length;
  });
}
