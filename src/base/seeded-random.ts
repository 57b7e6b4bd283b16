// In charge of random numbers that a seed determines (sfc32), the same on every machine: for the made-up shops of the demo and the bench, and
// for tests. Not for keys or secrets.

export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.trunc(seed / 2 ** 32) ^ 0x9e3779b9;
    this.#c = 0x243f6a88;
    for (let round = 0; round < 15; round += 1) this.next();
  }

  /** In [0, 1), with 32 bits. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value;
  }

  /** One of the values, each as likely as its weight. */
  weighted<Value>(values: readonly (readonly [value: Value, weight: number])[]): Value {
    let rest = this.next() * values.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [value, weight] of values) {
      rest -= weight;
      if (rest < 0) return value;
    }
    return (values.at(-1) as readonly [Value, number])[0];
  }

  /** Roughly normal, as the sum of four: good enough for prices and habits. */
  normal(mean: number, deviation: number): number {
    return mean + (this.next() + this.next() + this.next() + this.next() - 2) * Math.sqrt(3) * deviation;
  }

  /** In place. */
  shuffle<Value>(values: Value[]): Value[] {
    for (let last = values.length - 1; last > 0; last -= 1) {
      const other = this.integer(0, last);
      [values[last], values[other]] = [values[other] as Value, values[last] as Value];
    }
    return values;
  }
}
