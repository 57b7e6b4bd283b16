// In charge of dividing what a scan of a chunk found into pieces, each applied in one transaction (apply-piece.ts). Their size is the business of
// run-pace.ts.
import type { Difference } from '../evaluation/find-differences.ts';
import type { Chunk } from '../evaluation/next-chunk.ts';
import type { CustomerKey } from '../ingest/facts.ts';

export interface Piece {
  readonly differences: readonly Difference[];
  /** everybody up to here is dealt with once it is applied */
  readonly throughKey: CustomerKey;
  /** of the chunk, including those who do not differ */
  readonly customers: number;
}

/** In order of id; the last one reaches to the end of the chunk, and a chunk in which nobody differs is one piece. */
export class Pieces {
  readonly #ordered: readonly Difference[];
  readonly #chunk: Chunk;
  #place = 0;
  #passed = 0;
  #afterKey: CustomerKey;
  #isEmpty = false;

  constructor(differences: readonly Difference[], chunk: Chunk) {
    this.#ordered = inOrderOfKey(differences);
    this.#chunk = chunk;
    this.#afterKey = chunk.afterKey;
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** The next piece; the same one until it is passed. */
  next(mostCustomers: number): Piece {
    const end = this.#place + mostCustomers;
    const differences = this.#ordered.slice(this.#place, end);
    const { throughKey, customers } = this.#chunk;
    if (end >= this.#ordered.length) return { differences, throughKey, customers: customers - this.#passed };
    return {
      differences,
      throughKey: differences.at(-1)?.customerKey ?? throughKey,
      customers: Math.floor((customers * end) / this.#ordered.length) - this.#passed,
    };
  }

  /** It was applied. */
  pass({ differences, throughKey, customers }: Piece): void {
    this.#place += differences.length;
    this.#passed += customers;
    this.#afterKey = throughKey;
    this.#isEmpty = this.#place >= this.#ordered.length;
  }

  /** The part of the chunk that was not passed. */
  left(): Chunk {
    const { throughKey, customers } = this.#chunk;
    return { afterKey: this.#afterKey, throughKey, customers: customers - this.#passed };
  }
}

/** As Postgres compares keys; a typed array of 64-bit integers sorts a good deal faster than an array of them. */
function inOrderOfKey(differences: readonly Difference[]): readonly Difference[] {
  const byKey = new Map(differences.map((difference) => [difference.customerKey, difference]));
  const keys = BigInt64Array.from(byKey.keys(), BigInt).sort();
  return Array.from(keys, (key) => byKey.get(String(key)) as Difference);
}
