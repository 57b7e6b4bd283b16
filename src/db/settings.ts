// In charge of what a database says about itself and must never change under its data unnoticed: its identity, its time zone, its currency.
// Not of changing them (changes/change-settings.ts).
import { StartError } from '../base/start-error.ts';
import type { Database, Queryable } from './database.ts';
import { sqlState } from './transaction.ts';

export interface Settings {
  /** identifies this database: a UUID made at the first start */
  readonly clusterId: string;
  readonly timeZone: string;
  readonly currency: string;
}

export interface WantedSettings {
  /** undefined: the stored one, whatever it is */
  readonly timeZone?: string | undefined;
  readonly currency?: string | undefined;
}

const FIRST_TIME_ZONE = 'UTC';
const FIRST_CURRENCY = 'USD';
const INVALID_PARAMETER_VALUE = '22023';

/** The stored settings; the first start stores what is wanted, any later one is refused (StartError) when it wants something else. */
export async function keepSettings(database: Database, wanted: WantedSettings): Promise<Settings> {
  await checkTimeZone(database, wanted.timeZone ?? FIRST_TIME_ZONE);
  await database.query({
    text: `
      insert into settings (name, value)
      values
        ('cluster_id', gen_random_uuid()::text),
        ('time_zone', $1),
        ('currency', $2)
      on conflict (name) do nothing`,
    values: [wanted.timeZone ?? FIRST_TIME_ZONE, wanted.currency ?? FIRST_CURRENCY],
  });
  const settings = await readSettings(database);
  const differences = [
    ...differenceOf('TIME_ZONE', wanted.timeZone, settings.timeZone),
    ...differenceOf('CURRENCY', wanted.currency, settings.currency),
  ];
  if (differences.length === 0) return settings;
  const wayOut = 'unset the variable, or change what is stored with `strata settings set` while nothing works on the database.';
  throw new StartError(`${differences.join(' ')} Segments were computed with what is stored: ${wayOut}`);
}

export async function readSettings(database: Queryable): Promise<Settings> {
  const rows = await database.query<{ name: string; value: string }>({ text: 'select s.name, s.value from settings s' });
  const values = new Map(rows.map((row) => [row.name, row.value]));
  const stored = (name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`the setting ${name} is missing in the database`);
    return value;
  };
  return { clusterId: stored('cluster_id'), timeZone: stored('time_zone'), currency: stored('currency') };
}

function differenceOf(name: string, wanted: string | undefined, stored: string): readonly string[] {
  return wanted === undefined || wanted === stored ? [] : [`${name} is ${wanted}, but this database was made with ${stored}.`];
}

/** The service and the database have a list of time zones each: both must know this one. */
export async function checkTimeZone(database: Queryable, timeZone: string): Promise<void> {
  try {
    await database.query({ text: "select timestamptz '2000-01-01 00:00:00Z' at time zone $1 as known", values: [timeZone] });
  } catch (cause) {
    if (sqlState(cause) !== INVALID_PARAMETER_VALUE) throw cause;
    throw new StartError(`The database does not know the time zone ${timeZone}.`, { cause });
  }
}
