// In charge of evaluating customers whom a decision has locked: what differs as of its moment, and recording it.
// Not of who they are, of their locks, or of what imports owe them (look-again.ts, catch-up.ts).
import { pipeline } from '../db/database.ts';
import { type Difference, type Findings, findDifferences } from '../evaluation/find-differences.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { LockedDecision } from './in-decision.ts';
import { type Cause, recordStatements } from './record.ts';

/** What differs from the rules of these live segments (ascending ids). */
export function evaluateLocked(
  { client, program, timeZone, moment }: LockedDecision,
  segmentIds: readonly number[],
  keys: readonly CustomerKey[],
): Promise<Findings> {
  return findDifferences(client, program, segmentIds, { asOfMs: moment.asOfMs, timeZone, customers: { keys } });
}

export interface Look {
  readonly keys: readonly CustomerKey[];
  readonly cause: Cause;
}

/**
 * Evaluates and records; the changes are in the feed in the order in which the customers are given. `ordinalFrom`: how many rows of the outbox
 * the decision has written already. → what differed
 */
export async function lookAtLocked(
  decision: LockedDecision,
  segmentIds: readonly number[],
  { keys, cause }: Look,
  ordinalFrom = 0,
): Promise<readonly Difference[]> {
  if (keys.length === 0) return [];
  const found = await evaluateLocked(decision, segmentIds, keys);
  const findings = { ...found, differences: inOrderOf(keys, found.differences) };
  await pipeline(decision.client, recordStatements(decision, { findings, cause, ordinalFrom }));
  return findings.differences;
}

/** So that customers who flip together are in the feed in order of their instants. */
function inOrderOf(keys: readonly CustomerKey[], differences: readonly Difference[]): readonly Difference[] {
  const byKey = new Map(differences.map((difference) => [difference.customerKey, difference]));
  return keys.flatMap((key) => byKey.get(key) ?? []);
}
