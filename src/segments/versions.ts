// In charge of a segment's versions: rules as they are stored, numbered and never changed, and which of them is in force. Publishing queues the
// run that brings everybody under a version; what comes after it is lifecycle.ts.
import type { Clock } from '../base/clock.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { registerTypes, type TypeProposal } from '../catalog/registered-types.ts';
import { asQueryable, type Client, type Database, toQuery } from '../db/database.ts';
import { endWith, inTransaction } from '../db/transaction.ts';
import { AppError, type ErrorDetail } from '../errors.ts';
import { checkInput } from '../rules/check-rule.ts';
import type { CheckedRule } from '../rules/checked-rule.ts';
import type { Diagnostic } from '../rules/diagnostic.ts';
import { ruleToJson } from '../rules/print-json.ts';
import { printRule } from '../rules/print-text.ts';
import { changeDefinitions } from './change-definitions.ts';
import { tellPublished } from './notices.ts';
import { type QueuedRun, queueRun, type RunCause } from './runs.ts';
import { getSegment, lockSegment, noteSegment, type Precondition, statusOf } from './segments.ts';

export interface SegmentVersion {
  readonly number: number;
  readonly text: string;
  readonly json: unknown;
  readonly note: string | null;
  readonly author: string | null;
  readonly createdAtMs: number;
  readonly publishedAtMs: number | null;
}

export interface Published {
  readonly runId: string;
  readonly version: number;
}

/** A rule as it is stored: the author's text (or the printed one, where JSON was sent) and the canonical JSON. */
export interface StoredRule {
  readonly text: string;
  readonly json: unknown;
  readonly checked: CheckedRule;
}

/** Throws `invalid_rule` with every diagnostic. */
export function readRule(input: unknown, catalog: Catalog, segmentKey: string, purpose: 'check' | 'publish'): StoredRule {
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

export function toErrorDetail({ code, detail, place, hint, cycle }: Diagnostic): ErrorDetail {
  const more = { ...(hint === undefined ? {} : { hint }), ...(cycle === undefined ? {} : { cycle: [...cycle] }) };
  return { code, detail, ...('pointer' in place ? { pointer: place.pointer } : { span: place }), ...more };
}

/** Inside the caller’s transaction. */
export async function insertVersion(
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

export interface NewVersion {
  readonly rule: unknown;
  readonly note?: string | null;
  readonly author: string | null;
}

/** Gets the number after the newest, and is never changed again. Throws `not_found`, `invalid_rule`. → the new version's number */
export async function addVersion(
  database: Database,
  clock: Clock,
  key: string,
  version: NewVersion,
  precondition: Precondition = () => {},
): Promise<number> {
  const rule = readRule(version.rule, await loadCatalog(database), key, 'check');
  return inTransaction(database, async (client) => {
    const number = await storeVersion(client, clock, key, rule, version, precondition);
    await noteSegment(client, key, null, { draft: number, rule: rule.text, note: version.note });
    return number;
  });
}

/** Makes both changes or neither. Throws `not_found`, `invalid_rule`. */
export async function addPublishedVersion(
  database: Database,
  clock: Clock,
  key: string,
  version: NewVersion,
  precondition: Precondition = () => {},
): Promise<Published> {
  return changeDefinitions(database, clock, async (client) => {
    const rule = readRule(version.rule, await loadCatalog(asQueryable(client)), key, 'publish');
    const number = await storeVersion(client, clock, key, rule, version, precondition);
    const before = await lockSegment(client, key);
    const run = await publishIn(client, clock, before.id, { number, rule });
    await noteSegment(client, key, statusOf(before), {
      version: number,
      status: 'building',
      rule: rule.text,
      note: version.note,
      run: run.id,
    });
    return endWith(run.last, { version: number, runId: run.id });
  });
}

async function storeVersion(
  client: Client,
  clock: Clock,
  key: string,
  rule: StoredRule,
  { note = null, author }: NewVersion,
  precondition: Precondition,
): Promise<number> {
  const { id, kind } = await lockSegment(client, key, precondition);
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
 * Puts a version, possibly an older one, in force and queues the run that brings everybody under it; this also brings an archived segment
 * back. The rule is checked while no other definition can change, so two publishes at once cannot close a cycle. Throws `not_found`, `invalid_rule`.
 */
export async function publishVersion(
  database: Database,
  clock: Clock,
  key: string,
  number: number,
  precondition: Precondition = () => {},
): Promise<Published> {
  const version = await getVersion(database, key, number);
  const runId = await changeDefinitions(database, clock, async (client) => {
    const before = await lockSegment(client, key, precondition);
    const rule = readRule(version.json, await loadCatalog(asQueryable(client)), key, 'publish');
    const run = await publishIn(client, clock, before.id, { number, rule });
    await noteSegment(client, key, statusOf(before), { version: number, status: 'building', run: run.id });
    return endWith(run.last, run.id);
  });
  return { runId, version: number };
}

/** A version whose rule was checked for publishing inside the same `changeDefinitions`. */
export interface CheckedVersion {
  readonly number: number;
  readonly rule: StoredRule;
}

/** Inside `changeDefinitions`: in force from the commit on. → its run */
export async function publishIn(client: Client, clock: Clock, segmentId: number, version: CheckedVersion): Promise<QueuedRun> {
  await client.query('update segment_versions as v set published_at = $3::timestamptz where v.segment_id = $1 and v.number = $2', [
    segmentId,
    version.number,
    new Date(clock.nowMs()).toISOString(),
  ]);
  const { id, last } = await putInForce(client, clock, segmentId, version, 'definition');
  return { id, last: [...last, ...tellPublished(segmentId, id, clock.nowMs())] };
}

/** Inside `changeDefinitions`: from the commit on the version is evaluated at every write, and a run is queued. → the run */
export async function putInForce(
  client: Client,
  clock: Clock,
  segmentId: number,
  version: CheckedVersion,
  cause: RunCause,
): Promise<QueuedRun> {
  await registerAssumed(client, version.rule.checked);
  const nowMs = clock.nowMs();
  await client.query(
    `update segments as s
     set version = $2, status = 'building', failure = null, failures = 0, retry_at = null, due_at = null, updated_at = $3::timestamptz
     where s.id = $1`,
    [segmentId, version.number, new Date(nowMs).toISOString()],
  );
  return queueRun(client, segmentId, version.number, cause, nowMs);
}

/**
 * A property that nobody has sent yet gets the type that a live rule takes it to have, so that no later value can break the rule. If the rule
 * reads it of any event it becomes no event's type, and need not: see check-stored.ts.
 */
async function registerAssumed(client: Client, { assumed }: CheckedRule): Promise<void> {
  const proposals: TypeProposal[] = [];
  for (const [event, name, type] of assumed) {
    if (event !== null) proposals.push({ event, name: null, type: 'event' }, { event, name, type });
  }
  if (proposals.length > 0) await client.query(toQuery(registerTypes(proposals)));
}
