// In charge of what a command is given to read from and write to: this process's own, or a test's.
import type { Readable } from 'node:stream';
import { type Clock, systemClock } from '../base/clock.ts';
import type { ProgressOutput } from './progress.ts';

export interface Terminal {
  /** results */
  out(text: string): void;
  /** progress and complaints */
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
