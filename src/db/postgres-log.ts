// In charge of the file that the embedded Postgres logs to: its size, its last lines, and what they say in a few words. Not of our own log (log.ts).
import fs from 'node:fs';
import path from 'node:path';
import type { DataFolder } from '../base/data-folder.ts';

const LOG_FILE = 'postgres.log';
const LOG_KEPT_BYTES = 8 * 1024 * 1024;
const LOG_TOLD_LINES = 12;

/** Postgres writes straight to a file, so that it does not depend on us reading; a new one is begun when it has grown large. */
export function openLog(folder: DataFolder): { readonly descriptor: number; readonly start: number } {
  const file = path.join(folder.path, LOG_FILE);
  if (fs.existsSync(file) && fs.statSync(file).size > LOG_KEPT_BYTES) fs.renameSync(file, `${file}.1`);
  const descriptor = fs.openSync(file, 'a', 0o600);
  return { descriptor, start: fs.fstatSync(descriptor).size };
}

/** The last lines behind `start`; nothing where the file was taken away, which must keep nobody from starting Postgres again. */
export function readLogTail(folder: DataFolder, start: number): string {
  const file = path.join(folder.path, LOG_FILE);
  if (!fs.existsSync(file)) return '';
  const bytes = fs.readFileSync(file).subarray(start);
  return bytes.toString('utf8').trimEnd().split('\n').slice(-LOG_TOLD_LINES).join('\n');
}

export function reasonIn(lastLines: string): string {
  if (/No space left on device/.test(lastLines)) return ': the disk is full';
  if (/Permission denied/.test(lastLines)) return ': it may not read or write its files';
  if (/shared libraries/.test(lastLines)) return ': its libraries are incomplete, install again with npm ci';
  if (/could not map anonymous shared memory|Cannot allocate memory/.test(lastLines)) return ': there is not enough memory';
  return '';
}
