// In charge of telling one process from a later one that was given the same number: a mark is the number and the start together.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

export interface ProcessMark {
  readonly pid: number;
  /** boot and start of the process; '' if the system does not tell them */
  readonly mark: string;
}

export function processMark(pid: number): ProcessMark {
  return { pid, mark: startOf(pid) ?? '' };
}

/** Whether the process for which the mark was made still lives. */
export function isSameProcess(of: ProcessMark): boolean {
  return isAlive(of.pid) && startOf(of.pid) === of.mark;
}

/** Whether a process of this number lives, whoever it belongs to; one that has ended but was not yet collected by its parent does not live. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'EPERM';
  }
  return process.platform !== 'linux' || statFields(pid)?.[0] !== 'Z';
}

/** The command line of a process; undefined if it has ended or the system does not tell. */
export function commandOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return undefined;
  }
}

function startOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const startTicks = statFields(pid)?.[19];
      return startTicks && `${fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${startTicks}`;
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

/** Fields of /proc/pid/stat from the state on; before them is the name, which may contain anything. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
