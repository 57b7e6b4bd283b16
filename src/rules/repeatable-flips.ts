// In charge of flips that several segments share: what made them is emitted once, and each that asks for it again adds them once more, since
// whom they matter to depends on who asks (guarded-flips.ts).
import type { SQL } from 'drizzle-orm';
import type { Flips } from './emit-operand.ts';

export class RepeatableFlips implements Flips {
  readonly #flips: Flips;
  readonly #added = new Map<string, (() => void)[]>();
  /** what is being emitted now, the outermost first */
  readonly #underway: (() => void)[][] = [];

  constructor(flips: Flips) {
    this.#flips = flips;
  }

  /** Runs the first time; every other time adds the flips that it added then. */
  once(key: string, emit: () => void): void {
    const known = this.#added.get(key);
    if (known !== undefined) {
      for (const add of known) this.#add(add);
      return;
    }
    const added: (() => void)[] = [];
    this.#added.set(key, added);
    this.#underway.push(added);
    emit();
    this.#underway.pop();
  }

  readonly addInstant = (instant: SQL, isAhead?: true): void => this.#add(() => this.#flips.addInstant(instant, isAhead));

  readonly addDay = (day: SQL, isAhead?: true): void => this.#add(() => this.#flips.addDay(day, isAhead));

  readonly addArrival = (instant: SQL): void => this.#add(() => this.#flips.addArrival(instant));

  #add(add: () => void): void {
    add();
    for (const added of this.#underway) added.push(add);
  }
}
