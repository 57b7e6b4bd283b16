// In charge of changing definitions beside those who evaluate: the lock that evaluations share and a change takes, the epoch that each change
// moves, and telling whoever keeps the definitions in memory. Not of what they are (definitions.ts), nor of what is changed.
import { type Clock, systemClock } from '../base/clock.ts';
import { asQueryable, type Client, type Database, pipeline, type Statement } from '../db/database.ts';
import { type Ending, endWith, inTransactionWith, sqlState } from '../db/transaction.ts';
import { type Definitions, readDefinitions } from './definitions.ts';
import { refuseTooManyValues } from './weigh-values.ts';

const LOCK_NOT_AVAILABLE = '55P03';
const DEFINITIONS_LOCK = '7310589412002';

/** Held by every transaction that evaluates: no definition changes under it. */
export const SHARE_DEFINITIONS: Statement = { name: 'share_definitions', text: `select pg_advisory_xact_lock_shared(${DEFINITIONS_LOCK})` };

/** One change at a time: whoever holds the row knows the next epoch, and that nothing it has read changes until it ends. */
const HOLD_EPOCH: Statement = { name: 'hold_epoch', text: 'select d.epoch from definitions as d for update' };
const MOVE_EPOCH: Statement = { name: 'move_epoch', text: 'update definitions set epoch = epoch + 1' };

/**
 * Writers queue behind a change that waits, so it lets them pass after a moment and tries again. Then it meets those that have just begun:
 * beside five lanes of 100 to 300 ms its turn came after 15 s. So every few tries it waits longer, in the end for longer than any of them takes.
 */
const EXCLUSIVE_TIMEOUT_MS = 100;
const LONGEST_TIMEOUT_MS = 1600;
const TRIES_ALIKE = 3;
const BETWEEN_TRIES_MS = 20;
/** One after the other in one transaction. */
const TRIES_HELD = 10;

/** `attempt`: from 0 */
function takeDefinitionsAt(attempt: number): readonly Statement[] {
  const timeoutMs = Math.min(EXCLUSIVE_TIMEOUT_MS * 2 ** Math.floor(attempt / TRIES_ALIKE), LONGEST_TIMEOUT_MS);
  return [
    setLockTimeout(`${timeoutMs}ms`),
    { name: 'take_definitions', text: `select pg_advisory_xact_lock(${DEFINITIONS_LOCK})` },
    setLockTimeout('0'),
  ];
}

const SAVE: Statement = { name: 'save_before_lock', text: 'savepoint before_lock' };
const GO_BACK: Statement = { name: 'go_back_before_lock', text: 'rollback to savepoint before_lock' };

function setLockTimeout(value: string): Statement {
  return { name: 'set_lock_timeout', text: `select set_config('lock_timeout', $1, true)`, values: [value] };
}

/** Keeps the definitions of a database in memory, and is told of a change of this process before it is committed. */
export interface DefinitionsKeeper {
  readonly kept: Definitions;
  /** They are in force once `committed` resolves to true, and never if it resolves to false. */
  expect(next: Definitions, committed: Promise<boolean>): void;
}

const keepers = new WeakMap<Database, DefinitionsKeeper>();

/** One for each database: the last that registered. */
export function keepDefinitions(database: Database, keeper: DefinitionsKeeper): void {
  keepers.set(database, keeper);
}

/**
 * Changes definitions and moves the epoch. `work` reads, checks and writes while evaluations go on under the current definitions, so it
 * must lock nothing that an evaluation waits for: existing rows of `runs` and the count of notices are left to the statements that it
 * returns. Those are sent in one batch with the exclusive lock, which no evaluation shares, the epoch and the commit. The keeper of the
 * definitions has the new ones by then. If waiting for the lock takes too long, `work` is done again, and the lock taken before the last batch.
 * Throws `invalid_rule` where live rules would hold too many values together, unless `limit` is `passed`: a segment that is tried again by
 * itself was within the limit once, and there is nobody to refuse it to.
 */
export function changeDefinitions<Value>(
  database: Database,
  clock: Clock,
  work: (client: Client) => Promise<Ending<Value>>,
  limit: 'kept' | 'passed' = 'kept',
): Promise<Value> {
  let patience: Patience | null = null;
  return untilTaken(clock, () => {
    const change = changeOnce(database, work, patience, limit);
    patience ??= { clock, tries: 1 };
    return change;
  });
}

/** How a change waits for the lock. */
interface Patience {
  /** for the rests between tries */
  readonly clock: Clock;
  /** how many tries have failed */
  tries: number;
}

/** `patience`: null: one try, with the commit. */
async function changeOnce<Value>(
  database: Database,
  work: (client: Client) => Promise<Ending<Value>>,
  patience: Patience | null,
  limit: 'kept' | 'passed',
): Promise<Value> {
  let outcome = new Outcome();
  try {
    const value = await inTransactionWith(database, [HOLD_EPOCH], async (client, [held]) => {
      outcome.tell(false); // the previous attempt
      outcome = new Outcome();
      const { last, value } = await work(client);
      await tellKeeper(database, client, String(held?.[0]?.['epoch']), outcome.told, limit);
      if (patience !== null) await takeDefinitions(client, patience);
      const first = patience === null ? takeDefinitionsAt(0) : [];
      return { last: [...first, ...last, MOVE_EPOCH], value: (rows) => value(rows.slice(first.length, first.length + last.length)) };
    });
    outcome.tell(true);
    return value;
  } catch (error) {
    outcome.tell(false);
    throw error;
  }
}

/** The same with all of `work` under the exclusive lock: for changes that read or rewrite what evaluations write. Writers wait for it. */
export function changeUnderLock<Value>(database: Database, clock: Clock, work: (client: Client) => Promise<Value>): Promise<Value> {
  const patience = { clock, tries: 0 };
  return untilTaken(clock, () =>
    inTransactionWith(database, [HOLD_EPOCH], async (client) => {
      await takeDefinitions(client, patience);
      return endWith([MOVE_EPOCH], await work(client));
    }),
  );
}

/**
 * What the transaction has done so far is kept between the tries. Not for ever: a service of an older version takes the lock before the row
 * of the epoch.
 */
async function takeDefinitions(client: Client, patience: Patience): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await pipeline(client, [SAVE, ...takeDefinitionsAt(patience.tries)]);
      return;
    } catch (error) {
      if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
      patience.tries += 1;
      if (attempt >= TRIES_HELD) throw error;
      await pipeline(client, [GO_BACK]);
      await rest(patience.clock);
    }
  }
}

async function untilTaken<Value>(clock: Clock, change: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await change();
    } catch (error) {
      if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
      await rest(clock);
    }
  }
}

async function rest(clock: Clock): Promise<void> {
  await (clock.fixedMs() === null ? clock : systemClock).sleep(BETWEEN_TRIES_MS); // a clock that stands still would never wake us
}

/** Says whether a transaction was committed to those who were told of it beforehand. */
class Outcome {
  tell: (committed: boolean) => void = () => {};
  readonly told = new Promise<boolean>((resolve) => {
    this.tell = resolve;
  });
}

/** Reads inside the transaction what it has written: nobody else can change definitions before it ends. */
async function tellKeeper(
  database: Database,
  client: Client,
  epoch: string,
  committed: Promise<boolean>,
  limit: 'kept' | 'passed',
): Promise<void> {
  const keeper = keepers.get(database);
  if (keeper === undefined) return;
  const next = await readDefinitions(asQueryable(client), keeper.kept);
  if (limit === 'kept') refuseTooManyValues(next, keeper.kept);
  keeper.expect({ ...next, epoch: String(BigInt(epoch) + 1n) }, committed);
}
