// In charge of pinning one customer into a segment or out of it, and of releasing pins, so that the rule decides again. Within a
// group a customer has at most one pin in. How such a decision is carried out is decide-by-hand.ts.
import { noteWrite } from '../access/write-record.ts';
import { AppError } from '../errors.ts';
import { customerKey } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type ByHand, type DecidedByHand, type DecidedIn, decideByHand, type PinnedSegment, type Situation } from './decide-by-hand.ts';
import { describePins } from './describe-pins.ts';
import type { Deciding } from './in-decision.ts';
import type { HandCause, PinAction, PinWrite, StoredPin } from './store-pins.ts';

/** `remove` is a pin out, and of a manual segment the end of its pin in; `release` lets the rule decide again. */
export type PinWish = 'add' | 'remove' | 'release';

export interface PinRequest {
  readonly segment: string;
  readonly customerId: string;
  readonly wish: PinWish;
  readonly actor: string;
  readonly reason: string | null;
  /** epoch milliseconds; null: until it is changed by hand */
  readonly untilMs: number | null;
  /** replaces the customer's pin in another segment of the group */
  readonly replace: boolean;
}

/**
 * Throws `not_found`, `conflict` (the segment is not live), `pinned_elsewhere`, `invalid_fields` (until is past, or says nothing).
 * `answerOf`: the request's answer, for its Idempotency-Key.
 */
export async function writePin(
  deciding: Deciding,
  request: PinRequest,
  answerOf?: (decided: DecidedIn) => unknown,
): Promise<DecidedByHand> {
  const { segment, customerId, wish, actor, reason, untilMs } = request;
  const byHand: ByHand = {
    customerIds: [customerId],
    segmentKeys: [segment],
    saying: { actor, reason, untilMs },
    causeIn: (situation) => causeOf(wish, situation.segment(segment)),
    plan: (situation) => planPin(situation, request),
    note: (client, decided, situation, writes) =>
      noteWrite(client, {
        target: `segments/${segment}`,
        changes: describePins(situation, byHand, writes),
        answer: answerOf && { decision: decided.decision, body: answerOf(decided) },
      }),
  };
  return decideByHand(deciding, byHand);
}

function causeOf(wish: PinWish, { kind }: PinnedSegment): HandCause {
  return wish === 'release' || (wish === 'remove' && kind === 'manual') ? 'unpin' : 'pin';
}

function planPin(situation: Situation, request: PinRequest): readonly PinWrite[] {
  const { customerId, replace, reason, untilMs } = request;
  if (!situation.isKnown(customerId)) throw new AppError('not_found', `There is no customer “${customerId}”.`);
  const segment = situation.segment(request.segment);
  const customer = customerKey(customerId);
  const action = actionOf(request, segment);
  const standing = situation.pinsOf(customer).find((pin) => pin.segmentId === segment.id);
  if (action === 'released') return standing === undefined ? [] : [{ customerKey: customer, segmentId: segment.id, action }];
  const isSame =
    standing !== undefined && standing.include === (action === 'pinned_in') && standing.untilMs === untilMs && standing.reason === reason;
  if (isSame) return [];
  const others = action === 'pinned_in' ? pinsInGroup(situation, customer, segment) : [];
  const [other] = others;
  if (action === 'pinned_in') refuseWhereHeld(situation, customer, customerId, segment);
  if (other !== undefined && !replace) throw pinnedElsewhere(situation, customerId, segment, other);
  return [
    ...others.map((pin): PinWrite => ({ customerKey: customer, segmentId: pin.segmentId, action: 'released' })),
    { customerKey: customer, segmentId: segment.id, action },
  ];
}

function actionOf({ wish, untilMs }: PinRequest, segment: PinnedSegment): PinAction {
  if (wish === 'add') return 'pinned_in';
  if (wish === 'remove' && !isLeftByReleasing(segment)) return 'pinned_out';
  if (untilMs !== null) {
    const detail = 'Who is not in a manual segment needs no time until when; leave it out.';
    throw new AppError('invalid_fields', detail, { errors: [{ pointer: '/until', code: 'invalid_value', detail }] });
  }
  return 'released';
}

/** Only pins put anybody into a manual segment, unless it is its group's `otherwise`. */
export function isLeftByReleasing({ id, kind, group }: PinnedSegment): boolean {
  return kind === 'manual' && group?.otherwiseId !== id;
}

/** The customer's pins in other segments of the group. */
export function pinsInGroup(situation: Situation, customer: CustomerKey, segment: PinnedSegment): readonly StoredPin[] {
  if (segment.group === null) return [];
  const { segmentIds, otherwiseId } = segment.group;
  const ids = otherwiseId === null ? segmentIds : [...segmentIds, otherwiseId];
  return situation.pinsOf(customer).filter((pin) => pin.include && pin.segmentId !== segment.id && ids.includes(pin.segmentId));
}

/** A paused or failed segment of the group keeps its members, so nobody can be taken out of it. */
function refuseWhereHeld(situation: Situation, customer: CustomerKey, customerId: string, segment: PinnedSegment): void {
  const held = segment.group === null ? null : situation.heldBy(customer, segment.group);
  if (held === null) return;
  const where = situation.keyOf(held);
  const detail = `Customer “${customerId}” is in “${where}” of the same group, which is not live and keeps its members.`;
  throw new AppError('conflict', detail, { errors: [{ code: 'conflict', detail, segment: where }] });
}

function pinnedElsewhere(situation: Situation, customerId: string, segment: PinnedSegment, other: StoredPin): AppError {
  const where = situation.keyOf(other.segmentId);
  const detail = `Customer “${customerId}” is pinned in “${where}”, which is of one group with “${segment.key}”.`;
  return new AppError('pinned_elsewhere', detail, {
    errors: [{ code: 'pinned_elsewhere', detail, hint: 'With `replace` this pin takes the place of that one.', segment: where }],
  });
}
