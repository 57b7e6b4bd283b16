// In charge of the program in force: held in memory, made anew when the definitions' epoch has moved.
import type { Database } from '../db/database.ts';
import { loadDefinitions } from '../segments/definitions.ts';
import { EVALUATION_LIMITS, type EvaluationLimits } from './evaluation-limits.ts';
import { Program } from './program.ts';

export class CurrentProgram {
  readonly #database: Database;
  readonly #limits: EvaluationLimits;
  #program: Program;
  #reloading: Promise<Program> | undefined;

  private constructor(database: Database, limits: EvaluationLimits, program: Program) {
    this.#database = database;
    this.#limits = limits;
    this.#program = program;
  }

  static async load(database: Database, limits: EvaluationLimits = EVALUATION_LIMITS): Promise<CurrentProgram> {
    return new CurrentProgram(database, limits, new Program(await loadDefinitions(database), limits));
  }

  get(): Program {
    return this.#program;
  }

  /** Reads the definitions again; callers at the same time share one reading. */
  reload(): Promise<Program> {
    this.#reloading ??= loadDefinitions(this.#database)
      .then((definitions) => {
        this.#program = new Program(definitions, this.#limits);
        return this.#program;
      })
      .finally(() => {
        this.#reloading = undefined;
      });
    return this.#reloading;
  }
}
