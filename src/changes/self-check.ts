// In charge of the self-check in the background: a walk through all customers, some hundred at a time, that compares what is stored with
// what the facts and the feed say, and mends what differs with cause `repair`. One batch here; when the next comes is lead.ts.
// Everything at once, from the command line, is verify.ts.
import { type Database, pipeline } from '../db/database.ts';
import { inScan } from '../db/transaction.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { type Chunk, nextChunk } from '../evaluation/next-chunk.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { scanForSuspects, withoutLate } from '../membership/find-mismatches.ts';
import type { Deciding } from '../membership/in-decision.ts';
import { confirmMismatches, type Mismatch } from './confirm-mismatches.ts';
import { findSizeMismatches, nextSegment, recountSize } from './count-sizes.ts';
import { logMismatchesText } from './log-mismatches.ts';

/** Customers per batch. It takes about 15 ms with 50 segments; with five seconds in between, a million customers take five hours. */
export const CHECKED_AT_ONCE = 300;

export interface SelfCheckReport {
  readonly customers: number;
  readonly mismatches: readonly Mismatch[];
  /** everybody has been checked since the walk began */
  readonly ended: boolean;
}

/**
 * The next batch of the walk: first customers, then the sizes of segments, one by one, since those count members that are right by then. Mends
 * what is wrong.
 */
export async function checkNext(deciding: Deciding, atOnce: number = CHECKED_AT_ONCE): Promise<SelfCheckReport> {
  const place = await readPlace(deciding.database);
  return place.segmentId === null ? checkCustomers(deciding, place.cursor, atOnce) : checkSegment(deciding, place.segmentId);
}

async function checkCustomers(deciding: Deciding, cursor: CustomerKey | null, atOnce: number): Promise<SelfCheckReport> {
  const chunk = await nextChunk(deciding.database, cursor ?? LEAST_KEY, atOnce);
  const mismatches = chunk === null ? [] : await checkChunk(deciding, chunk);
  const isLast = chunk === null || chunk.customers < atOnce;
  await storePlace(
    deciding,
    isLast ? { cursor: null, segmentId: BEFORE_SEGMENTS } : { cursor: placeAfter(chunk, cursor), segmentId: null },
  );
  return { customers: chunk?.customers ?? 0, mismatches, ended: false };
}

async function checkSegment(deciding: Deciding, afterId: number): Promise<SelfCheckReport> {
  const segmentId = await nextSegment(deciding.database, afterId);
  const mismatches = segmentId === null ? [] : await checkSize(deciding.database, segmentId);
  await storePlace(deciding, { cursor: null, segmentId });
  return { customers: 0, mismatches, ended: segmentId === null };
}

async function checkChunk(deciding: Deciding, chunk: Chunk): Promise<readonly Mismatch[]> {
  const suspects = new Set<CustomerKey>(await scanLog(deciding.database, chunk));
  for (const key of await scanRules(deciding, chunk)) suspects.add(key);
  return confirmMismatches(deciding, await withoutLate(deciding, [...suspects]), true);
}

/** A rule that cannot be computed is no mismatch; writes, looks and runs meet it too, and take it out of evaluation. */
async function scanRules(deciding: Deciding, chunk: Chunk): Promise<readonly CustomerKey[]> {
  try {
    return (await scanForSuspects(deciding, chunk)).keys;
  } catch (error) {
    if (!isEvaluationFailure(error)) throw error;
    return [];
  }
}

function scanLog(database: Database, { afterKey, throughKey }: Chunk): Promise<readonly CustomerKey[]> {
  return inScan(database, async (client) => {
    const [, rows = []] = await pipeline(client, [
      { text: 'set local enable_seqscan = off' }, // the range is a small part of everybody
      {
        text: `
          select distinct d.customer_id
          from (${logMismatchesText((column) => `${column} > $1::bigint and ${column} <= $2::bigint`)}) as d`,
        values: [afterKey, throughKey],
      },
    ]);
    return rows.map((row) => String(row['customer_id']));
  });
}

async function checkSize(database: Database, segmentId: number): Promise<Mismatch[]> {
  const found = await findSizeMismatches(database, segmentId);
  for (const each of found) await recountSize(database, each.segmentId);
  return found.map(({ segment, kept, counted }) => ({
    kind: 'size',
    customerId: null,
    segment,
    detail: `kept as ${kept}, counted ${counted}`,
  }));
}

// ---------------------------------------------------------------- the place in the walk

interface Place {
  /** customers up to this key have been checked; null: none yet */
  readonly cursor: CustomerKey | null;
  /** segments up to this one have been counted; null: the walk is still at the customers */
  readonly segmentId: number | null;
}

const BEFORE_SEGMENTS = 0;

const BLURRED_BITS = 24n;

/**
 * Not a customer's key, which an erasure would have to find, but one a little before the last. Keys are hashes, so hardly anybody is checked
 * twice.
 */
function placeAfter({ throughKey }: Chunk, before: CustomerKey | null): CustomerKey {
  const blurred = (BigInt(throughKey) >> BLURRED_BITS) << BLURRED_BITS;
  return blurred > BigInt(before ?? LEAST_KEY) ? String(blurred) : throughKey;
}

async function readPlace(database: Database): Promise<Place> {
  const [row] = await database.query<{ cursor: string | null; segment_id: number | null }>({
    name: 'read_self_check',
    text: 'select k.cursor, k.segment_id from self_check as k',
  });
  return { cursor: row?.cursor ?? null, segmentId: row?.segment_id ?? null };
}

/** The walk ends when both are null again. */
async function storePlace({ database, clock }: Deciding, { cursor, segmentId }: Place): Promise<void> {
  const ended = cursor === null && segmentId === null;
  await database.query({
    name: 'store_self_check',
    text: `
      update self_check
      set cursor = $1::bigint, segment_id = $2, passes = passes + $3::integer, passed_at = coalesce($4::timestamptz, passed_at)`,
    values: [cursor, segmentId, ended ? 1 : 0, ended ? new Date(clock.nowMs()).toISOString() : null],
  });
}
