// In charge of what the audit records of decisions by hand: for each customer the pins before, and those written.
import type { AuditChange } from '../access/audit-entry.ts';
import { customerKey } from '../ingest/customer-key.ts';
import type { ByHand, Situation } from './decide-by-hand.ts';
import type { PinWrite } from './store-pins.ts';

/** Also for a decision that changed nothing: every customer who is named and exists. */
export function describePins(
  situation: Situation,
  { customerIds, saying, causeIn }: Pick<ByHand, 'customerIds' | 'saying' | 'causeIn'>,
  writes: readonly PinWrite[],
): AuditChange[] {
  const { reason, untilMs } = saying;
  const cause = causeIn(situation);
  const written = Map.groupBy(writes, (write) => write.customerKey);
  const told = [...new Set(customerIds)].filter(
    (id) => situation.isKnown(id) && (customerIds.length === 1 || written.has(customerKey(id))),
  );
  return told.map((customerId) => {
    const customer = customerKey(customerId);
    const before = situation
      .pinsOf(customer)
      .map((pin) => ({ segment: situation.keyOf(pin.segmentId), include: pin.include, reason: pin.reason, untilMs: pin.untilMs }));
    const after = (written.get(customer) ?? []).map(({ segmentId, action }) => ({ segment: situation.keyOf(segmentId), action }));
    return { customerKey: customer, content: { customerId, before, after: { cause, reason, untilMs, pins: after } } };
  });
}
