// In charge of the program in force: held in memory, made anew when the definitions' epoch has moved; what a change of this process is about to
// put in force is made before its commit, and in force with it.
import type { Database } from '../db/database.ts';
import { type Definitions, type DefinitionsKeeper, keepDefinitions, loadDefinitions } from '../segments/definitions.ts';
import { EVALUATION_LIMITS, type EvaluationLimits, type EvaluationMeter } from './evaluation-limits.ts';
import { Program } from './program.ts';

/** Of a change that is under way. */
interface Expected {
  readonly program: Program;
  readonly committed: Promise<boolean>;
}

export class CurrentProgram implements DefinitionsKeeper {
  readonly #database: Database;
  readonly #limits: EvaluationLimits;
  readonly #meter: EvaluationMeter | undefined;
  #program: Program;
  #reloading: Promise<Program> | undefined;
  #expected: Expected | undefined;

  private constructor(database: Database, limits: EvaluationLimits, meter: EvaluationMeter | undefined, program: Program) {
    this.#database = database;
    this.#limits = limits;
    this.#meter = meter;
    this.#program = program;
  }

  static async load(database: Database, limits: EvaluationLimits = EVALUATION_LIMITS, meter?: EvaluationMeter): Promise<CurrentProgram> {
    const programs = new CurrentProgram(database, limits, meter, new Program(await loadDefinitions(database), limits, meter));
    keepDefinitions(database, programs);
    return programs;
  }

  get(): Program {
    return this.#program;
  }

  get kept(): Definitions {
    return this.#program.definitions;
  }

  /** Called before the commit: its program is made meanwhile, so that no write waits for it. */
  expect(definitions: Definitions, committed: Promise<boolean>): void {
    const program = this.#programAfter(this.#program, definitions);
    const expected = { program, committed };
    this.#expected = expected;
    void committed.then((isInForce) => {
      if (this.#expected === expected) this.#expected = undefined;
      if (isInForce && isLater(definitions, this.#program.definitions)) this.#program = program;
    });
  }

  /**
   * The program of that epoch, which somebody has read as the one in force; undefined: it is not at hand. The change of this process that would
   * bring it about may have failed, and another process' have come to the same number, so its commit is heard of first.
   */
  async of(epoch: string): Promise<Program | undefined> {
    if (this.#program.definitions.epoch === epoch) return this.#program;
    const expected = this.#expected;
    return expected?.program.definitions.epoch === epoch && (await expected.committed) ? expected.program : undefined;
  }

  /** The program in force, read again where it is still the one that was found to be of an epoch gone by: another may have seen it before. */
  async after(stale: Program): Promise<Program> {
    return this.#program === stale ? await this.reload() : this.#program;
  }

  /** Reads the definitions again; callers at the same time share one reading. */
  reload(): Promise<Program> {
    const from = this.#program;
    this.#reloading ??= loadDefinitions(this.#database, from.definitions)
      .then((definitions) => {
        const before = this.#program;
        if (before !== from && isLater(before.definitions, definitions)) return before; // a change of our own came between
        this.#program = this.#programAfter(before, definitions);
        return this.#program;
      })
      .finally(() => {
        this.#reloading = undefined;
      });
    return this.#reloading;
  }

  /** The same definitions with nothing young any more; `use` puts it in force. */
  settledProgram(): { readonly program: Program; use(): void } {
    const before = this.#program;
    const program = new Program(before.definitions, this.#limits, this.#meter, undefined, before);
    return {
      program,
      use: () => {
        if (this.#program === before) this.#program = program; // the definitions have not moved meanwhile
      },
    };
  }

  #programAfter(before: Program, definitions: Definitions): Program {
    return new Program(definitions, this.#limits, this.#meter, before.settled, before);
  }
}

function isLater(one: Definitions, other: Definitions): boolean {
  return BigInt(one.epoch) > BigInt(other.epoch);
}
