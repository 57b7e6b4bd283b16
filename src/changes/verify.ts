// In charge of verifying everything, as `strata verify` does: every customer against all settled rules, and what must hold among
// the tables. Works beside a running service: what writes do meanwhile is no difference. Nothing is changed unless asked for.
import type { Database } from '../db/database.ts';
import { inScan, inTransaction } from '../db/transaction.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { type Chunk, nextChunk } from '../evaluation/next-chunk.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { scanForSuspects } from '../membership/find-mismatches.ts';
import type { Deciding } from '../membership/in-decision.ts';
import { confirmMismatches, type Mismatch } from './confirm-mismatches.ts';
import { findSizeMismatches, recountSize } from './count-sizes.ts';
import { DAYS_CHECK, STORE_CHECKS, type StoreCheck } from './store-checks.ts';

export interface CheckOutcome {
  readonly name: string;
  /** what holds where nothing differs */
  readonly meaning: string;
  readonly differences: number;
  /** the first of them, in words */
  readonly samples: readonly string[];
}

export interface VerifyOptions {
  readonly repair: boolean;
  /** how many differences of each check are described */
  readonly samples: number;
  onProgress(customers: number): void;
  onOutcome(outcome: CheckOutcome): void;
}

export interface Verified {
  readonly customers: number;
  readonly outcomes: readonly CheckOutcome[];
}

const SCANNED_AT_ONCE = 5_000;
const LEAST_SCANNED = 50;
/** Customers examined in one transaction, which locks them and shares the definitions for as long as it takes. */
const EXAMINED_AT_ONCE = 200;
/** The most differences of a check for which customers are examined. */
const EXAMINED_MOST = 1_000_000;

/** Throws what the database throws, also for a rule that takes too long even for the smallest number of customers. */
export async function verify(deciding: Deciding, options: VerifyOptions): Promise<Verified> {
  const outcomes: CheckOutcome[] = [];
  const add = (outcome: CheckOutcome) => {
    outcomes.push(outcome);
    options.onOutcome(outcome);
  };
  const walked = await verifyCustomers(deciding, options);
  for (const outcome of walked.outcomes) add(outcome);
  for (const check of STORE_CHECKS) add(await verifyStore(deciding, check, options));
  add(await verifySizes(deciding.database, options)); // last: it counts what the others have mended
  add(await verifyStore(deciding, DAYS_CHECK, options));
  return { customers: walked.customers, outcomes };
}

// ---------------------------------------------------------------- customers

class Tally {
  readonly #most: number;
  readonly samples: string[] = [];
  differences = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(what: string): void {
    this.differences += 1;
    if (this.samples.length < this.#most) this.samples.push(what);
  }
}

async function verifyCustomers(deciding: Deciding, options: VerifyOptions): Promise<Verified> {
  const members = new Tally(options.samples);
  const looks = new Tally(options.samples);
  let customers = 0;
  let size = SCANNED_AT_ONCE;
  let afterKey: CustomerKey = LEAST_KEY;
  for (;;) {
    const chunk = await nextChunk(deciding.database, afterKey, size);
    if (chunk === null) break;
    try {
      for (const mismatch of await verifyChunk(deciding, chunk, options.repair)) {
        (mismatch.kind === 'look' ? looks : members).add(describe(mismatch)); // also what the feed says about a suspect
      }
    } catch (error) {
      if (!isEvaluationFailure(error) || size <= LEAST_SCANNED) throw error;
      size = Math.ceil(size / 2); // all segments together are too slow for so many
      continue;
    }
    customers += chunk.customers;
    afterKey = chunk.throughKey;
    options.onProgress(customers);
  }
  const outcomes = [
    { name: 'members', meaning: 'customers are in the segments that the rules say', ...told(members) },
    { name: 'looks', meaning: 'whoever changes by the clock alone has a look in time', ...told(looks) },
  ];
  return { customers, outcomes };
}

function told({ differences, samples }: Tally): Pick<CheckOutcome, 'differences' | 'samples'> {
  return { differences, samples };
}

function describe({ customerId, segment, detail }: Mismatch): string {
  return `customer ${customerId}${segment === null ? '' : `, segment ${segment}`}: ${detail}`;
}

async function verifyChunk(deciding: Deciding, chunk: Chunk, repair: boolean): Promise<readonly Mismatch[]> {
  await deciding.programs.reload(); // another process may have published since
  const { keys } = await scanForSuspects(deciding, chunk);
  return examineAll(deciding, keys, repair);
}

async function examineAll(deciding: Deciding, keys: readonly CustomerKey[], repair: boolean): Promise<readonly Mismatch[]> {
  const found: (readonly Mismatch[])[] = [];
  for (let start = 0; start < keys.length; start += EXAMINED_AT_ONCE) {
    found.push(await confirmMismatches(deciding, keys.slice(start, start + EXAMINED_AT_ONCE), repair));
  }
  return found.flat();
}

// ---------------------------------------------------------------- tables

async function verifySizes(database: Database, { repair, samples }: VerifyOptions): Promise<CheckOutcome> {
  const found = await findSizeMismatches(database, null);
  if (repair) for (const { segmentId } of found) await recountSize(database, segmentId);
  const words = found.map(({ segment, kept, counted }) => `segment ${segment}: ${kept} kept, ${counted} counted`);
  const meaning = 'sizes are the numbers of members at the end of the feed';
  return { name: 'sizes', meaning, differences: found.length, samples: words.slice(0, samples) };
}

async function verifyStore(deciding: Deciding, check: StoreCheck, { repair, samples }: VerifyOptions): Promise<CheckOutcome> {
  const { database } = deciding;
  const outcome = await inScan(database, async (client) => {
    const { rows } = await client.query<{ differences: string; samples: string[] | null }>(
      `select count(*) as differences, (array_agg(d.what order by d.what collate "C"))[1:$1::integer] as samples from (${check.text}) as d`,
      [samples],
    );
    const [row] = rows;
    return { name: check.name, meaning: check.meaning, differences: Number(row?.differences ?? 0), samples: row?.samples ?? [] };
  });
  if (!repair || outcome.differences === 0) return outcome;
  if (check.mendsByCustomer === true) await examineAll(deciding, await findCustomers(database, check), true);
  const { mend } = check;
  if (mend !== undefined) {
    await inTransaction(database, async (client) => {
      await client.query('set local enable_hashjoin = on; set local enable_seqscan = on');
      for (const statement of mend) await client.query(statement);
    });
  }
  return outcome;
}

async function findCustomers(database: Database, check: StoreCheck): Promise<readonly CustomerKey[]> {
  return inScan(database, async (client) => {
    const { rows } = await client.query<{ customer_id: CustomerKey }>(
      `select distinct d.customer_id from (${check.text}) as d order by d.customer_id limit ${EXAMINED_MOST}`,
    );
    return rows.map((row) => row.customer_id);
  });
}
