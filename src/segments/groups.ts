// In charge of groups of segments that exclude each other, as their owners see them: create, change, delete, list. Each change is a new
// version, and a run brings everybody under it. Which segment of a group a customer is in is decided by the emitted statement (rules/emit-choice.ts).
import { noteWrite } from '../access/write-record.ts';
import type { Clock } from '../base/clock.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { asQueryable, type Client, type Database, type Queryable, type Statement } from '../db/database.ts';
import { endWith } from '../db/transaction.ts';
import { AppError, type ErrorDetail } from '../errors.ts';
import { findCycle } from '../rules/check-segments.ts';
import { changeDefinitions } from './change-definitions.ts';
import { queueRun } from './runs.ts';

export interface Group {
  readonly id: number;
  readonly key: string;
  readonly name: string;
  /** keys, in order */
  readonly segments: readonly string[];
  /** takes customers for whom none of the others holds; one of `segments` or another segment */
  readonly otherwise: string | null;
  readonly version: number;
  /** building: some customers may still be in more than one of them */
  readonly status: 'building' | 'active';
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface GroupVersion {
  readonly number: number;
  readonly segments: readonly string[];
  readonly otherwise: string | null;
  readonly author: string | null;
  readonly createdAtMs: number;
}

export interface GroupContent {
  readonly name: string;
  readonly segments: readonly string[];
  readonly otherwise: string | null;
}

/** Throws if the group is not what the caller of an edit has read (If-Match). */
type Precondition = (group: Group) => void;

interface GroupRow {
  id: number;
  key: string;
  name: string;
  version: number;
  segments: string[];
  otherwise: string | null;
  building: boolean;
  created_at: number;
  updated_at: number;
}

const SEGMENT_KEYS = `
    (
      select array_agg(s.key order by u.place)
      from unnest(v.segment_ids) with ordinality as u (id, place)
      join segments as s on s.id = u.id
    ) as segments,
    (select s.key from segments as s where s.id = v.otherwise_id) as otherwise`;

const SELECT_GROUPS = `
  select g.id, g.key, g.name, g.version, g.created_at, g.updated_at, ${SEGMENT_KEYS},
    exists (
      select from segments as s
      where s.id = any(v.segment_ids || v.otherwise_id) and s.status = 'building'
    ) as building
  from segment_groups as g
  join segment_group_versions as v on v.group_id = g.id and v.number = g.version
  where g.deleted_at is null`;

function toGroup(row: GroupRow): Group {
  return {
    id: row.id,
    key: row.key,
    name: row.name,
    segments: row.segments,
    otherwise: row.otherwise,
    version: row.version,
    status: row.building ? 'building' : 'active',
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
  };
}

/** In order of key; with `segments` only the groups that hold one of these. */
export async function listGroups(
  database: Database,
  query: { readonly afterKey?: string; readonly segments?: readonly string[]; readonly limit: number },
): Promise<Group[]> {
  const rows = await database.query<GroupRow>({
    name: 'list_groups',
    text: `${SELECT_GROUPS} and ($1::text is null or g.key > $1)
      and ($3::text[] is null or exists (
        select from segments as o
        where o.id = any(v.segment_ids || v.otherwise_id) and o.key = any($3)
      ))
      order by g.key
      limit $2`,
    values: [query.afterKey ?? null, query.limit, query.segments ?? null],
  });
  return rows.map(toGroup);
}

/** Throws `not_found`. */
export async function getGroup(database: Queryable, key: string): Promise<Group> {
  const [row] = await database.query<GroupRow>({ name: 'get_group', text: `${SELECT_GROUPS} and g.key = $1`, values: [key] });
  if (row === undefined) throw new AppError('not_found', `There is no group “${key}”.`);
  return toGroup(row);
}

/** In order of key; groups that do not exist are left out. */
export async function getGroups(database: Queryable, keys: readonly string[]): Promise<Group[]> {
  const rows = await database.query<GroupRow>({
    name: 'get_groups',
    text: `${SELECT_GROUPS} and g.key = any($1::text[]) order by g.key`,
    values: [keys],
  });
  return rows.map(toGroup);
}

/** Newest first. Throws `not_found`. */
export async function listGroupVersions(
  database: Database,
  key: string,
  query: { readonly beforeNumber?: number; readonly limit: number },
): Promise<GroupVersion[]> {
  const { id } = await getGroup(database, key);
  const rows = await database.query<{
    number: number;
    segments: string[];
    otherwise: string | null;
    author: string | null;
    created_at: number;
  }>({
    text: `
      select v.number, v.author, v.created_at, ${SEGMENT_KEYS}
      from segment_group_versions as v
      where v.group_id = $1 and ($2::integer is null or v.number < $2)
      order by v.number desc
      limit $3`,
    values: [id, query.beforeNumber ?? null, query.limit],
  });
  return rows.map(({ created_at, ...row }) => ({ ...row, createdAtMs: created_at }));
}

/** Throws `already_exists`, `invalid_fields` (unknown segments), `in_use` (one of another group), `conflict` (archived, a cycle). */
export async function createGroup(
  database: Database,
  clock: Clock,
  key: string,
  content: GroupContent,
  author: string | null,
): Promise<Group> {
  await changeDefinitions(database, clock, async (client) => {
    const taken = await client.query('select g.id from segment_groups as g where g.key = $1 and g.deleted_at is null', [key]);
    if (taken.rowCount !== 0) throw new AppError('already_exists', `There is a group “${key}” already.`);
    const now = new Date(clock.nowMs()).toISOString();
    const { rows } = await client.query<{ id: number }>(
      `insert into segment_groups (key, name, version, created_at, updated_at)
       values ($1, $2, 1, $3::timestamptz, $3::timestamptz)
       returning id`,
      [key, content.name, now],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('the group was not stored');
    const last = await putInForce(client, clock, { id: row.id, version: 1 }, content, author, []);
    await noteGroup(client, key, null, content);
    return endWith(last, undefined);
  });
  return getGroup(database, key);
}

/** Changing the name alone makes no new version. Throws `not_found`, what `precondition` throws, and what `createGroup` throws for segments. */
export async function changeGroup(
  database: Database,
  clock: Clock,
  key: string,
  content: GroupContent,
  author: string | null,
  precondition: Precondition = () => {},
): Promise<Group> {
  await changeDefinitions(database, clock, async (client) => {
    const group = await getGroup(asQueryable(client), key);
    precondition(group);
    const isSame = group.otherwise === content.otherwise && group.segments.join() === content.segments.join();
    const version = isSame ? group.version : group.version + 1;
    await client.query('update segment_groups as g set name = $2, version = $3, updated_at = $4::timestamptz where g.id = $1', [
      group.id,
      content.name,
      version,
      new Date(clock.nowMs()).toISOString(),
    ]);
    const last = isSame ? [] : await putInForce(client, clock, { id: group.id, version }, content, author, keysOf(group));
    await noteGroup(client, key, contentOf(group), content);
    return endWith(last, undefined);
  });
  return getGroup(database, key);
}

/** From then on its segments no longer exclude each other. Throws `not_found` and what `precondition` throws. */
export async function deleteGroup(database: Database, clock: Clock, key: string, precondition: Precondition = () => {}): Promise<void> {
  await changeDefinitions(database, clock, async (client) => {
    const group = await getGroup(asQueryable(client), key);
    precondition(group);
    const now = new Date(clock.nowMs()).toISOString();
    await client.query('update segment_groups as g set deleted_at = $2::timestamptz, updated_at = $2::timestamptz where g.id = $1', [
      group.id,
      now,
    ]);
    const last = await build(client, clock, keysOf(group));
    await noteGroup(client, key, contentOf(group), null);
    return endWith(last, undefined);
  });
}

/** For the audit. */
function noteGroup(client: Client, key: string, before: GroupContent | null, after: GroupContent | null): Promise<void> {
  return noteWrite(client, { target: `groups/${key}`, changes: [{ customerKey: null, content: { before, after } }] });
}

function contentOf({ name, segments, otherwise }: Group): GroupContent {
  return { name, segments, otherwise };
}

function keysOf({ segments, otherwise }: Pick<Group, 'segments' | 'otherwise'>): string[] {
  return [...new Set(otherwise === null ? segments : [...segments, otherwise])];
}

async function putInForce(
  client: Client,
  clock: Clock,
  group: { readonly id: number; readonly version: number },
  content: GroupContent,
  author: string | null,
  formerKeys: readonly string[],
): Promise<readonly Statement[]> {
  const ids = await findSegments(client, content);
  await refuseOfOtherGroups(client, group.id, content);
  const idOf = (key: string) => ids.get(key) ?? null;
  await client.query(
    `insert into segment_group_versions (group_id, number, segment_ids, otherwise_id, author, created_at)
     values ($1, $2, $3::integer[], $4, $5, $6::timestamptz)`,
    [
      group.id,
      group.version,
      content.segments.map(idOf),
      content.otherwise === null ? null : idOf(content.otherwise),
      author,
      new Date(clock.nowMs()).toISOString(),
    ],
  );
  await refuseCycles(client, keysOf(content));
  return build(client, clock, [...new Set([...keysOf(content), ...formerKeys])]);
}

/** → id by key */
async function findSegments(client: Client, content: GroupContent): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ id: number; key: string; status: string }>(
    'select s.id, s.key, s.status from segments as s where s.key = any($1::text[]) order by s.id for update',
    [keysOf(content)],
  );
  const found = new Map(rows.map((row) => [row.key, row]));
  const errors: ErrorDetail[] = [];
  const places = [
    ...content.segments.map((key, place) => ({ key, pointer: `/segments/${place}` })),
    ...(content.otherwise === null ? [] : [{ key: content.otherwise, pointer: '/otherwise' }]),
  ];
  for (const { key, pointer } of places) {
    const row = found.get(key);
    if (row === undefined) errors.push({ pointer, code: 'unknown_segment', detail: `There is no segment “${key}”.` });
    else if (row.status === 'archived' || row.status === 'archiving') {
      errors.push({ pointer, code: 'not_available', detail: `Segment “${key}” is archived.` });
    }
  }
  content.segments.forEach((key, place) => {
    if (content.segments.indexOf(key) === place) return;
    errors.push({ pointer: `/segments/${place}`, code: 'repeated', detail: `Segment “${key}” stands twice in the order.` });
  });
  const [first] = errors;
  if (first !== undefined) throw new AppError('invalid_fields', first.detail, { errors });
  return new Map(rows.map((row) => [row.key, row.id]));
}

async function refuseOfOtherGroups(client: Client, groupId: number, content: GroupContent): Promise<void> {
  const { rows } = await client.query<{ segment: string; group: string }>(
    `select s.key as segment, g.key as group
     from segment_groups as g
     join segment_group_versions as v on v.group_id = g.id and v.number = g.version
     join segments as s on s.id = any(v.segment_ids || v.otherwise_id)
     where g.deleted_at is null and g.id <> $1 and s.key = any($2::text[])
     order by s.key`,
    [groupId, keysOf(content)],
  );
  if (rows.length === 0) return;
  const errors = rows.map(({ segment, group }): ErrorDetail => {
    const place = content.segments.indexOf(segment);
    return {
      pointer: place < 0 ? '/otherwise' : `/segments/${place}`,
      code: 'in_use',
      detail: `Segment “${segment}” is in group “${group}”; a segment is in at most one.`,
      group,
    };
  });
  throw new AppError('in_use', errors.map((error) => error.detail).join(' '), { errors });
}

/** The answer of each segment of a group depends on the rules of all of them. */
async function refuseCycles(client: Client, keys: readonly string[]): Promise<void> {
  const catalog = await loadCatalog(asQueryable(client));
  for (const key of keys) {
    for (const reference of catalog.segments.get(key)?.references ?? []) {
      const cycle = findCycle(catalog, key, reference);
      if (cycle === null) continue;
      const detail = `The segments would form a cycle: ${cycle.join(' → ')}. Those of one group depend on each other.`;
      throw new AppError('conflict', detail, { errors: [{ pointer: '/segments', code: 'cycle', detail, cycle: [...cycle] }] });
    }
  }
}

/**
 * Everybody is evaluated again for those that are live; for the others, once they are live again. → the statements that end the runs replaced by
 * this
 */
async function build(client: Client, clock: Clock, keys: readonly string[]): Promise<readonly Statement[]> {
  const nowMs = clock.nowMs();
  const { rows } = await client.query<{ id: number; version: number }>(
    `update segments as s
     set status = 'building', due_at = null
     where s.key = any($1::text[]) and s.status in ('active', 'building') and s.version is not null
     returning s.id, s.version`,
    [keys],
  );
  const superseding: Statement[] = [];
  for (const { id, version } of rows.sort((a, b) => a.id - b.id)) {
    superseding.push(...(await queueRun(client, id, version, 'group', nowMs)).last);
  }
  return superseding;
}

/** Archiving a segment takes its members away, and nothing would say which segment of the group they belong to then. Throws `in_use`. */
export async function refuseWhileGrouped(client: Client, segment: { readonly id: number; readonly key: string }): Promise<void> {
  const { rows } = await client.query<{ key: string }>(
    `select g.key
     from segment_groups as g
     join segment_group_versions as v on v.group_id = g.id and v.number = g.version
     where g.deleted_at is null and $1::integer = any(v.segment_ids || v.otherwise_id)`,
    [segment.id],
  );
  const [group] = rows;
  if (group === undefined) return;
  const detail = `Segment “${segment.key}” is in group “${group.key}”; take it out of the group first.`;
  throw new AppError('in_use', detail, { errors: [{ code: 'in_use', detail, group: group.key }] });
}
