// In charge of suspects: examined under their locks, in one decision, they are reported as mismatches or cleared; if asked for, what is wrong
// is mended in the same decision with cause `repair`. First the log is made to say what is stored, then what is stored is made right.
import { pipeline } from '../db/database.ts';
import type { Findings } from '../evaluation/find-differences.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { isLookLate, judge, lockSuspects } from '../membership/find-mismatches.ts';
import { type Deciding, type Decision, inDecision } from '../membership/in-decision.ts';
import { recordStatements } from '../membership/record.ts';
import { countReconciled, findLogMismatches, LOG_FAULTS, type LogMismatch, reconcileLog } from './log-mismatches.ts';

/** member: not as the rules say · look: the next one is missing or too late · log: the feed, replayed, says something else */
export const MISMATCH_KINDS = ['member', 'look', 'log', 'size'] as const;
export type MismatchKind = (typeof MISMATCH_KINDS)[number];

export interface Mismatch {
  readonly kind: MismatchKind;
  /** null: a segment's size is wrong */
  readonly customerId: string | null;
  /** key; null: the customer's next look is wrong */
  readonly segment: string | null;
  readonly detail: string;
}

/** Carries the answer out of a transaction that is to be rolled back. */
class NothingStored extends Error {
  readonly mismatches: readonly Mismatch[];

  constructor(mismatches: readonly Mismatch[]) {
    super('rolled back on purpose');
    this.mismatches = mismatches;
  }
}

/** Those of the suspects who are wrong. Without `repair` nothing is changed. Throws what evaluation throws. */
export async function confirmMismatches(deciding: Deciding, keys: readonly CustomerKey[], repair: boolean): Promise<readonly Mismatch[]> {
  if (keys.length === 0) return [];
  try {
    return await inDecision(deciding, async (decision) => {
      const mismatches = await mend(decision, keys);
      if (!repair) throw new NothingStored(mismatches);
      return mismatches;
    });
  } catch (error) {
    if (error instanceof NothingStored) return error.mismatches;
    throw error;
  }
}

/** Done before anybody who is late is looked at: a look at somebody whose membership was lost would put an entry into the feed twice. */
async function mend(decision: Decision, keys: readonly CustomerKey[]): Promise<readonly Mismatch[]> {
  const { client, program } = decision;
  const suspects = await lockSuspects(decision, keys);
  const { moment } = suspects;
  const logged = await findLogMismatches(client, suspects.keys);
  const versionOf = (segmentId: number) => program.versionOf(segmentId);
  await pipeline(client, reconcileLog({ mismatches: logged, moment, ordinalFrom: 0, versionOf }));
  const { findings, ordinalFrom } = await judge(suspects, countReconciled(logged));
  await pipeline(client, recordStatements(suspects, { findings, cause: 'repair', ordinalFrom }));
  return describe(decision, findings, logged);
}

async function describe({ client, program }: Decision, { differences }: Findings, logged: readonly LogMismatch[]): Promise<Mismatch[]> {
  const keys = [...new Set([...differences, ...logged].map((each) => each.customerKey))];
  if (keys.length === 0) return [];
  const [rows = []] = await pipeline(client, [
    { name: 'name_customers', text: 'select c.id, c.external_id from customers as c where c.id = any($1::bigint[])', values: [keys] },
  ]);
  const names = new Map(rows.map((row) => [String(row['id']), String(row['external_id'])]));
  const customerIdOf = (key: CustomerKey) => names.get(key) ?? key;
  const segmentOf = (id: number) => program.definitions.names.get(id)?.key ?? String(id);
  return [
    ...differences.flatMap((difference): Mismatch[] => {
      const customerId = customerIdOf(difference.customerKey);
      const member = (id: number, detail: string): Mismatch => ({ kind: 'member', customerId, segment: segmentOf(id), detail });
      return [
        ...difference.entered.map((id) => member(id, 'belongs to it and is no member')),
        ...difference.exited.map((id) => member(id, 'is a member and does not belong to it')),
        ...(isLookLate(difference) ? [{ kind: 'look' as const, customerId, segment: null, detail: describeLook(difference) }] : []),
      ];
    }),
    ...logged.map(({ customerKey, segmentId, fault }): Mismatch => {
      return { kind: 'log', customerId: customerIdOf(customerKey), segment: segmentOf(segmentId), detail: LOG_FAULTS[fault] };
    }),
  ];
}

function describeLook({ dueAtMs, storedDueAtMs }: Findings['differences'][number]): string {
  const due = dueAtMs === null ? '' : new Date(dueAtMs).toISOString();
  if (storedDueAtMs === null) return `a look is due at ${due} and none is stored`;
  return `a look is due at ${due} and the next is stored for ${new Date(storedDueAtMs).toISOString()}`;
}
