// In charge of who owns a data folder: at most one living process, named in the file strata.lock. Not of what is in the folder
// (data-folder.ts) and not of telling processes apart (process-mark.ts).
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { systemClock } from './clock.ts';
import { type DataFolder, explain } from './data-folder.ts';
import { isSameProcess, type ProcessMark, processMark } from './process-mark.ts';
import { hasCode, putFile } from './put-file.ts';
import { StartError } from './start-error.ts';

const LOCK_FILE = 'strata.lock';
/** Whoever may look into the folder may read who owns it. */
const LOCK_MODE = 0o644;
const POLL_MS = 10;
/** Removing a dead owner's file takes milliseconds. */
const REMOVAL_PATIENCE_MS = 10_000;
/** Where the file system knows no links, a file may be seen before it is written. */
const UNREADABLE_PATIENCE_MS = 1000;

/** Makes this process the folder's owner until `release`; refused while another living process is. A dead owner's file is taken away. */
export async function lockFolder(folder: DataFolder): Promise<{ release(): void }> {
  const file = path.join(folder.path, LOCK_FILE);
  const mine = JSON.stringify(processMark(process.pid));
  let owner: ProcessMark | null;
  try {
    owner = await take(file, mine);
  } catch (cause) {
    throw new StartError(`The data folder ${folder.path} cannot be locked: ${explain(cause)}.`, { cause });
  }
  if (owner === null) return { release: () => removeIf(file, mine) };
  throw new StartError(
    `Another Strata (process ${owner.pid}) is running on the data folder ${folder.path}. Stop it, or set DATA_DIR to another folder.`,
  );
}

/**
 * null: the file is ours now; otherwise it belongs to this living process.
 * Of several processes that find the file of a dead one, each could remove the file that another has just put in its place. So only the owner
 * of one more file, named after the dead process, may remove it, and looks again first. That one is taken in the same way.
 */
async function take(file: string, mine: string): Promise<ProcessMark | null> {
  let unreadableMs = 0;
  let waitedMs = 0;
  for (;;) {
    if (putFile(file, mine, LOCK_MODE)) return null;
    const text = readIfThere(file);
    if (text === undefined) continue;
    const owner = readOwner(text);
    if (owner !== undefined && isSameProcess(owner)) return owner;
    if (owner === undefined && unreadableMs < UNREADABLE_PATIENCE_MS) {
      unreadableMs += POLL_MS;
      await systemClock.sleep(POLL_MS);
      continue;
    }
    const removal = `${file}.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
    const remover = await take(removal, mine);
    if (remover === null) {
      removeIf(file, text);
      removeIf(removal, mine);
    } else if (waitedMs >= REMOVAL_PATIENCE_MS) {
      return remover;
    } else {
      waitedMs += POLL_MS;
      await systemClock.sleep(POLL_MS);
    }
  }
}

function readOwner(text: string): ProcessMark | undefined {
  try {
    const owner: unknown = JSON.parse(text);
    if (typeof owner !== 'object' || owner === null || !('pid' in owner) || !('mark' in owner)) return undefined;
    return typeof owner.pid === 'number' && typeof owner.mark === 'string' ? { pid: owner.pid, mark: owner.mark } : undefined;
  } catch {
    return undefined; // not written by a Strata, or not whole
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined;
    throw cause;
  }
}

function removeIf(file: string, text: string): void {
  if (readIfThere(file) === text) fs.rmSync(file, { force: true });
}
