// In charge of a disk that is full: Postgres' data is on a small tmpfs, which a file fills to the last page and then frees again. Only where a
// tmpfs can be mounted.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import type { World } from './world.ts';

const SIZE_MB = 400;
const FULL_MS = 4000;

/** A small disk, mounted; or why there is none, in words. */
export function mountSmallDisk(): { readonly folder: string; unmount(): void } | string {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root can mount a small disk';
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-small-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=711`, 'tmpfs', folder], { encoding: 'utf8' });
  if (mounted.status !== 0) {
    fs.rmdirSync(folder);
    return `a small disk cannot be mounted here: ${mounted.stderr.trim()}`;
  }
  return {
    folder,
    unmount: () => {
      execFileSync('umount', [folder]);
      fs.rmdirSync(folder);
    },
  };
}

/** Full for four seconds; a Postgres that ended of it is started again when there is room. */
export async function fillDisk({ postgres }: World): Promise<void> {
  const file = path.join(postgres.folder, '..', 'ballast');
  const descriptor = fs.openSync(file, 'w');
  const untilMs = systemClock.nowMs() + FULL_MS;
  try {
    const page = Buffer.alloc(64 * 1024, 1);
    while (systemClock.nowMs() < untilMs) {
      try {
        fs.writeSync(descriptor, page);
      } catch {
        await systemClock.sleep(5); // full: whatever is freed meanwhile is taken as well
      }
    }
  } finally {
    fs.closeSync(descriptor);
    fs.rmSync(file);
  }
  await systemClock.sleep(500); // a server that is going down has gone by then
  await postgres.startAgain();
}
