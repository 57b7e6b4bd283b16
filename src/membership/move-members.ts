// In charge of moving customers from one segment to another at once: out of one and into the other by pins, in one transaction.
// Within a group the pin in the target alone does it. Moves of all members are run-move.ts.
import { noteWrite } from '../access/write-record.ts';
import { AppError, type ErrorDetail } from '../errors.ts';
import { customerKey } from '../ingest/customer-key.ts';
import { type ByHand, type DecidedByHand, type DecidedIn, decideByHand, type Situation } from './decide-by-hand.ts';
import { describePins } from './describe-pins.ts';
import type { Deciding } from './in-decision.ts';
import type { PinWrite } from './store-pins.ts';
import { isLeftByReleasing, pinsInGroup } from './write-pins.ts';

export interface MoveRequest {
  readonly customerIds: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly actor: string;
  readonly reason: string | null;
  /** epoch milliseconds; null: until it is changed by hand */
  readonly untilMs: number | null;
  /** moves those it can and lists the others, instead of refusing all */
  readonly partial: boolean;
  /** replaces pins in other segments of the target's group */
  readonly replace: boolean;
}

/** What is known inside the transaction. */
export interface MovedIn extends DecidedIn {
  readonly moved: number;
  /** indexes into `customerIds` */
  readonly skipped: readonly Skipped[];
}

export type Moved = MovedIn & DecidedByHand;

export interface Skipped {
  readonly place: number;
  readonly customerId: string;
  readonly code: 'not_a_member' | 'not_found' | 'pinned_elsewhere' | 'conflict';
  readonly detail: string;
  /** key of the other segment that is in the way; null: none is */
  readonly segment: string | null;
}

/**
 * Throws `not_found` and `conflict` for the segments, `not_a_member` and `pinned_elsewhere` listing the customers, `invalid_fields`.
 * `answerOf`: the request's answer, for its Idempotency-Key.
 */
export async function moveMembers(deciding: Deciding, request: MoveRequest, answerOf?: (moved: MovedIn) => unknown): Promise<Moved> {
  let plan: MovePlan = { writes: [], skipped: [], moved: 0 };
  const byHand = moveByHand(request);
  const decided = await decideByHand(deciding, {
    ...byHand,
    plan: (situation) => {
      plan = planMoves(situation, request);
      if (plan.skipped.length > 0 && !request.partial) throw refusal(plan.skipped, request.from);
      return plan.writes;
    },
    note: (client, inside, situation, writes) =>
      noteWrite(client, {
        target: `segments/${request.to}`,
        changes: describePins(situation, byHand, writes),
        answer: answerOf && { decision: inside.decision, body: answerOf({ ...inside, moved: plan.moved, skipped: plan.skipped }) },
        answered: plan.skipped.map(({ customerId }) => customerKey(customerId)),
      }),
  });
  return { ...decided, moved: plan.moved, skipped: plan.skipped };
}

export function moveByHand({ customerIds, from, to, actor, reason, untilMs }: MoveRequest): Omit<ByHand, 'plan'> {
  return { customerIds, segmentKeys: [from, to], saying: { actor, reason, untilMs }, causeIn: () => 'move' };
}

export interface MovePlan {
  readonly writes: readonly PinWrite[];
  readonly skipped: readonly Skipped[];
  readonly moved: number;
}

export function planMoves(situation: Situation, request: MoveRequest): MovePlan {
  const writes: PinWrite[] = [];
  const skipped: Skipped[] = [];
  const seen = new Set<string>();
  let moved = 0;
  request.customerIds.forEach((customerId, place) => {
    if (seen.has(customerId)) return; // named twice, moved once
    seen.add(customerId);
    const obstacle = findObstacle(situation, request, customerId);
    if (obstacle === null) {
      writes.push(...planMove(situation, request, customerId));
      moved += 1;
    } else skipped.push({ ...obstacle, place, customerId });
  });
  return { writes, skipped, moved };
}

function findObstacle(
  situation: Situation,
  { from, to, replace }: MoveRequest,
  customerId: string,
): Pick<Skipped, 'code' | 'detail' | 'segment'> | null {
  const [source, target] = [situation.segment(from), situation.segment(to)];
  const customer = customerKey(customerId);
  if (!situation.isKnown(customerId)) return { code: 'not_found', detail: `There is no customer “${customerId}”.`, segment: null };
  if (!situation.isMember(customer, source.id)) {
    return { code: 'not_a_member', detail: `Customer “${customerId}” is not in segment “${from}”.`, segment: null };
  }
  if (target.group === null || target.group === source.group) return null;
  const held = situation.heldBy(customer, target.group);
  if (held !== null) {
    const segment = situation.keyOf(held);
    const detail = `Customer “${customerId}” is in “${segment}” of the target’s group, which is not live and keeps its members.`;
    return { code: 'conflict', detail, segment };
  }
  const [other] = pinsInGroup(situation, customer, target);
  if (other === undefined || replace) return null;
  const segment = situation.keyOf(other.segmentId);
  const detail = `Customer “${customerId}” is pinned in “${segment}”, which is of one group with “${to}”.`;
  return { code: 'pinned_elsewhere', detail, segment };
}

function planMove(situation: Situation, { from, to }: MoveRequest, customerId: string): PinWrite[] {
  const [source, target] = [situation.segment(from), situation.segment(to)];
  const customer = customerKey(customerId);
  const write = (segmentId: number, action: PinWrite['action']): PinWrite => ({ customerKey: customer, segmentId, action });
  const replaced = pinsInGroup(situation, customer, target).map((pin) => write(pin.segmentId, 'released'));
  const isWithinGroup = source.group !== null && source.group === target.group;
  const left = isWithinGroup ? [] : [write(source.id, isLeftByReleasing(source) ? 'released' : 'pinned_out')];
  return [...replaced, ...left, write(target.id, 'pinned_in')];
}

function refusal(skipped: readonly Skipped[], from: string): AppError {
  const errors = skipped.map(({ place, code, detail, segment }): ErrorDetail => {
    return { pointer: `/customerIds/${place}`, code, detail, ...(segment === null ? {} : { segment }) };
  });
  const absent = skipped.filter(({ code }) => code === 'not_a_member' || code === 'not_found').length;
  if (absent > 0) {
    return new AppError(
      'not_a_member',
      `${absent} of the customers ${absent === 1 ? 'is' : 'are'} not in segment “${from}”; nobody was moved.`,
      { errors },
    );
  }
  const code = skipped.some((each) => each.code === 'pinned_elsewhere') ? 'pinned_elsewhere' : 'conflict';
  return new AppError(code, `${skipped.length} of the customers cannot be moved; nobody was.`, { errors });
}
