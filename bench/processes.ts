// In charge of what other processes cost, read from /proc: processor seconds of Postgres with all its children, including those that have ended,
// and of the service; memory of the service over time. Linux only.
import fs from 'node:fs';
import { systemClock } from '../src/base/clock.ts';

/** utime and stime count in hundredths of a second on every Linux there is. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  readonly own: number;
  readonly ended: number;
}

/** null: the process is gone */
function readStat(pid: number): Stat | null {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const at = (index: number) => fields[index] as number; // state is field 3 of proc(5), and the first here
    return { parent: at(1), own: at(11) + at(12), ended: at(13) + at(14) };
  } catch {
    return null;
  }
}

/** Processor seconds of one process, without its children. */
export function processSeconds(pid: number): number {
  return (readStat(pid)?.own ?? 0) / TICKS_PER_SECOND;
}

/** Processor seconds of a postmaster and all its backends and helpers, including those that have ended. */
export function postgresSeconds(postmaster: number): number {
  const server = readStat(postmaster);
  if (server === null) throw new Error('Postgres is gone');
  let ticks = server.own + server.ended;
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat?.parent === postmaster) ticks += stat.own + stat.ended;
  }
  return ticks / TICKS_PER_SECOND;
}

export function residentMegabytes(pid: number): number {
  return statusMegabytes(pid, 'VmRSS');
}

/** The most memory it ever had. */
export function peakMegabytes(pid: number): number {
  return statusMegabytes(pid, 'VmHWM');
}

function statusMegabytes(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes ?? 0) / 1024;
}

export interface MemoryWatch {
  /** the most seen since the last call */
  takePeakMegabytes(): number;
  stop(): void;
}

export function watchMemory(pid: number): MemoryWatch {
  const stopping = new AbortController();
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, residentMegabytes(pid));
  };
  const watch = async () => {
    while (!stopping.signal.aborted) {
      look();
      await systemClock.sleep(100, stopping.signal);
    }
  };
  void watch();
  return {
    takePeakMegabytes: () => {
      look();
      const taken = peak;
      peak = 0;
      return taken;
    },
    stop: () => stopping.abort(),
  };
}
