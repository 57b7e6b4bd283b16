// In charge of the folder that outlives the process (DATA_DIR): that it exists and can be written, of secrets kept in it, and that only one
// process at a time owns what is in it. Not of what Postgres keeps there (db/embedded.ts).
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { isSameProcess, type ProcessMark, processMark } from './process-mark.ts';
import { StartError } from './start-error.ts';

const LOCK_FILE = 'strata.lock';
/** Others may pass through the folder (a Postgres run by another user must) but not list it; each secret has its own mode. */
const FOLDER_MODE = 0o711;
/** The error codes of file systems that know no second name for a file. */
const LINKLESS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

export interface DataFolder {
  readonly path: string;
}

/** Makes the folder if it is missing and tries it by writing; the path returned is absolute and without symbolic links. */
export function openDataFolder(folder: string): DataFolder {
  const absolute = path.resolve(folder);
  try {
    if (fs.mkdirSync(absolute, { recursive: true, mode: FOLDER_MODE }) !== undefined) fs.chmodSync(absolute, FOLDER_MODE);
    const probe = path.join(absolute, `.write-${randomBytes(6).toString('hex')}`);
    fs.writeFileSync(probe, 'x');
    fs.unlinkSync(probe);
    return { path: fs.realpathSync(absolute) };
  } catch (cause) {
    throw new StartError(`The data folder ${absolute} cannot be written: ${explain(cause)}. Set DATA_DIR to a folder that can.`, { cause });
  }
}

export interface KeptSecret {
  readonly value: string;
  /** where the secret is kept */
  readonly file: string;
  /** the secret was made just now */
  readonly isNew: boolean;
}

/**
 * The secret kept under this name; the first time it is made by `make` and stored with mode 0600. If several processes make it at once, one of
 * them does.
 */
export function keepSecret(folder: DataFolder, name: string, make: () => string): KeptSecret {
  const file = path.join(folder.path, name);
  try {
    const kept = readSecret(file);
    if (kept !== undefined) return { value: kept, file, isNew: false };
    const isNew = putSecret(file, make());
    const value = readSecret(file);
    if (value === undefined) throw new StartError(`The file ${file} was taken away while it was being made.`);
    return { value, file, isNew };
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError(`The file ${file} cannot be read or written: ${explain(cause)}.`, { cause });
  }
}

/**
 * Written whole or not at all, even after a crash. false: another process has put its own there first, which must not be lost, since it is in
 * use.
 */
function putSecret(file: string, made: string): boolean {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  fs.writeFileSync(draft, `${made}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    fs.linkSync(draft, file);
    return true;
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) return false;
    if (!LINKLESS.some((code) => hasCode(cause, code))) throw cause;
    fs.copyFileSync(draft, file, fs.constants.COPYFILE_EXCL);
    return true;
  } finally {
    fs.unlinkSync(draft);
  }
}

function readSecret(file: string): string | undefined {
  if (!fs.existsSync(file)) return undefined;
  const value = fs.readFileSync(file, 'utf8').trim();
  if (value === '') throw new StartError(`The file ${file} is empty. Delete it to have a new one made, or put the secret back.`);
  return value;
}

/** Makes this process the folder's owner until `release`; refused while another living process is. A dead owner's lock is taken away. */
export function lockDataFolder(folder: DataFolder): { release(): void } {
  const file = path.join(folder.path, LOCK_FILE);
  const mine = JSON.stringify(processMark(process.pid));
  for (let attempt = 1; ; attempt += 1) {
    try {
      fs.writeFileSync(file, mine, { mode: 0o600, flag: 'wx' });
      return {
        release: () => {
          if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === mine) fs.unlinkSync(file);
        },
      };
    } catch (cause) {
      if (!hasCode(cause, 'EEXIST') || attempt >= 5) {
        throw new StartError(`The data folder ${folder.path} cannot be locked: ${explain(cause)}.`, { cause });
      }
      const owner = readOwner(file);
      if (owner !== undefined && isSameProcess(owner)) {
        throw new StartError(
          `Another Strata (process ${owner.pid}) is running on the data folder ${folder.path}. Stop it, or set DATA_DIR to another folder.`,
        );
      }
      fs.rmSync(file, { force: true });
    }
  }
}

function readOwner(file: string): ProcessMark | undefined {
  try {
    const owner: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
    if (typeof owner !== 'object' || owner === null || !('pid' in owner) || !('mark' in owner)) return undefined;
    return typeof owner.pid === 'number' && typeof owner.mark === 'string' ? { pid: owner.pid, mark: owner.mark } : undefined;
  } catch {
    return undefined; // half written when its owner died, or gone in the meantime
  }
}

/** The operating system's error, in words. */
export function explain(cause: unknown): string {
  const words: ReadonlyMap<string, string> = new Map([
    ['EACCES', 'permission is denied'],
    ['EPERM', 'the operation is not permitted'],
    ['EROFS', 'the file system is read-only'],
    ['ENOSPC', 'the disk is full'],
    ['EDQUOT', 'the disk quota is used up'],
    ['ENOTDIR', 'a file stands where a folder must be'],
    ['EEXIST', 'a file stands where a folder must be'],
    ['ENOENT', 'it does not exist'],
    ['ENAMETOOLONG', 'the path is too long'],
  ]);
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  return (code === undefined ? undefined : words.get(code)) ?? (cause instanceof Error ? cause.message : String(cause));
}

function hasCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}
