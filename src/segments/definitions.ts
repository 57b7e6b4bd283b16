// In charge of the live definitions: every published rule, checked against the catalog, as one snapshot per epoch.
// A rule that no longer passes the check is not dropped silently: it is in `broken` with the reason. Not of changing
// them (change-definitions.ts) or of storing them (segments.ts, versions.ts).
import type { Catalog } from '../catalog/catalog.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { inOrder, type Queryable, type Statement } from '../db/database.ts';
import { checkStored } from '../rules/check-stored.ts';
import type { CheckedRule } from '../rules/checked-rule.ts';
import type { GroupToEvaluate } from '../rules/emit-choice.ts';
import { parseJsonRule } from '../rules/parse-json.ts';
import { readGroups } from './read-groups.ts';

export interface LiveSegment {
  readonly id: number;
  readonly key: string;
  readonly name: string;
  readonly version: number;
  /** its run has not reached everybody yet: every write to a customer evaluates it, so that nobody is left between two versions */
  readonly building: boolean;
  readonly checked: CheckedRule;
}

export interface BrokenSegment {
  readonly id: number;
  readonly key: string;
  readonly version: number;
  readonly reason: string;
}

export interface SegmentName {
  readonly key: string;
  readonly name: string;
  readonly kind: 'rule' | 'manual';
}

export interface Definitions {
  readonly epoch: string;
  readonly catalog: Catalog;
  /** part of every evaluation, in order of id */
  readonly live: readonly LiveSegment[];
  readonly broken: readonly BrokenSegment[];
  /** ids of segments that have pins */
  readonly pinned: ReadonlySet<number>;
  readonly groups: readonly GroupToEvaluate[];
  /** for every segment, live or not */
  readonly segmentIds: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<number, SegmentName>;
}

export const READ_EPOCH: Statement = { name: 'read_epoch', text: 'select d.epoch from definitions as d' };

interface SegmentRow {
  id: number;
  key: string;
  name: string;
  kind: 'rule' | 'manual';
  status: string;
  version: number | null;
  has_pins: boolean;
  rule: unknown;
}

export async function readEpoch(database: Queryable): Promise<string> {
  const [row] = await database.query<{ epoch: string }>(READ_EPOCH);
  if (row === undefined) throw new Error('the definitions row is missing');
  return row.epoch;
}

/**
 * A snapshot in which catalog and rules are of one epoch: read again until no definition changed meanwhile. Rules that are the same as in
 * `before`, as is all that their check looks at, are not checked again: writers wait for this whenever a definition changes.
 */
export async function loadDefinitions(database: Queryable, before?: Definitions): Promise<Definitions> {
  for (;;) {
    const epoch = await readEpoch(database);
    const definitions = await readDefinitions(database, before);
    if ((await readEpoch(database)) === epoch) return { ...definitions, epoch };
  }
}

/** As a transaction or the moment sees them: the parts may be of different epochs. */
export async function readDefinitions(database: Queryable, before: Definitions | undefined): Promise<Omit<Definitions, 'epoch'>> {
  const [catalog, rows, groups] = await inOrder([loadCatalog(database), readLive(database), readGroups(database)] as const);
  return assemble(catalog, rows, groups, before);
}

function readLive(database: Queryable): Promise<SegmentRow[]> {
  return database.query<SegmentRow>({
    name: 'read_live_segments',
    text: `
      select s.id, s.key, s.name, s.kind, s.status, s.version, s.has_pins, v.rule
      from segments as s
      left join segment_versions as v on v.segment_id = s.id and v.number = s.version
      order by s.id`,
  });
}

function assemble(
  catalog: Catalog,
  rows: readonly SegmentRow[],
  groups: readonly GroupToEvaluate[],
  before: Definitions | undefined,
): Omit<Definitions, 'epoch'> {
  const live: LiveSegment[] = [];
  const broken: BrokenSegment[] = [];
  const known = checkedBefore(catalog, before);
  for (const row of rows) {
    if (row.version === null || (row.status !== 'active' && row.status !== 'building')) continue;
    const outcome = known(row.id, row.version) ?? compileStored(row.rule, catalog, row.key);
    if (typeof outcome === 'string') broken.push({ id: row.id, key: row.key, version: row.version, reason: outcome });
    else
      live.push({ id: row.id, key: row.key, name: row.name, version: row.version, building: row.status === 'building', checked: outcome });
  }
  return {
    catalog,
    live,
    broken,
    pinned: new Set(rows.filter((row) => row.has_pins).map((row) => row.id)),
    groups,
    segmentIds: new Map(rows.map((row) => [row.key, row.id])),
    names: new Map(rows.map((row) => [row.id, { key: row.key, name: row.name, kind: row.kind }])),
  };
}

/** The results of the checks in `before`, for rules whose check would give the same. */
function checkedBefore(catalog: Catalog, before: Definitions | undefined): (id: number, version: number) => CheckedRule | undefined {
  if (before === undefined || typesOf(before.catalog) !== typesOf(catalog)) return () => undefined;
  const live = new Map(before.live.map((segment) => [segment.id, segment]));
  return (id, version) => {
    const segment = live.get(id);
    if (segment?.version !== version) return undefined;
    const named = [...segment.checked.reads.segments];
    return reachOf(named, before.catalog) === reachOf(named, catalog) ? segment.checked : undefined;
  };
}

/** All that a rule may name, except segments. */
function typesOf({ attributes, events, opaque, consents }: Catalog): string {
  const namesByEvent = (byEvent: ReadonlyMap<string, Iterable<unknown>>) => [...byEvent].map(([event, names]) => [event, [...names]]);
  return JSON.stringify([[...attributes], namesByEvent(events), namesByEvent(opaque ?? new Map()), [...consents]]);
}

/** What is known of the named segments, of those that they name or share a group with, and so on. */
function reachOf(named: readonly string[], { segments }: Catalog): string {
  const reached = new Set(named);
  const found = [...reached].map((key) => segments.get(key));
  for (const segment of found) {
    for (const key of [...(segment?.references ?? []), ...(segment?.together ?? [])]) {
      if (reached.has(key)) continue;
      reached.add(key);
      found.push(segments.get(key));
    }
  }
  return JSON.stringify(found);
}

/** A stored rule was checked when it was published; if it fails now, something it reads has left the catalog. */
export function compileStored(json: unknown, catalog: Catalog, key: string): CheckedRule | string {
  const parsed = parseJsonRule(json);
  if (!parsed.ok) return parsed.problems.map((problem) => problem.detail).join('; ');
  const { checked, errors } = checkStored(parsed.value, catalog, key);
  return checked ?? errors.map((error) => error.detail).join('; ');
}
