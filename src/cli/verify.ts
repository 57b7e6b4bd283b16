// In charge of `strata verify`: its options, its progress, what it prints and how it exits. What is compared is changes/verify.ts.
import { parseArgs } from 'node:util';
import { startStopwatch, systemClock } from '../base/clock.ts';
import { type CheckOutcome, type Verified, verify } from '../changes/verify.ts';
import { CurrentProgram } from '../evaluation/current-program.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { EVALUATION_LIMITS } from '../evaluation/evaluation-limits.ts';
import type { Deciding } from '../membership/in-decision.ts';
import { openStore } from './open-store.ts';
import { count, duration } from './progress.ts';
import { processTerminal, type Terminal } from './terminal.ts';

export const VERIFY_HELP = `strata verify [options]

Compares everything that is stored with what the facts, the rules and the feed say, also while the service runs.
The database is that of DATABASE_URL, or the embedded one under DATA_DIR.

  --repair      mend what can be mended, with cause \`repair\`, and look again
  --samples N   differences told in words for each check (20)

Exit codes: 0 nothing differs, 1 it could not be done, 2 the command was not understood, 3 something differs.
`;

const EXIT = { clean: 0, failed: 1, usage: 2, differs: 3 } as const;
const SHOWN_MS = 250;
const LINE_MS = 5_000;
const SAMPLES_MAX = 10_000;

/** → the exit code */
export async function verifyCommand(given: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const options = readOptions(given);
  if (typeof options === 'string') {
    terminal.progress.write(`${options}\n\n${VERIFY_HELP}`);
    return EXIT.usage;
  }
  const store = await openStore(terminal.environment);
  try {
    const { database, settings } = store;
    const programs = await CurrentProgram.load(database, EVALUATION_LIMITS);
    const deciding: Deciding = { database, clock: systemClock, timeZone: settings.timeZone, programs };
    const first = await look(deciding, options, terminal);
    if (!first.outcomes.some(differs)) return EXIT.clean;
    if (!options.repair) return EXIT.differs;
    terminal.out('\nWhat could be mended has been; looking again:\n\n');
    const second = await look(deciding, { ...options, repair: false }, terminal);
    return second.outcomes.some(differs) ? EXIT.differs : EXIT.clean;
  } catch (error) {
    if (!isEvaluationFailure(error)) throw error;
    terminal.progress.write(`The rules cannot be computed: ${error instanceof Error ? error.message : error}\n`);
    return EXIT.failed;
  } finally {
    await store.close();
  }
}

interface Options {
  readonly repair: boolean;
  readonly samples: number;
}

/** The command's options, or what is wrong with them. */
function readOptions(given: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...given],
      options: { repair: { type: 'boolean', default: false }, samples: { type: 'string', default: '20' } },
    });
    const samples = /^\d{1,5}$/.test(values.samples) ? Number(values.samples) : Number.NaN;
    if (!(samples <= SAMPLES_MAX)) return `--samples is a whole number up to ${SAMPLES_MAX}.`;
    return { repair: values.repair, samples };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function differs({ differences }: CheckOutcome): boolean {
  return differences > 0;
}

async function look(deciding: Deciding, options: Options, terminal: Terminal): Promise<Verified> {
  const seconds = startStopwatch();
  const { isTerminal } = terminal.progress;
  let shownMs = deciding.clock.nowMs();
  const clear = () => isTerminal && terminal.progress.write('\r\u001b[K');
  const verified = await verify(deciding, {
    ...options,
    onProgress: (customers) => {
      const nowMs = deciding.clock.nowMs();
      if (nowMs - shownMs < (isTerminal ? SHOWN_MS : LINE_MS)) return;
      shownMs = nowMs;
      terminal.progress.write(isTerminal ? `\r${count(customers)} customers\u001b[K` : `${count(customers)} customers\n`);
    },
    onOutcome: (outcome) => {
      clear();
      terminal.out(describe(outcome));
    },
  });
  const differing = verified.outcomes.filter(differs).length;
  const found = differing === 0 ? 'nothing differs' : `${count(differing)} of ${count(verified.outcomes.length)} checks found differences`;
  terminal.out(`\n${count(verified.customers)} customers in ${duration(seconds() * 1000)}: ${found}.\n`);
  return verified;
}

/** `ok    members: customers are in the segments that the rules say` */
function describe({ name, meaning, differences, samples }: CheckOutcome): string {
  if (differences === 0) return `ok    ${name}: ${meaning}\n`;
  const more = differences > samples.length && samples.length > 0 ? [`… and ${count(differences - samples.length)} more`] : [];
  return `WRONG ${name}: ${count(differences)} (${meaning})\n${[...samples, ...more].map((line) => `        ${line}\n`).join('')}`;
}
