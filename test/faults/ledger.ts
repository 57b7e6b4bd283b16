// In charge of what writers were told: for each thing that can be read back, what was acknowledged last and what may have happened since. Not of
// sending or reading. Whoever writes a thing writes nothing else to it meanwhile, so its operations have an order.

/** What an operation leaves in each thing it touches; null: nothing, it is gone. */
export type Marks = ReadonlyMap<string, string | null>;

/** answered: done · refused: told that nothing happened · unknown: no answer, or one that says to try again */
export type Outcome = 'answered' | 'refused' | 'unknown';

interface Thing {
  /** what it must hold unless one of `possible` has happened */
  certain: string | null;
  possible: (string | null)[];
}

export interface LedgerCounts {
  answered: number;
  refused: number;
  unknown: number;
  /** of the unknown, how many turned out to have happened */
  happened: number;
}

export class Ledger {
  readonly #things = new Map<string, Thing>();
  /** operations without an answer that must be there whole or not at all */
  #unknown: Marks[] = [];
  readonly counts: LedgerCounts = { answered: 0, refused: 0, unknown: 0, happened: 0 };

  /** `whole`: all or nothing, also where nobody was told. */
  note(marks: Marks, outcome: Outcome, whole = true): void {
    this.counts[outcome] += 1;
    for (const [key, value] of marks) {
      const thing = this.#things.get(key) ?? { certain: null, possible: [] };
      this.#things.set(key, thing);
      if (outcome === 'answered') Object.assign(thing, { certain: value, possible: [] });
      else if (outcome === 'unknown') thing.possible.push(value);
    }
    if (outcome === 'unknown' && whole && marks.size > 1) this.#unknown.push(marks);
  }

  get keys(): readonly string[] {
    return [...this.#things.keys()];
  }

  /** Everything that differs from what was told, in words; afterwards what was found is what is certain. */
  check(found: ReadonlyMap<string, string>): string[] {
    const wrong: string[] = [];
    const told = new Map<string, Thing>([...this.#things].map(([key, thing]) => [key, { ...thing, possible: [...thing.possible] }]));
    for (const [key, thing] of this.#things) {
      const value = found.get(key) ?? null;
      if (value !== thing.certain && !thing.possible.includes(value)) {
        const since = thing.possible.length === 0 ? '' : `, or since then ${thing.possible.join(' or ')}`;
        wrong.push(`${key} holds ${value}; acknowledged was ${thing.certain}${since}`);
      }
      Object.assign(thing, { certain: value, possible: [] });
    }
    for (const marks of this.#unknown) {
      const holds = [...marks].filter(([key, value]) => (found.get(key) ?? null) === value && isNew(told.get(key), value));
      if (holds.length > 0) this.counts.happened += 1;
      const torn = [...marks].filter(([key, value]) => isOlder(told.get(key), value, found.get(key) ?? null));
      if (holds.length > 0 && torn.length > 0) wrong.push(`half there: ${holds.map(([key]) => key)} without ${torn.map(([key]) => key)}`);
    }
    this.#unknown = [];
    return wrong;
  }
}

/** Whether nothing before the operation could have left the same. */
function isNew(thing: Thing | undefined, value: string | null): boolean {
  return thing !== undefined && thing.certain !== value && thing.possible.indexOf(value) === thing.possible.lastIndexOf(value);
}

/** Whether what was found was there before the operation that would have left `value`. */
function isOlder(thing: Thing | undefined, value: string | null, found: string | null): boolean {
  if (thing === undefined || found === value) return false;
  const place = thing.possible.indexOf(value); // -1: a later one was acknowledged, so nothing older can be found
  return place >= 0 && (found === thing.certain || thing.possible.slice(0, place).includes(found));
}
