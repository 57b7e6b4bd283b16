// In charge of the live definitions: every published rule, checked against the catalog, as one snapshot per epoch.
// A rule that no longer passes the check is not dropped silently: it is in `broken` with the reason. Not of storing them (segments.ts, versions.ts).
import { type Clock, systemClock } from '../base/clock.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { asQueryable, type Client, type Database, pipeline, type Queryable, type Statement } from '../db/database.ts';
import { type Ending, endWith, inFramed, sqlState } from '../db/transaction.ts';
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

const LOCK_NOT_AVAILABLE = '55P03';
const DEFINITIONS_LOCK = '7310589412002';

/** Held by every transaction that evaluates: no definition changes under it. */
export const SHARE_DEFINITIONS: Statement = { name: 'share_definitions', text: `select pg_advisory_xact_lock_shared(${DEFINITIONS_LOCK})` };
export const READ_EPOCH: Statement = { name: 'read_epoch', text: 'select d.epoch from definitions as d' };

/** One change at a time: whoever holds the row knows the next epoch, and that nothing it has read changes until it ends. */
const HOLD_EPOCH: Statement = { name: 'hold_epoch', text: 'select d.epoch from definitions as d for update' };
const MOVE_EPOCH: Statement = { name: 'move_epoch', text: 'update definitions set epoch = epoch + 1' };

/**
 * Writers queue behind a change that waits, so it lets them pass after a moment and tries again. Then it meets those that have just begun:
 * beside five lanes of 100 to 300 ms its turn came after 15 s. So every few tries it waits longer, in the end for longer than any of them takes.
 */
const EXCLUSIVE_TIMEOUT_MS = 100;
const LONGEST_TIMEOUT_MS = 1600;
const TRIES_ALIKE = 3;
const BETWEEN_TRIES_MS = 20;
/** One after the other in one transaction. */
const TRIES_HELD = 10;

/** `attempt`: from 0 */
function takeDefinitionsAt(attempt: number): readonly Statement[] {
  const timeoutMs = Math.min(EXCLUSIVE_TIMEOUT_MS * 2 ** Math.floor(attempt / TRIES_ALIKE), LONGEST_TIMEOUT_MS);
  return [
    setLockTimeout(`${timeoutMs}ms`),
    { name: 'take_definitions', text: `select pg_advisory_xact_lock(${DEFINITIONS_LOCK})` },
    setLockTimeout('0'),
  ];
}

const SAVE: Statement = { name: 'save_before_lock', text: 'savepoint before_lock' };
const GO_BACK: Statement = { name: 'go_back_before_lock', text: 'rollback to savepoint before_lock' };

function setLockTimeout(value: string): Statement {
  return { name: 'set_lock_timeout', text: `select set_config('lock_timeout', $1, true)`, values: [value] };
}

/** Keeps the definitions of a database in memory, and is told of a change of this process before it is committed. */
export interface DefinitionsKeeper {
  readonly kept: Definitions;
  /** They are in force once `committed` resolves to true, and never if it resolves to false. */
  expect(next: Definitions, committed: Promise<boolean>): void;
}

const keepers = new WeakMap<Database, DefinitionsKeeper>();

/** One for each database: the last that registered. */
export function keepDefinitions(database: Database, keeper: DefinitionsKeeper): void {
  keepers.set(database, keeper);
}

/**
 * Changes definitions and moves the epoch. `work` reads, checks and writes while evaluations go on under the current definitions, so it
 * must lock nothing that an evaluation waits for: existing rows of `runs` and the count of notices are left to the statements that it
 * returns. Those are sent in one batch with the exclusive lock, which no evaluation shares, the epoch and the commit. The keeper of the
 * definitions has the new ones by then. If waiting for the lock takes too long, `work` is done again, and the lock taken before the last batch.
 */
export function changeDefinitions<Value>(
  database: Database,
  clock: Clock,
  work: (client: Client) => Promise<Ending<Value>>,
): Promise<Value> {
  let patience: Patience | null = null;
  return untilTaken(clock, () => {
    const change = changeOnce(database, work, patience);
    patience ??= { clock, tries: 1 };
    return change;
  });
}

/** How a change waits for the lock. */
interface Patience {
  /** for the rests between tries */
  readonly clock: Clock;
  /** how many tries have failed */
  tries: number;
}

/** `patience`: null: one try, with the commit. */
async function changeOnce<Value>(
  database: Database,
  work: (client: Client) => Promise<Ending<Value>>,
  patience: Patience | null,
): Promise<Value> {
  let outcome = new Outcome();
  try {
    const value = await inFramed(database, [HOLD_EPOCH], async (client, [held]) => {
      outcome.tell(false); // the previous attempt
      outcome = new Outcome();
      const { last, value } = await work(client);
      await tellKeeper(database, client, String(held?.[0]?.['epoch']), outcome.told);
      if (patience !== null) await takeDefinitions(client, patience);
      const first = patience === null ? takeDefinitionsAt(0) : [];
      return { last: [...first, ...last, MOVE_EPOCH], value: (rows) => value(rows.slice(first.length, first.length + last.length)) };
    });
    outcome.tell(true);
    return value;
  } catch (error) {
    outcome.tell(false);
    throw error;
  }
}

/** The same with all of `work` under the exclusive lock: for changes that read or rewrite what evaluations write. Writers wait for it. */
export function changeUnderLock<Value>(database: Database, clock: Clock, work: (client: Client) => Promise<Value>): Promise<Value> {
  const patience = { clock, tries: 0 };
  return untilTaken(clock, () =>
    inFramed(database, [HOLD_EPOCH], async (client) => {
      await takeDefinitions(client, patience);
      return endWith([MOVE_EPOCH], await work(client));
    }),
  );
}

/**
 * What the transaction has done so far is kept between the tries. Not for ever: a service of an older version takes the lock before the row
 * of the epoch.
 */
async function takeDefinitions(client: Client, patience: Patience): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await pipeline(client, [SAVE, ...takeDefinitionsAt(patience.tries)]);
      return;
    } catch (error) {
      if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
      patience.tries += 1;
      if (attempt >= TRIES_HELD) throw error;
      await pipeline(client, [GO_BACK]);
      await rest(patience.clock);
    }
  }
}

async function untilTaken<Value>(clock: Clock, change: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await change();
    } catch (error) {
      if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
      await rest(clock);
    }
  }
}

async function rest(clock: Clock): Promise<void> {
  await (clock.fixedMs() === null ? clock : systemClock).sleep(BETWEEN_TRIES_MS); // a clock that stands still would never wake us
}

/** Says whether a transaction was committed to those who were told of it beforehand. */
class Outcome {
  tell: (committed: boolean) => void = () => {};
  readonly told = new Promise<boolean>((resolve) => {
    this.tell = resolve;
  });
}

/** Reads inside the transaction what it has written: nobody else can change definitions before it ends. */
async function tellKeeper(database: Database, client: Client, epoch: string, committed: Promise<boolean>): Promise<void> {
  const keeper = keepers.get(database);
  if (keeper === undefined) return;
  const next = await readDefinitions(asQueryable(client), keeper.kept);
  keeper.expect({ ...next, epoch: String(BigInt(epoch) + 1n) }, committed);
}

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

async function readDefinitions(database: Queryable, before: Definitions | undefined): Promise<Omit<Definitions, 'epoch'>> {
  const [catalog, rows, groups] = await Promise.all([loadCatalog(database), readLive(database), readGroups(database)]);
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
function typesOf({ attributes, events, consents }: Catalog): string {
  return JSON.stringify([[...attributes], [...events].map(([name, properties]) => [name, [...properties]]), [...consents]]);
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
