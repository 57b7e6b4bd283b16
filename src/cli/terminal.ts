// In charge of what a command reads from and writes to: this process's own streams, or a test's.
import type { Readable } from 'node:stream';
import { type Clock, systemClock } from '../base/clock.ts';
import type { ProgressOutput } from './progress.ts';

export interface Terminal {
  /** for results */
  out(text: string): void;
  /** for progress and complaints */
  readonly progress: ProgressOutput;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly input: Readable;
  readonly clock: Clock;
}

export function processTerminal(): Terminal {
  return {
    out: (text) => process.stdout.write(text),
    progress: {
      write: (text) => process.stderr.write(text),
      isTerminal: process.stderr.isTTY === true,
      columns: process.stderr.columns ?? 80,
    },
    environment: process.env,
    input: process.stdin,
    clock: systemClock,
  };
}
