// In charge of writing what an evaluation found, in the same transaction: outbox, memberships, next looks.
// Not of finding it (evaluation/find-differences.ts) or of numbering it for the feed (changes/publisher.ts).
import type { Statement } from '../db/database.ts';
import type { Difference, Findings } from '../evaluation/find-differences.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { LockedDecision } from './in-decision.ts';

export const CAUSES = ['data', 'time', 'definition', 'pin', 'move', 'group', 'unpin', 'refresh', 'repair', 'erasure', 'archive'] as const;
export type Cause = (typeof CAUSES)[number];

export interface Recording {
  readonly findings: Findings;
  readonly cause: Cause;
  /** outbox rows that this decision has written already; absent: none */
  readonly ordinalFrom?: number;
  /** the version that a membership of a segment is held or left under; absent: the one in force */
  versionOf?(segmentId: number): number;
  /** the decision by hand that causes this change: its id in pin_log */
  pinLogIdOf?(customerKey: CustomerKey, segmentId: number): string | null;
}

/** How many changes (entries and exits) the findings hold. */
export function countChanges(differences: readonly Difference[]): number {
  return differences.reduce((sum, difference) => sum + difference.entered.length + difference.exited.length, 0);
}

/** The statements that make the stored state equal the findings, to be sent in one go. None if nothing differs. */
export function recordStatements(decision: LockedDecision, recording: Recording): Statement[] {
  return [...changeStatements(decision, recording), ...lookStatements(recording.findings)];
}

/** A segment that is no longer live keeps its members; one that appears in a difference is always live. */
function versionsOf({ program }: LockedDecision): (segmentId: number) => number {
  return (segmentId) => {
    const version = program.versionOf(segmentId);
    if (version === undefined) throw new Error(`segment ${segmentId} was evaluated without being live`);
    return version;
  };
}

function changeStatements(decision: LockedDecision, recording: Recording): Statement[] {
  const { moment } = decision;
  const { findings, cause, ordinalFrom = 0, versionOf = versionsOf(decision), pinLogIdOf } = recording;
  const customers: CustomerKey[] = [];
  const segments: number[] = [];
  const types: string[] = [];
  const versions: number[] = [];
  const pinLogIds: (string | null)[] = [];
  const seen: (string | null)[] = [];
  const push = ({ customerKey: customer, seen: reasons }: Difference, segment: number, type: string) => {
    customers.push(customer);
    segments.push(segment);
    types.push(type);
    versions.push(versionOf(segment));
    pinLogIds.push(pinLogIdOf?.(customer, segment) ?? null);
    seen.push(reasons.get(segment) ?? null);
  };
  for (const difference of findings.differences) {
    for (const segment of difference.exited) push(difference, segment, 'exited'); // exits first: a move between two segments never shows the customer in both
    for (const segment of difference.entered) push(difference, segment, 'entered');
  }
  if (customers.length === 0) return [];
  const at = new Date(moment.asOfMs).toISOString();
  const statements: Statement[] = [
    {
      name: 'record_outbox',
      text: `
        insert into outbox (decision, ordinal, customer_id, segment_id, type, version, cause, at, since, since_version, pin_log_id, seen)
        select $1::bigint, $2::integer + u.ordinal, u.customer_id, u.segment_id, u.type, u.version, $3, $4::timestamptz, m.since, m.version,
          u.pin_log_id, u.seen::jsonb
        from unnest($5::bigint[], $6::integer[], $7::text[], $8::integer[], $9::bigint[], $10::text[])
          with ordinality as u (customer_id, segment_id, type, version, pin_log_id, seen, ordinal)
        left join memberships as m on m.customer_id = case when u.type = 'exited' then u.customer_id end
          and ${ofSegment('m', 'u')}`,
      onCitus: 'and m.customer_id = any($5::bigint[])',
      values: [moment.decision, ordinalFrom, cause, at, customers, segments, types, versions, pinLogIds, seen],
    },
  ];
  const exits = types.map((type) => type === 'exited');
  if (exits.includes(true)) {
    statements.push({
      name: 'record_exits',
      text: `
        delete from memberships as m
        using unnest($1::bigint[], $2::integer[]) as u (customer_id, segment_id)
        where m.customer_id = u.customer_id and ${ofSegment('m', 'u')}`,
      onCitus: 'and m.customer_id = any($1::bigint[])',
      values: [customers.filter((_, index) => exits[index]), segments.filter((_, index) => exits[index])],
    });
  }
  if (exits.includes(false)) {
    statements.push({
      name: 'record_entries',
      text: `
        insert into memberships (customer_id, segment_id, since, version)
        select u.customer_id, u.segment_id, $1::timestamptz, u.version
        from unnest($2::bigint[], $3::integer[], $4::integer[]) as u (customer_id, segment_id, version)`,
      values: [
        at,
        customers.filter((_, index) => !exits[index]),
        segments.filter((_, index) => !exits[index]),
        versions.filter((_, index) => !exits[index]),
      ],
    });
  }
  return statements;
}

/**
 * The same segment, put so that Postgres looks memberships up by customer, whose rows lie side by side. By segment, which it thinks is as good,
 * each is on another page: sixteen changes of one customer cost 497 instead of 574 µs in the outbox, eight exits 208 instead of 266 (in turns on
 * a machine with other work, 375,000 memberships, 22 November 2026). For entries the key is null, and nothing is looked up.
 */
function ofSegment(memberships: string, others: string): string {
  return `${memberships}.segment_id between ${others}.segment_id and ${others}.segment_id`;
}

/** A look at all segments sets the next look; a look at some can only bring it forward. Written only if it changes. */
function lookStatements({ differences, complete }: Findings): Statement[] {
  const statements: Statement[] = [];
  const moved = differences.filter(
    ({ dueAtMs, storedDueAtMs }) =>
      dueAtMs !== null && (complete ? dueAtMs !== storedDueAtMs : dueAtMs < (storedDueAtMs ?? Number.POSITIVE_INFINITY)),
  );
  if (moved.length > 0) {
    statements.push({
      name: complete ? 'set_looks' : 'lower_looks',
      text: `
        insert into rechecks as r (customer_id, due_at)
        select u.customer_id, 'epoch'::timestamptz + u.due_ms * interval '1 millisecond'
        from unnest($1::bigint[], $2::bigint[]) as u (customer_id, due_ms)
        on conflict (customer_id) do update
        set due_at = ${complete ? 'excluded.due_at' : 'least(r.due_at, excluded.due_at)'}`,
      values: [moved.map((difference) => difference.customerKey), moved.map((difference) => Math.floor(difference.dueAtMs ?? 0))],
    });
  }
  const ended = complete ? differences.filter(({ dueAtMs, storedDueAtMs }) => dueAtMs === null && storedDueAtMs !== null) : [];
  if (ended.length > 0) {
    statements.push({
      name: 'end_looks',
      text: 'delete from rechecks as r where r.customer_id = any($1::bigint[])',
      values: [ended.map((difference) => difference.customerKey)],
    });
  }
  return statements;
}
