// In charge of changing what a database was made with, its time zone and its currency, while no service works on it: sizes by day are converted to
// the new days, and every live segment is to be evaluated again, which the next start does. Not of the first start's settings (db/settings.ts).
import { makeEntry } from '../access/audit-entry.ts';
import { storeEntries } from '../access/store-entries.ts';
import type { Clock } from '../base/clock.ts';
import { StartError } from '../base/start-error.ts';
import { uuidv7 } from '../base/uuid.ts';
import { asQueryable, type Client, type Database, pipeline, type Statement } from '../db/database.ts';
import { checkTimeZone, readSettings, type Settings, type WantedSettings } from '../db/settings.ts';
import { inTransaction } from '../db/transaction.ts';
import { refreshAll } from '../segments/lifecycle.ts';

export interface ChangedSettings {
  readonly before: Settings;
  readonly after: Settings;
  /** full evaluations that await the next start */
  readonly runs: number;
}

/** The application name of commands' sessions. Any other session of ours belongs to a service. */
export const COMMAND_NAME = 'strata command';

/**
 * A setting that is not given stays. Throws StartError: a service works on the database, it does not know the zone, or amounts are stored in the
 * currency.
 */
export async function changeSettings(database: Database, clock: Clock, wanted: WantedSettings): Promise<ChangedSettings> {
  return inTransaction(database, async (client) => {
    const queryable = asQueryable(client);
    await client.query('lock table settings in access exclusive mode'); // a service that starts meanwhile has either read them and is seen, or reads them after us
    await refuseWhileServed(client);
    const before = await readSettings(queryable);
    const after = { ...before, timeZone: wanted.timeZone ?? before.timeZone, currency: wanted.currency ?? before.currency };
    if (after.currency !== before.currency) await refuseOtherCurrency(client, before.currency, after.currency);
    await checkTimeZone(queryable, after.timeZone);
    await pipeline(client, [storeSetting('time_zone', after.timeZone), storeSetting('currency', after.currency)]);
    const isMoved = after.timeZone !== before.timeZone;
    if (isMoved) await pipeline(client, [moveDays(before.timeZone, after.timeZone), FORGET_EMPTY_DAYS]);
    const runs = isMoved ? await refreshAll(client, clock.nowMs()) : 0;
    await pipeline(client, [tellAudit(clock.nowMs(), before, after)]);
    return { before, after, runs };
  });
}

async function refuseWhileServed(client: Client): Promise<void> {
  const { rows } = await client.query<{ sessions: number }>(
    `select count(*)::integer as sessions
     from pg_stat_activity as a
     where a.datname = current_database() and a.pid <> pg_backend_pid() and a.application_name like 'strata%' and a.application_name <> $1`,
    [COMMAND_NAME],
  );
  if (rows[0]?.sessions === 0) return;
  throw new StartError('A service works on this database with the settings as they are. Stop every process of it, and try again.');
}

/** A rate that is right for every order there is nobody can name. */
async function refuseOtherCurrency(client: Client, before: string, after: string): Promise<void> {
  const { rowCount } = await client.query('select o.id from orders as o limit 1');
  if (rowCount === 0) return;
  throw new StartError(
    `There are orders, whose amounts are in ${before} and would not be converted to ${after}. Import them into a database made with CURRENCY=${after}.`,
  );
}

function storeSetting(name: string, value: string): Statement {
  return { name: 'store_setting', text: 'update settings as s set value = $2 where s.name = $1', values: [name, value] };
}

/**
 * Each quarter of an hour leaves the day it was counted in for the one that it lies in now. Of quarters that retention has taken only the old
 * days are known, and what a repair has added has no quarter: both stay where they are, so that all days still add up to the size. What is
 * not counted yet will be, by the new zone.
 */
function moveDays(before: string, after: string): Statement {
  return {
    name: 'move_days',
    text: `
      insert into segment_days as d (segment_id, day, cause, entered, exited)
      select m.segment_id, m.day, m.cause, sum(m.entered), sum(m.exited)
      from (
        select q.segment_id, n.day, q.cause, n.sign * q.entered as entered, n.sign * q.exited as exited
        from segment_quarters as q
        cross join lateral (values (-1, strata_local_date(q.at, $1)), (1, strata_local_date(q.at, $2))) as n (sign, day)
      ) as m
      group by m.segment_id, m.day, m.cause
      having sum(m.entered) <> 0 or sum(m.exited) <> 0
      on conflict (segment_id, day, cause) do update
      set entered = d.entered + excluded.entered, exited = d.exited + excluded.exited`,
    values: [before, after],
  };
}

const FORGET_EMPTY_DAYS: Statement = { text: 'delete from segment_days as d where d.entered = 0 and d.exited = 0' };

function tellAudit(atMs: number, before: Settings, after: Settings): Statement {
  const origin = { atMs, actor: 'command line', keyId: null, address: null, requestId: uuidv7(atMs), action: 'changeSettings' };
  const shown = ({ timeZone, currency }: Settings) => ({ timeZone, currency });
  const content = { before: shown(before), after: shown(after) };
  return storeEntries([makeEntry(origin, 'written', 'settings', [{ customerKey: null, content }])]);
}
