// In charge of the flow of a decision by hand (pins, moves): like facts it is written and evaluated in one transaction.
// What is written is the caller's plan (write-pins.ts, move-members.ts), which is made after the locks, from what is stored then.
//
//   locks ─► the moment ─► what the clock alone has changed ─► the plan ─► pins ─► evaluate them, their groups, who names them ─► record
import { type Client, pipeline } from '../db/database.ts';
import { endWith } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import type { Program } from '../evaluation/program.ts';
import { customerKey } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type GroupToEvaluate, segmentIdsOf } from '../rules/emit-choice.ts';
import { changeDefinitions } from '../segments/change-definitions.ts';
import { catchUp, findLate, toLate } from './catch-up.ts';
import { evaluateLocked } from './evaluate-locked.ts';
import { withoutCulprits } from './fail-segments.ts';
import { type Deciding, type Decision, inDecisionWith, type LockedDecision } from './in-decision.ts';
import { lockForLook } from './look-again.ts';
import { readHeldSegments, toSegmentKeys } from './read-segment-keys.ts';
import { countChanges, recordStatements } from './record.ts';
import { type HandCause, type PinWrite, readPins, type Saying, type StoredPin, storePins } from './store-pins.ts';

export interface ByHand {
  readonly customerIds: readonly string[];
  /** the segments that may be pinned; each must be live */
  readonly segmentKeys: readonly string[];
  readonly saying: Omit<Saying, 'cause'>;
  /** What its changes are told as, asked together with the plan: what kind of segment it is about is known for certain only then. */
  causeIn(situation: Situation): HandCause;
  /** Made again when the transaction is repeated; throws the error with which to refuse the request. */
  plan(situation: Situation): readonly PinWrite[] | Promise<readonly PinWrite[]>;
  /** Records it in the audit, at the end of the decision; absent: nothing is recorded. */
  note?(client: Client, decided: DecidedIn, situation: Situation, writes: readonly PinWrite[]): Promise<void>;
}

export interface PinnedSegment {
  readonly id: number;
  readonly key: string;
  readonly kind: 'rule' | 'manual';
  readonly group: GroupToEvaluate | null;
}

/** What is stored after the locks, as far as the plan may ask. */
export interface Situation {
  readonly asOfMs: number;
  segment(key: string): PinnedSegment;
  keyOf(segmentId: number): string;
  isKnown(customerId: string): boolean;
  isMember(customer: CustomerKey, segmentId: number): boolean;
  /** the pins in force, in the segments and in those of their groups */
  pinsOf(customer: CustomerKey): readonly StoredPin[];
  /** a segment of the group that is not evaluated now and has the customer as a member: the customer stays in it */
  heldBy(customer: CustomerKey, group: GroupToEvaluate): number | null;
}

/** What was decided, as far as it is known before the commit. */
export interface DecidedIn {
  readonly decision: string;
  readonly changes: number;
  readonly segments: ReadonlyMap<CustomerKey, readonly string[]>;
}

export interface DecidedByHand extends DecidedIn {
  /** the place in the write-ahead log after the commit */
  readonly lsn: string;
}

/** What a decision is about to write. */
export interface Planned {
  readonly writes: readonly PinWrite[];
  readonly saying: Saying;
}

/** Throws `not_found`, `conflict` (a segment is not live), `invalid_fields` (until is past), and what the plan throws. */
export async function decideByHand(deciding: Deciding, byHand: ByHand): Promise<DecidedByHand> {
  const keys = [...new Set(byHand.customerIds)].map(customerKey);
  let planned: Planned | null = null;
  const onPlan = (plan: Planned) => {
    planned = plan;
  };
  const prepare = async (client: Client) => {
    if (planned !== null) await storePins(client, planned.writes, planned.saying, deciding.clock.nowMs());
  };
  return withoutCulprits(
    deciding,
    () => ({ customers: { keys }, prepare }),
    async () => {
      await lookForPins(deciding, byHand.segmentKeys);
      return inDecisionWith(deciding, [], async (decision) => {
        const decided = await decideIn(decision, byHand, onPlan);
        return { last: [], valueAt: (lsn) => ({ ...decided, lsn }) };
      });
    },
  );
}

/** Notes that a segment has pins: from its first one on, evaluations look for them. */
export async function lookForPins(deciding: Deciding, segmentKeys: readonly string[]): Promise<void> {
  const { pinned, segmentIds } = deciding.programs.get().definitions;
  const unready = segmentKeys.filter((key) => {
    const id = segmentIds.get(key);
    return id === undefined || !pinned.has(id);
  });
  if (unready.length === 0) return;
  const rows = await deciding.database.query({
    text: 'select s.id from segments as s where s.key = any($1::text[]) and not s.has_pins',
    values: [unready],
  });
  if (rows.length === 0) return; // another process has done it, or there is no such segment
  await changeDefinitions(deciding.database, deciding.clock, async (client) => {
    await client.query('update segments as s set has_pins = true where s.key = any($1::text[]) and not s.has_pins', [unready]);
    return endWith([], undefined);
  });
}

/** Inside the caller's decision: one piece of a move of many. */
export async function decideIn(decision: Decision, byHand: ByHand, onPlan: (planned: Planned) => void = () => {}): Promise<DecidedIn> {
  const { client, program } = decision;
  const keys = [...new Set(byHand.customerIds)].map(customerKey);
  const segments = await readPinnedSegments(client, program, byHand.segmentKeys);
  const locked = await lockForLook(decision, keys);
  const { moment, revisions } = locked;
  const existing = keys.filter((key) => revisions.has(key)); // somebody created after the locks were taken does not exist yet
  const { untilMs } = byHand.saying;
  if (untilMs !== null && untilMs <= moment.asOfMs) throw untilIsPast();
  const [late = []] = await pipeline(client, [findLate(decision, existing)]);
  const overdue = countChanges(await catchUp(locked, toLate(late)));
  const situation = await readSituation(locked, segments, existing);
  const writes = await byHand.plan(situation);
  const saying = { ...byHand.saying, cause: byHand.causeIn(situation) };
  onPlan({ writes, saying });
  const changes = overdue + (await writeAndRecord(locked, writes, saying, overdue));
  const [rows = []] = await pipeline(client, [readHeldSegments(keys)]);
  const decided = { decision: moment.decision, changes, segments: toSegmentKeys(rows, program) };
  await byHand.note?.(client, decided, situation, writes);
  return decided;
}

function untilIsPast(): AppError {
  const detail = 'The time until which it is to hold must lie ahead.';
  return new AppError('invalid_fields', detail, { errors: [{ pointer: '/until', code: 'invalid_value', detail }] });
}

async function readPinnedSegments(client: Client, program: Program, keys: readonly string[]): Promise<ReadonlyMap<string, PinnedSegment>> {
  const { rows } = await client.query<{ id: number; key: string; kind: 'rule' | 'manual'; status: string }>({
    name: 'read_pinned_segments',
    text: 'select s.id, s.key, s.kind, s.status from segments as s where s.key = any($1::text[])',
    values: [keys],
  });
  const segments = new Map<string, PinnedSegment>();
  for (const key of keys) {
    const row = rows.find((each) => each.key === key);
    if (row === undefined) throw new AppError('not_found', `There is no segment “${key}”.`);
    if (program.versionOf(row.id) === undefined) {
      throw new AppError('conflict', `Segment “${key}” is ${row.status}; nobody can be put in or out by hand until it is live.`);
    }
    const group = program.definitions.groups.find((each) => segmentIdsOf(each).includes(row.id)) ?? null;
    segments.set(key, { id: row.id, key, kind: row.kind, group });
  }
  return segments;
}

async function readSituation(
  { client, program, moment }: LockedDecision,
  segments: ReadonlyMap<string, PinnedSegment>,
  keys: readonly CustomerKey[],
): Promise<Situation> {
  const ids = [...new Set([...segments.values()].flatMap(({ id, group }) => (group === null ? [id] : segmentIdsOf(group))))];
  const pins = Map.groupBy(await readPins(client, keys, ids, moment.asOfMs), (pin) => pin.customerKey);
  const [customers = [], members = []] = await pipeline(client, [
    {
      name: 'read_known_customers',
      text: 'select c.id, c.external_id from customers as c where c.id = any($1::bigint[])',
      values: [keys],
    },
    {
      name: 'read_memberships_among',
      text: `
        select m.customer_id, m.segment_id
        from memberships as m
        where m.customer_id = any($1::bigint[]) and m.segment_id = any($2::integer[])`,
      values: [keys, ids],
    },
  ]);
  const known = new Set(customers.map((row) => String(row['external_id'])));
  const memberships = new Set(members.map((row) => `${row['customer_id']} ${row['segment_id']}`));
  const isMember = (customer: CustomerKey, segmentId: number) => memberships.has(`${customer} ${segmentId}`);
  return {
    asOfMs: moment.asOfMs,
    segment: (key) => {
      const segment = segments.get(key);
      if (segment === undefined) throw new Error(`segment ${key} was not asked for`);
      return segment;
    },
    keyOf: (id) => program.definitions.names.get(id)?.key ?? String(id),
    isKnown: (customerId) => known.has(customerId),
    isMember,
    pinsOf: (customer) => pins.get(customer) ?? [],
    heldBy: (customer, group) => segmentIdsOf(group).find((id) => program.versionOf(id) === undefined && isMember(customer, id)) ?? null,
  };
}

/** → number of changes */
async function writeAndRecord(decision: LockedDecision, writes: readonly PinWrite[], saying: Saying, ordinalFrom: number): Promise<number> {
  if (writes.length === 0) return 0;
  const { client, program, moment } = decision;
  const logIds = await storePins(client, writes, saying, moment.asOfMs);
  const keys = [...new Set(writes.map((write) => write.customerKey))];
  const segmentIds = program.withDependents(writes.map((write) => write.segmentId));
  const findings = await evaluateLocked(decision, segmentIds, keys);
  const pinLogIdOf = whoSaidIt(writes, logIds);
  await pipeline(client, recordStatements(decision, { findings, cause: saying.cause, ordinalFrom, pinLogIdOf }));
  return countChanges(findings.differences);
}

/** The decision about the segment itself, or else the last one about the customer: a pin into one segment moves the customer out of others. */
function whoSaidIt(writes: readonly PinWrite[], logIds: readonly string[]): (customer: CustomerKey, segmentId: number) => string | null {
  const ids = new Map<string, string>();
  writes.forEach(({ customerKey: customer, segmentId }, place) => {
    const id = logIds[place];
    if (id === undefined) return;
    ids.set(customer, id);
    ids.set(`${customer} ${segmentId}`, id);
  });
  return (customer, segmentId) => ids.get(`${customer} ${segmentId}`) ?? ids.get(customer) ?? null;
}
