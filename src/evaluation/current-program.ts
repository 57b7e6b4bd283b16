// In charge of the program in force: held in memory, made anew when the definitions' epoch has moved.
import type { Database } from '../db/database.ts';
import { loadDefinitions } from '../segments/definitions.ts';
import { EVALUATION_LIMITS, type EvaluationLimits, type EvaluationMeter } from './evaluation-limits.ts';
import { Program } from './program.ts';

export class CurrentProgram {
  readonly #database: Database;
  readonly #limits: EvaluationLimits;
  readonly #meter: EvaluationMeter | undefined;
  #program: Program;
  #reloading: Promise<Program> | undefined;

  private constructor(database: Database, limits: EvaluationLimits, meter: EvaluationMeter | undefined, program: Program) {
    this.#database = database;
    this.#limits = limits;
    this.#meter = meter;
    this.#program = program;
  }

  static async load(database: Database, limits: EvaluationLimits = EVALUATION_LIMITS, meter?: EvaluationMeter): Promise<CurrentProgram> {
    return new CurrentProgram(database, limits, meter, new Program(await loadDefinitions(database), limits, meter));
  }

  get(): Program {
    return this.#program;
  }

  /** The program in force, read again where it is still the one that was found to be of an epoch gone by: another may have seen it before. */
  async after(stale: Program): Promise<Program> {
    return this.#program === stale ? await this.reload() : this.#program;
  }

  /** Reads the definitions again; callers at the same time share one reading. */
  reload(): Promise<Program> {
    this.#reloading ??= loadDefinitions(this.#database, this.#program.definitions)
      .then((definitions) => {
        const before = this.#program;
        this.#program = new Program(definitions, this.#limits, this.#meter, before.settled, before);
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
}
