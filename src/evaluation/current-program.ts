// In charge of the program in force: held in memory, made anew when the definitions' epoch has moved.
import type { Database } from '../db/database.ts';
import { loadDefinitions } from '../segments/definitions.ts';
import { Program } from './program.ts';

export class CurrentProgram {
  readonly #database: Database;
  #program: Program;
  #reloading: Promise<Program> | undefined;

  private constructor(database: Database, program: Program) {
    this.#database = database;
    this.#program = program;
  }

  static async load(database: Database): Promise<CurrentProgram> {
    return new CurrentProgram(database, new Program(await loadDefinitions(database)));
  }

  get(): Program {
    return this.#program;
  }

  /** Reads the definitions again; callers at the same time share one reading. */
  reload(): Promise<Program> {
    this.#reloading ??= loadDefinitions(this.#database)
      .then((definitions) => {
        this.#program = new Program(definitions);
        return this.#program;
      })
      .finally(() => {
        this.#reloading = undefined;
      });
    return this.#reloading;
  }
}
