// In charge of explaining a membership as of a past instant: from what the change that decided it recorded, since the facts of that time are
// not kept. Not of the present (membership/explain-now.ts).
import type { SegmentStatus } from '../catalog/catalog.ts';
import type { Database } from '../db/database.ts';
import { AppError } from '../errors.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import {
  type Because,
  type CountingPin,
  ERASED_MEANWHILE,
  type ExplainedSegment,
  type MembershipExplanation,
  UNFOLDED,
} from '../membership/explanation.ts';
import type { Deciding } from '../membership/in-decision.ts';
import type { Cause } from '../membership/record.ts';
import type { Rule } from '../rules/ast.ts';
import type { CheckedRule } from '../rules/checked-rule.ts';
import { emitRecorded } from '../rules/emit-recorded.ts';
import type { RecordedSeen } from '../rules/emit-seen.ts';
import { type ExplainedNode, explainRule, type SeenCondition } from '../rules/explain-rule.ts';
import { missingOf } from '../rules/missing.ts';
import type { Moment } from '../rules/plan.ts';
import { numberedConditions } from '../rules/walk-rule.ts';
import { compileStored } from '../segments/definitions.ts';
import { readPast } from './kept-history.ts';

/**
 * The customer and the segment exist. Throws `history_trimmed`, `invalid_request` (the future), `conflict` (nothing was published yet),
 * `not_found` (the customer was erased meanwhile).
 */
export function explainPast(deciding: Deciding, key: CustomerKey, segmentId: number, atMs: number): Promise<MembershipExplanation> {
  return readPast(deciding.database, deciding.clock, atMs, async () => {
    const row = await readRow(deciding.database, key, segmentId, atMs);
    if (row.version === null) {
      throw new AppError('conflict', `No version of segment “${row.key}” had been published at ${new Date(atMs).toISOString()}.`);
    }
    const explained = await new Recorded(deciding, key).explain(row, atMs, 1);
    const { change_type: type, cause, change_at } = row;
    const change = type === null || cause === null || change_at === null ? null : { type, cause, atMs: change_at };
    const decidedAtMs = change_at ?? atMs;
    return { ...explained, customerId: row.customer_id, atMs, decidedAtMs, source: 'recorded', change, next: { kind: 'none' } };
  });
}

interface Row {
  customer_id: string;
  id: number;
  key: string;
  name: string;
  kind: 'rule' | 'manual';
  status: SegmentStatus;
  version: number | null;
  rule: unknown;
  member: boolean;
  since: number | null;
  change_type: 'entered' | 'exited' | null;
  change_at: number | null;
  cause: Cause | null;
  /** changes made before migration 0024 recorded whether each condition held as well */
  seen: RecordedSeen | SeenCondition[] | null;
  action: 'pinned_in' | 'pinned_out' | null;
  until: number | null;
  reason: string | null;
  actor: string | null;
  pinned_at: number | null;
}

/**
 * The last change up to the instant decides. Without one, what came after the instant, or the present, says whether the customer was in:
 * the entry has then been trimmed.
 */
async function readRow(database: Database, key: CustomerKey, segmentId: number, atMs: number): Promise<Row> {
  const [row] = await database.query<Row>({
    name: 'read_explained_past',
    text: `
      with own as materialized (
        select c.type, c.version, c.cause, c.at, c.since, c.since_version, c.seen, 0 as stage, c.position as place, 0 as ordinal
        from changes as c
        where c.customer_id = $1::bigint and c.segment_id = $2::integer and c.type in ('entered', 'exited')
        union all
        select o.type, o.version, o.cause, o.at, o.since, o.since_version, o.seen, 1, o.decision, o.ordinal
        from outbox as o
        where o.customer_id = $1::bigint and o.segment_id = $2::integer and o.type in ('entered', 'exited')
      ), decided as (
        select w.type, w.version, w.cause, w.at, w.seen
        from own as w
        where w.at <= $3::timestamptz
        order by w.stage desc, w.place desc, w.ordinal desc
        limit 1
      ), later as (
        select w.type, w.since, w.since_version
        from own as w
        where w.at > $3::timestamptz
        order by w.stage, w.place, w.ordinal
        limit 1
      ), said as (
        select l.action, l.until, l.reason, l.actor, l.at
        from pin_log as l
        where l.customer_id = $1::bigint and l.segment_id = $2::integer and l.at <= $3::timestamptz
        order by l.id desc
        limit 1
      ), held as (
        select coalesce(d.type = 'entered', n.type = 'exited', m.since is not null) as member,
          case when d.type = 'entered' then d.at when d.type is null and n.type is null then m.since when d.type is null then n.since end as since,
          coalesce(d.version, n.since_version, case when n.type is null then m.version end) as version
        from (select) as one
        left join decided as d on true
        left join later as n on true
        left join memberships as m on m.customer_id = $1::bigint and m.segment_id = $2::integer
      ), published as (
        select r.version
        from runs as r
        where r.segment_id = $2::integer and r.cause = 'definition' and r.queued_at <= $3::timestamptz
        order by r.id desc
        limit 1
      )
      select c.external_id as customer_id, s.id, s.key, s.name, s.kind, s.status, v.number as version, v.rule, h.member, h.since,
        d.type as change_type, d.at as change_at, d.cause, d.seen,
        p.action, p.until, p.reason, p.actor, p.at as pinned_at
      from customers as c
      join segments as s on s.id = $2::integer
      cross join held as h
      left join decided as d on true
      left join published as q on true
      left join said as p on p.action <> 'released' and (p.until is null or p.until > $3::timestamptz)
      left join segment_versions as v on v.segment_id = s.id and v.number = coalesce(h.version, q.version)
      where c.id = $1::bigint`,
    values: [key, segmentId, new Date(atMs).toISOString()],
  });
  if (row === undefined) throw new AppError('not_found', ERASED_MEANWHILE);
  return row;
}

class Recorded {
  readonly #deciding: Deciding;
  readonly #key: CustomerKey;
  #unfolded = 0;

  constructor(deciding: Deciding, key: CustomerKey) {
    this.#deciding = deciding;
    this.#key = key;
  }

  async explain(row: Row, atMs: number, depth: number): Promise<ExplainedSegment> {
    const { key, name, status, version, member, since: sinceMs } = row;
    const pin = pinOf(row);
    const plain = { key, name, status, version, member, sinceMs, pin, group: null, rows: [], nested: new Map(), missing: [] };
    if (row.kind === 'manual') return { ...plain, because: 'manual', tree: null, note: null };
    const decidedAtMs = row.change_at ?? atMs;
    const told = await this.#tree(row, decidedAtMs);
    if (typeof told === 'string') return { ...plain, because: pin === null ? 'rule' : 'pin', tree: null, note: told };
    const { tree, rule, note } = told;
    return {
      ...plain,
      because: becauseOf(row, pin, tree),
      tree,
      nested: tree.holds === null ? plain.nested : await this.#unfold(rule, decidedAtMs, depth),
      missing: member ? [] : missingOf(tree, this.#deciding.timeZone),
      note,
    };
  }

  async #tree(
    row: Row,
    decidedAtMs: number,
  ): Promise<{ readonly tree: ExplainedNode; readonly rule: Rule; readonly note: string | null } | string> {
    if (row.version === null) return 'No version of it had been published then.';
    const checked = compileStored(row.rule, this.#deciding.programs.get().definitions.catalog, row.key);
    if (typeof checked === 'string') return `The rule of then cannot be read any more: ${checked}.`;
    const { rule, types } = checked;
    const { timeZone, database } = this.#deciding;
    const askedAtMs = row.seen === null || Array.isArray(row.seen) ? decidedAtMs : row.seen.at;
    const moment = { asOfMs: askedAtMs, timeZone };
    const seen = await judge(database, checked, row.seen, moment);
    return { tree: explainRule({ rule, types, moment, seen }), rule, note: noteOf(row, seen !== null) };
  }

  async #unfold(rule: Rule, atMs: number, depth: number): Promise<ReadonlyMap<number, ExplainedSegment>> {
    const { segmentIds } = this.#deciding.programs.get().definitions;
    const nested = new Map<number, ExplainedSegment>();
    if (depth >= UNFOLDED.depth) return nested;
    for (const [index, condition] of numberedConditions(rule).entries()) {
      const id = condition.kind === 'segment' ? segmentIds.get(condition.key) : undefined;
      if (id === undefined || this.#unfolded >= UNFOLDED.segments) continue;
      this.#unfolded += 1;
      nested.set(index, await this.explain(await readRow(this.#deciding.database, this.#key, id, atMs), atMs, depth + 1));
    }
    return nested;
  }
}

/** Whether the conditions held, derived from what they saw. null: nothing was recorded, or values of types that have changed since. */
async function judge(
  database: Database,
  checked: CheckedRule,
  recorded: Row['seen'],
  moment: Moment,
): Promise<readonly SeenCondition[] | null> {
  if (recorded === null) return null;
  const { length } = numberedConditions(checked.rule);
  if (Array.isArray(recorded)) return recorded.length === length ? recorded : null;
  if (recorded.saw.length !== length) return null;
  const emitted = emitRecorded(checked, recorded.saw, moment);
  if (emitted === null) return null;
  const [row] = await database.query<{ holds: boolean[] }>(emitted);
  if (row === undefined) throw new Error('whether the conditions held was not read');
  return recorded.saw.map((values, index) => [row.holds[index] === true, ...values]);
}

function pinOf({ action, until, reason, actor, pinned_at }: Row): CountingPin | null {
  if (action === null || actor === null || pinned_at === null) return null;
  return { include: action === 'pinned_in', untilMs: until, reason, actor, pinnedAtMs: pinned_at };
}

function becauseOf({ member }: Row, pin: CountingPin | null, { holds }: ExplainedNode): Because {
  if (pin !== null) return 'pin';
  return holds !== null && holds !== member ? 'group' : 'rule';
}

function noteOf({ change_type, cause, member }: Row, isKnown: boolean): string | null {
  if (isKnown) return null;
  if (change_type === null) {
    return member
      ? 'The change that brought the customer in is older than the log: what its conditions saw is not known any more.'
      : 'The customer had not been in the segment up to then, so nothing was recorded of what the conditions saw.';
  }
  return cause === 'archive'
    ? 'The segment was archived, so no rule was asked.'
    : 'What the conditions saw was not recorded with this change.';
}
