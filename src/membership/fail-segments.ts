// In charge of the day a rule cannot be computed: the segments to blame are found, become `failed` with the reason and keep their
// members, in a transaction of their own, and the work that failed is repeated without them. Nothing else is held up.
// When they are tried again is the business of segments/failures.ts.
import type { Client } from '../db/database.ts';
import { endWith, inTransaction } from '../db/transaction.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { findCulprits, reasonOf } from '../evaluation/find-culprits.ts';
import { findDifferences } from '../evaluation/find-differences.ts';
import type { EvaluationInput } from '../rules/emit.ts';
import { changeDefinitions } from '../segments/change-definitions.ts';
import { type Failure, failSegments } from '../segments/failures.ts';
import type { Deciding } from './in-decision.ts';

export interface Suspicion {
  /** brings the database to the state in which it failed, inside a transaction that is rolled back */
  prepare?(client: Client): Promise<void>;
  readonly customers: EvaluationInput['customers'];
  /** those that were evaluated; absent: all live ones */
  readonly segmentIds?: readonly number[];
}

/** A busy moment is no segment's fault: the work is tried once more. */
const INNOCENT_TRIES = 2;

/** Runs `work`; when evaluation fails, takes the culprits out of evaluation and runs it again. Other errors are rethrown. */
export async function withoutCulprits<Value>(deciding: Deciding, suspicion: () => Suspicion, work: () => Promise<Value>): Promise<Value> {
  for (let innocent = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      if (!isEvaluationFailure(error)) throw error;
      const failures = await blame(deciding, suspicion());
      if (failures.size > 0) await takeOutOfEvaluation(deciding, failures);
      else if (++innocent >= INNOCENT_TRIES) throw error;
    }
  }
}

/** A rule that reads what the catalog no longer has says so: its segment fails with the reason, and keeps its members. */
export async function failBroken(deciding: Deciding): Promise<void> {
  const { broken } = deciding.programs.get().definitions;
  if (broken.length > 0) await takeOutOfEvaluation(deciding, new Map(broken.map(({ id, version, reason }) => [id, { version, reason }])));
}

/** Segments (id → version) that cannot be computed together, though each can by itself, are not tried for ever: all of them fail with the reason. */
export async function failTogether(deciding: Deciding, segments: ReadonlyMap<number, number>, error: unknown): Promise<void> {
  const reason = `${reasonOf(error)} Alone it can be computed, but not together with the others of its run.`;
  await takeOutOfEvaluation(deciding, new Map([...segments].map(([id, version]) => [id, { version, reason }])));
}

async function takeOutOfEvaluation(deciding: Deciding, failures: ReadonlyMap<number, Failure>): Promise<void> {
  await changeDefinitions(deciding.database, deciding.clock, async (client) =>
    endWith(await failSegments(client, failures, deciding.clock.nowMs()), undefined),
  );
  await deciding.programs.reload();
}

/** Carries the verdict out of a transaction that must not commit. */
class Verdict extends Error {
  readonly failures: ReadonlyMap<number, Failure>;

  constructor(failures: ReadonlyMap<number, Failure>) {
    super('rolled back on purpose');
    this.failures = failures;
  }
}

/** A segment that takes this share of the time that all together have is to blame; so the search stays short. */
const CULPRITS_SHARE = 4;

/**
 * Without the definitions' lock, so that a long search keeps no publish waiting: the verdict is about versions, and a segment that has another by
 * then goes free.
 */
async function blame(deciding: Deciding, suspicion: Suspicion): Promise<ReadonlyMap<number, Failure>> {
  const program = await deciding.programs.reload();
  const input = {
    asOfMs: deciding.clock.fixedMs() ?? deciding.clock.nowMs(),
    timeZone: deciding.timeZone,
    customers: suspicion.customers,
  };
  const suspects = program.all.filter((id) => suspicion.segmentIds?.includes(id) ?? true);
  const { customersTimeoutMs, scanTimeoutMs } = program.limits;
  const timeoutMs = Math.ceil(('keys' in suspicion.customers ? customersTimeoutMs : scanTimeoutMs) / CULPRITS_SHARE);
  try {
    return await inTransaction(deciding.database, async (client) => {
      await suspicion.prepare?.(client);
      const reasons = await findCulprits(suspects, async (ids) => {
        await client.query('savepoint suspect');
        try {
          await findDifferences(client, program, ids, input, { timeoutMs });
        } finally {
          await client.query('rollback to savepoint suspect');
        }
      });
      throw new Verdict(new Map([...reasons].map(([id, reason]) => [id, { version: program.versionOf(id) ?? 0, reason }])));
    });
  } catch (error) {
    if (error instanceof Verdict) return error.failures;
    throw error;
  }
}
