// In charge of writing a batch over two connections at once. One does not keep two cores busy, and more than two only wait for each other.
import type { CustomerKey } from '../facts.ts';
import type { ImportRun } from './import-run.ts';
import { type Fact, toFacts } from './judge-rows.ts';

/** Smaller batches are not worth a second transaction. */
const SPLIT_FROM_ROWS = 500;

/** Each part is a transaction; resolves when both have committed. Where one fails the other may stand: an import can be sent again. */
export async function writeInParts(run: ImportRun, facts: readonly Fact[]): Promise<void> {
  const parts = facts.length < SPLIT_FROM_ROWS ? [facts] : split(facts);
  const written = await Promise.allSettled(
    parts.filter((part) => part.length > 0).map((part) => run.target.write(toFacts(run, part), run.importId)),
  );
  for (const outcome of written) if (outcome.status === 'fulfilled') run.changes += outcome.value;
  for (const outcome of written) if (outcome.status === 'rejected') throw outcome.reason;
}

/**
 * In two, each in its order. Rows of one customer stay together, so that no part waits for the other's locks; rows of one order too,
 * also where it changes hands: the later one is to count.
 */
function split(facts: readonly Fact[]): readonly (readonly Fact[])[] {
  const even: Fact[] = [];
  const odd: Fact[] = [];
  const orders = new Map<string, Fact[]>();
  for (const fact of facts) {
    const own = isOdd('customerKey' in fact ? fact.customerKey : fact.key) ? odd : even;
    const part = 'items' in fact ? (orders.get(fact.id) ?? own) : own;
    if ('items' in fact) orders.set(fact.id, part);
    part.push(fact);
  }
  return [even, odd];
}

function isOdd(key: CustomerKey): boolean {
  return key.charCodeAt(key.length - 1) % 2 === 1; // of the last digit
}
