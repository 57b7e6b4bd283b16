// In charge of the program in force: held in memory, and made anew when the definitions' epoch has moved. The program of a change made by this
// process is made before the change commits, and in force as soon as it has.
import type { Database } from '../db/database.ts';
import { type DefinitionsKeeper, keepDefinitions } from '../segments/change-definitions.ts';
import { type Definitions, loadDefinitions } from '../segments/definitions.ts';
import { EVALUATION_LIMITS, type EvaluationLimits, type EvaluationMeter } from './evaluation-limits.ts';
import { Program } from './program.ts';

/** The program of a change that is about to commit. */
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
   * The program of an epoch that the caller has read as the one in force; undefined: it is not at hand. The change of this process that would
   * lead to it may have failed, and a change of another process have got the same number, so the outcome of its commit is awaited first.
   */
  async of(epoch: string): Promise<Program | undefined> {
    if (this.#program.definitions.epoch === epoch) return this.#program;
    const expected = this.#expected;
    return expected?.program.definitions.epoch === epoch && (await expected.committed) ? expected.program : undefined;
  }

  /** The program in force, read again if it is still the one that was found to be out of date: somebody else may have had it read since. */
  async after(stale: Program): Promise<Program> {
    return this.#program === stale ? await this.reload() : this.#program;
  }

  /** Reads the definitions again; concurrent callers share one read. */
  reload(): Promise<Program> {
    const from = this.#program;
    this.#reloading ??= loadDefinitions(this.#database, from.definitions)
      .then((definitions) => {
        const before = this.#program;
        if (before !== from && isLater(before.definitions, definitions)) return before; // a change of our own came in between
        this.#program = this.#programAfter(before, definitions);
        return this.#program;
      })
      .finally(() => {
        this.#reloading = undefined;
      });
    return this.#reloading;
  }

  /** The same definitions with nothing young in them any more; `use` puts it in force. */
  settledProgram(): { readonly program: Program; use(): void } {
    const before = this.#program;
    const program = new Program(before.definitions, this.#limits, this.#meter, undefined, before);
    return {
      program,
      use: () => {
        if (this.#program === before) this.#program = program; // the definitions have not changed meanwhile
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
