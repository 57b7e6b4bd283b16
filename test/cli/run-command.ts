// In charge of running a command of `strata` inside the tests' process: how it ends, what it prints, and what it says on the way.
import { Readable } from 'node:stream';
import { systemClock } from '../../src/base/clock.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  /** progress and complaints */
  readonly told: string;
}

export async function runCommand(
  command: (terminal: Terminal) => Promise<number>,
  given: Pick<Terminal, 'environment'> & { readonly input?: Readable; readonly isTerminal?: boolean },
): Promise<Ran> {
  const out: string[] = [];
  const told: string[] = [];
  const code = await command({
    out: (text) => void out.push(text),
    progress: { write: (text) => void told.push(text), isTerminal: given.isTerminal ?? false, columns: 120 },
    environment: given.environment,
    input: given.input ?? Readable.from([]),
    clock: systemClock,
  });
  return { code, out: out.join(''), told: told.join('') };
}
