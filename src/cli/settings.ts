// In charge of `strata settings`: shows the settings that a database was made with, and changes them. What a change does is
// changes/change-settings.ts.
import { parseArgs } from 'node:util';
import { systemClock } from '../base/clock.ts';
import { changeSettings } from '../changes/change-settings.ts';
import { readConfig } from '../config.ts';
import type { Settings, WantedSettings } from '../db/settings.ts';
import { openStore } from './open-store.ts';
import { count } from './progress.ts';
import { processTerminal, type Terminal } from './terminal.ts';

export const SETTINGS_HELP = `strata settings
strata settings set TIME_ZONE=Europe/Berlin CURRENCY=EUR

Shows the time zone and the currency that a database was made with, or changes one or both of them. The database is that of DATABASE_URL,
or the embedded one under DATA_DIR; no service may work on it meanwhile.

  TIME_ZONE   everybody is evaluated anew when the service starts, and days of sizes are those of the new zone
  CURRENCY    only while there are no orders: amounts are not converted

Exit codes: 0 done, 1 it could not be done, 2 the command was not understood.
`;

const EXIT = { done: 0, usage: 2 } as const;

/** → the exit code */
export async function settingsCommand(given: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const wanted = readWanted(given);
  if (typeof wanted === 'string') {
    terminal.progress.write(`${wanted}\n\n${SETTINGS_HELP}`);
    return EXIT.usage;
  }
  const { TIME_ZONE: timeZone, CURRENCY: currency } = readConfig({
    ...terminal.environment,
    TIME_ZONE: wanted.timeZone,
    CURRENCY: wanted.currency,
  });
  const store = await openStore({ ...terminal.environment, TIME_ZONE: undefined, CURRENCY: undefined }); // the environment's may be the very ones that are refused
  try {
    if (timeZone === undefined && currency === undefined) {
      terminal.out(describe(store.settings));
      return EXIT.done;
    }
    const { after, runs } = await changeSettings(store.database, systemClock, { timeZone, currency });
    terminal.out(describe(after));
    if (runs > 0)
      terminal.out(`${count(runs)} ${runs === 1 ? 'segment is' : 'segments are'} evaluated for everybody when the service starts.\n`);
    return EXIT.done;
  } finally {
    await store.close();
  }
}

function describe({ timeZone, currency }: Settings): string {
  return `TIME_ZONE=${timeZone}\nCURRENCY=${currency}\n`;
}

/** The command's options, or what is wrong with them. */
function readWanted(given: readonly string[]): WantedSettings | string {
  let words: readonly string[];
  try {
    words = parseArgs({ args: [...given], options: {}, allowPositionals: true }).positionals;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const [verb, ...pairs] = words;
  if (verb === undefined) return {};
  if (verb !== 'set') return `There is one thing to do with settings: set. This is ${verb}.`;
  if (pairs.length === 0) return 'Say which: TIME_ZONE=Europe/Berlin, CURRENCY=EUR, or both.';
  const values = new Map(pairs.map((pair) => [pair.split('=')[0] ?? '', pair.split('=').slice(1).join('=')]));
  const unknown = [...values].find(([name, value]) => !['TIME_ZONE', 'CURRENCY'].includes(name) || value === '');
  if (unknown !== undefined) return `Say TIME_ZONE=… or CURRENCY=…; this is ${unknown[0]}.`;
  return { timeZone: values.get('TIME_ZONE'), currency: values.get('CURRENCY') };
}
