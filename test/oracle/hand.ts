// Decisions by hand as plain data, and their meaning: pins, one group, moves. Part of the oracle, so written to be read and not for speed.

export interface OraclePin {
  readonly include: boolean;
  readonly untilMs: number | null;
}

export interface OracleGroup {
  readonly segments: readonly string[];
  readonly otherwise: string | null;
}

/** Pins by customer and segment; the one group there may be. */
export interface Hand {
  readonly pins: ReadonlyMap<string, OraclePin>;
  readonly group: OracleGroup | null;
}

export const NOTHING_SAID: Hand = { pins: new Map(), group: null };

export function pinOf(hand: Hand, customer: string, segment: string, nowMs: number): boolean | null {
  const pin = hand.pins.get(`${customer} ${segment}`);
  return pin === undefined || (pin.untilMs !== null && pin.untilMs <= nowMs) ? null : pin.include;
}

export function groupKeys(group: OracleGroup | null): readonly string[] {
  if (group === null) return [];
  return group.otherwise === null || group.segments.includes(group.otherwise) ? group.segments : [...group.segments, group.otherwise];
}

/**
 * Whether a customer is in a segment; `rule` says what rules say, and asks here for the segments that they name. `stands` says of a segment
 * that is not in force whether the customer is one of those who stay in it, and null of any other.
 */
export function isMember(
  hand: Hand,
  customer: string,
  segment: string,
  nowMs: number,
  rule: (segment: string) => boolean,
  stands: (segment: string) => boolean | null = () => null,
): boolean {
  const standing = stands(segment);
  if (standing !== null) return standing;
  if (groupKeys(hand.group).includes(segment)) return whoseInGroup(hand, customer, nowMs, rule, stands) === segment;
  return pinOf(hand, customer, segment, nowMs) ?? rule(segment);
}

/** Who stays in a segment that is not in force is in no other of the group. */
function whoseInGroup(
  hand: Hand,
  customer: string,
  nowMs: number,
  rule: (segment: string) => boolean,
  stands: (segment: string) => boolean | null,
): string | null {
  const all = groupKeys(hand.group);
  const keys = all.filter((segment) => stands(segment) === null);
  const pin = (segment: string) => pinOf(hand, customer, segment, nowMs);
  const otherwise = keys.find((segment) => segment === hand.group?.otherwise) ?? null;
  return (
    all.find((segment) => stands(segment) === true) ??
    keys.find((segment) => pin(segment) === true) ??
    keys.find((segment) => pin(segment) === null && rule(segment)) ??
    (otherwise !== null && pin(otherwise) === null ? otherwise : null)
  );
}

export function withPin(hand: Hand, customer: string, segment: string, pin: OraclePin | null): Hand {
  const pins = new Map(hand.pins);
  if (pin === null) pins.delete(`${customer} ${segment}`);
  else pins.set(`${customer} ${segment}`, pin);
  return { ...hand, pins };
}

/** The customer's pins in other segments of the group of this one. */
export function pinnedElsewhere(hand: Hand, customer: string, segment: string, nowMs: number): readonly string[] {
  const keys = groupKeys(hand.group);
  if (!keys.includes(segment)) return [];
  return keys.filter((key) => key !== segment && pinOf(hand, customer, key, nowMs) === true);
}
