// In charge of writing batches over two connections at once. One does not keep two cores busy, and more than two only wait for each other.
import type { CustomerKey } from '../facts.ts';
import { StaleTypes } from '../lock-facts.ts';
import type { ImportKind } from './import-fields.ts';
import type { ImportRun } from './import-run.ts';
import { type Fact, toFacts } from './judge-rows.ts';

/** Smaller batches are not worth a second transaction. */
const SPLIT_FROM_ROWS = 500;

type Part = 0 | 1;

interface Split {
  readonly parts: readonly [readonly Fact[], readonly Fact[]];
  readonly partOf: ReadonlyMap<string, Part>;
  /** everything about a customer is in the part of its key */
  readonly isByCustomer: boolean;
}

/**
 * How many batches may be under way: a part of the second then follows its own part of the first, and need not wait for the other part. If types
 * are redeclared meanwhile, a batch is judged and written again, and that must not happen after a later batch; orders have no such types.
 */
export function batchesAtOnce(kind: ImportKind): 1 | 2 {
  return kind === 'orders' ? 2 : 1;
}

/** The parts of one import's batches, each part in the order of the batches. */
export class PartsInTurn {
  #turns: readonly [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
  #before: Split = split([]);
  /** events of a batch whose other part has to be judged again */
  #standing = new Set<string>();

  /**
   * Each part is a transaction; resolves when both have committed. If one fails the other may stay: an import can be sent again. After StaleTypes
   * the same batch may be written once more, as it is judged then; events that stay are not written again, or they would count as repeated.
   */
  async write(run: ImportRun, batch: readonly Fact[]): Promise<void> {
    const [first, second] = this.#turns;
    const standing = this.#standing;
    const facts = standing.size === 0 ? batch : batch.filter((fact) => !standing.has(identityOf(fact)));
    const written: Fact[] = [];
    const writePart = async (turns: readonly Promise<void>[], part: readonly Fact[]): Promise<void> => {
      await Promise.all(turns);
      if (part.length === 0) return;
      const { changes, repeated } = await run.target.write(toFacts(run, part), run.importId);
      run.changes += changes; // not in one expression with the wait: the other part counts meanwhile
      run.repeated += repeated;
      written.push(...part);
    };
    if (facts.length < SPLIT_FROM_ROWS) {
      const whole = writePart([first, second], facts);
      this.#turns = [whole, whole];
    } else {
      const now = split(facts);
      const follows = now.isByCustomer && this.#before.isByCustomer && staysInParts(now, this.#before);
      this.#turns = [
        writePart(follows ? [first] : [first, second], now.parts[0]),
        writePart(follows ? [second] : [first, second], now.parts[1]),
      ];
      this.#before = now;
    }
    const failed = (await Promise.allSettled(this.#turns)).find((outcome) => outcome.status === 'rejected');
    if (failed?.reason instanceof StaleTypes) {
      this.#turns = [Promise.resolve(), Promise.resolve()]; // where there are types no other batch is under way
      if (run.kind === 'events') this.#standing = new Set([...standing, ...written.map(identityOf)]);
    } else this.#standing = new Set();
    if (failed !== undefined) throw failed.reason;
  }
}

function identityOf(fact: Fact): string {
  return `${'customerKey' in fact ? fact.customerKey : fact.key} ${fact.id}`;
}

/**
 * Divides rows in two, each in order. Rows of one customer stay together, so that no part waits for the other's locks; so do rows of one
 * order, even if it changes hands, since the later one must count.
 */
function split(facts: readonly Fact[]): Split {
  const parts: readonly [Fact[], Fact[]] = [[], []];
  const partOf = new Map<string, Part>();
  let isByCustomer = true;
  for (const fact of facts) {
    const own = partOfCustomer('customerKey' in fact ? fact.customerKey : fact.key);
    const part = 'items' in fact ? (partOf.get(fact.id) ?? own) : own;
    if ('items' in fact) partOf.set(fact.id, part);
    if (part !== own) isByCustomer = false;
    parts[part].push(fact);
  }
  return { parts, partOf, isByCustomer };
}

/** An order that changed hands since the previous batch may have changed parts, and must be written after it. */
function staysInParts({ partOf }: Split, before: Split): boolean {
  for (const [id, part] of partOf) if ((before.partOf.get(id) ?? part) !== part) return false;
  return true;
}

function partOfCustomer(key: CustomerKey): Part {
  return key.charCodeAt(key.length - 1) % 2 === 1 ? 1 : 0; // by the last digit
}
