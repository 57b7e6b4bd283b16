// In charge of writing batches over two connections at once. One does not keep two cores busy, and more than two only wait for each other.
import type { CustomerKey } from '../facts.ts';
import { StaleTypes } from '../lock-facts.ts';
import type { ImportKind } from './import-fields.ts';
import type { ImportRun, Row } from './import-run.ts';
import { type TakenRow, toFacts } from './judge-rows.ts';

/** Smaller batches are not worth a second transaction. */
const SPLIT_FROM_ROWS = 500;

type Part = 0 | 1;

interface Split {
  readonly parts: readonly [readonly TakenRow[], readonly TakenRow[]];
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

  /**
   * Each part is a transaction; resolves when both have ended. If one fails the other may stay: an import can be sent again. → the rows of a part
   * that met a redeclared type, in order: they are not written, and must be judged and written again before the next batch. What stays is not
   * among them: judged again by the new type it might be told as rejected, and written again its events would count as repeated.
   */
  async write(run: ImportRun, batch: readonly TakenRow[]): Promise<readonly Row[]> {
    const [first, second] = this.#turns;
    const stale = new Set<TakenRow>();
    const writePart = async (turns: readonly Promise<void>[], part: readonly TakenRow[]): Promise<void> => {
      await Promise.all(turns);
      if (part.length === 0) return;
      const facts = toFacts(
        run,
        part.map(({ fact }) => fact),
      );
      try {
        const { changes, repeated } = await run.target.write(facts, run.importId);
        run.changes += changes; // not in one expression with the wait: the other part counts meanwhile
        run.repeated += repeated;
      } catch (error) {
        if (!(error instanceof StaleTypes)) throw error;
        for (const taken of part) stale.add(taken);
      }
    };
    if (batch.length < SPLIT_FROM_ROWS) {
      const whole = writePart([first, second], batch);
      this.#turns = [whole, whole];
    } else {
      const now = split(batch);
      const follows = now.isByCustomer && this.#before.isByCustomer && staysInParts(now, this.#before);
      this.#turns = [
        writePart(follows ? [first] : [first, second], now.parts[0]),
        writePart(follows ? [second] : [first, second], now.parts[1]),
      ];
      this.#before = now;
    }
    for (const outcome of await Promise.allSettled(this.#turns)) if (outcome.status === 'rejected') throw outcome.reason;
    return batch.filter((taken) => stale.has(taken)).map(({ row }) => row);
  }
}

/**
 * Divides rows in two, each in order. Rows of one customer stay together, so that no part waits for the other's locks; so do rows of one
 * order, even if it changes hands, since the later one must count.
 */
function split(rows: readonly TakenRow[]): Split {
  const parts: readonly [TakenRow[], TakenRow[]] = [[], []];
  const partOf = new Map<string, Part>();
  let isByCustomer = true;
  for (const taken of rows) {
    const { fact } = taken;
    const own = partOfCustomer('customerKey' in fact ? fact.customerKey : fact.key);
    const part = 'items' in fact ? (partOf.get(fact.id) ?? own) : own;
    if ('items' in fact) partOf.set(fact.id, part);
    if (part !== own) isByCustomer = false;
    parts[part].push(taken);
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
