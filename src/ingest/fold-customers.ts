// In charge of several rows of one customer becoming one fact, as if they had been written in their order. Nothing else is folded.
import type { CustomerFact } from './facts.ts';

/** One fact for each id, in order of first appearance. */
export function foldCustomers(facts: readonly CustomerFact[]): readonly CustomerFact[] {
  const folded = new Map<string, CustomerFact>();
  for (const fact of facts) {
    const before = folded.get(fact.id);
    folded.set(fact.id, before === undefined ? fact : merge(before, fact));
  }
  return folded.size === facts.length ? facts : [...folded.values()];
}

function merge(before: CustomerFact, after: CustomerFact): CustomerFact {
  return {
    ...before,
    ...after, // tags and createdAt are replaced as a whole
    profile: { ...before.profile, ...after.profile },
    ...(before.attributes && after.attributes ? { attributes: { ...before.attributes, ...after.attributes } } : {}),
    ...(before.consents && after.consents ? { consents: { ...before.consents, ...after.consents } } : {}),
  };
}
