// In charge of the folder that outlives the process (DATA_DIR): that it exists and can be written, and of secrets kept in it.
// Not of who owns it (lock-folder.ts) or of what Postgres keeps there (db/embedded.ts).
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { hasCode, putFile } from './put-file.ts';
import { StartError } from './start-error.ts';

/** Others may pass through the folder (a Postgres run by another user must) but not list it; each secret has its own mode. */
const FOLDER_MODE = 0o711;

export interface DataFolder {
  readonly path: string;
}

/** Makes the folder if it is missing and tries it by writing; the path returned is absolute and without symbolic links. */
export function openDataFolder(folder: string): DataFolder {
  const absolute = path.resolve(folder);
  try {
    makeFolder(absolute);
    const probe = path.join(absolute, `.write-${randomBytes(6).toString('hex')}`);
    try {
      fs.writeFileSync(probe, 'x');
    } finally {
      fs.rmSync(probe, { force: true }); // on a full disk it was made, and stays empty
    }
    return { path: fs.realpathSync(absolute) };
  } catch (cause) {
    const wayOut = hasCode(cause, 'ENOSPC')
      ? 'Free some space, or set DATA_DIR to another disk.'
      : 'Set DATA_DIR to a folder that can be written.';
    throw new StartError(`The data folder ${absolute} cannot be written: ${explain(cause)}. ${wayOut}`, { cause });
  }
}

/** Makes the folder and those above it. Step by step: told to make them all, Node tries for ever where folders cannot be made (under /proc). */
function makeFolder(folder: string): void {
  if (fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const above = path.dirname(folder);
  if (above !== folder) makeFolder(above);
  try {
    fs.mkdirSync(folder, { mode: FOLDER_MODE });
    fs.chmodSync(folder, FOLDER_MODE);
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) throw new Error('no folder can be made there');
    if (!hasCode(cause, 'EEXIST')) throw cause;
    if (fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return; // another process has just made it
    if (fs.lstatSync(folder).isSymbolicLink()) throw new Error('it is a symbolic link to a folder that does not exist');
    throw cause;
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
    const isNew = putFile(file, `${make()}\n`, 0o600); // false: another process has made its own meanwhile, which is in use
    const value = readSecret(file);
    if (value === undefined) throw new StartError(`The file ${file} was taken away while it was being made.`);
    return { value, file, isNew };
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError(`The file ${file} cannot be read or written: ${explain(cause)}.`, { cause });
  }
}

function readSecret(file: string): string | undefined {
  if (!fs.existsSync(file)) return undefined;
  const value = fs.readFileSync(file, 'utf8').trim();
  if (value === '') throw new StartError(`The file ${file} is empty. Delete it to have a new one made, or put the secret back.`);
  return value;
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
    ['EISDIR', 'it is a folder'],
    ['ENOENT', 'it does not exist'],
    ['ENAMETOOLONG', 'the path is too long'],
    ['ELOOP', 'its symbolic links lead back to themselves'],
  ]);
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  return (code === undefined ? undefined : words.get(code)) ?? (cause instanceof Error ? cause.message : String(cause));
}
