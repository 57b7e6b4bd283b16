// In charge of a file that appears whole or not at all, even after a crash, and never over one that is there.
// Not of what is in it (data-folder.ts, lock-folder.ts).
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';

/** The error codes of file systems that know no second name for a file. */
const LINKLESS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** false: there is one already, which stays as it is. */
export function putFile(file: string, text: string, mode: number): boolean {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  fs.writeFileSync(draft, text, { mode, flag: 'wx', flush: true });
  try {
    fs.linkSync(draft, file);
    return true;
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) return false;
    if (!LINKLESS.some((code) => hasCode(cause, code))) throw cause;
    return copyFile(draft, file);
  } finally {
    fs.unlinkSync(draft);
  }
}

/** Where there are no links; another process may see the file before it is whole. */
function copyFile(draft: string, file: string): boolean {
  try {
    fs.copyFileSync(draft, file, fs.constants.COPYFILE_EXCL);
    return true;
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) return false;
    throw cause;
  }
}

export function hasCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}
