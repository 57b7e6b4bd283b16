// In charge of the day a rule cannot be computed: the segments to blame are found, become `failed` with the reason and keep their
// members, in a transaction of their own, and whatever met the failure is repeated without them. Nothing else is held up.
import type { Client } from '../db/database.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { findCulprits } from '../evaluation/find-culprits.ts';
import { findDifferences } from '../evaluation/find-differences.ts';
import type { EvaluationInput } from '../rules/emit.ts';
import { changeDefinitions } from '../segments/definitions.ts';
import { failSegments } from '../segments/runs.ts';
import { type Deciding, inDecision } from './in-decision.ts';

export interface Suspicion {
  /** brings the database to where the failure was met, inside a transaction that is rolled back */
  prepare?(client: Client): Promise<void>;
  readonly customers: EvaluationInput['customers'];
}

/** Runs `work`; when evaluation fails, takes the culprits out of evaluation and runs it again. Other failures are thrown on. */
export async function withoutCulprits<Value>(deciding: Deciding, suspicion: () => Suspicion, work: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isEvaluationFailure(error)) throw error;
      const failures = await blame(deciding, suspicion());
      if (failures.size === 0) throw error;
      await takeOutOfEvaluation(deciding, failures);
    }
  }
}

export async function takeOutOfEvaluation(deciding: Deciding, failures: ReadonlyMap<number, string>): Promise<void> {
  await changeDefinitions(deciding.database, deciding.clock, (client) => failSegments(client, failures, deciding.clock.nowMs()));
  await deciding.programs.reload();
}

/** Carries the verdict out of a transaction that must not commit. */
class Verdict extends Error {
  readonly failures: ReadonlyMap<number, string>;

  constructor(failures: ReadonlyMap<number, string>) {
    super('rolled back on purpose');
    this.failures = failures;
  }
}

async function blame(deciding: Deciding, suspicion: Suspicion): Promise<ReadonlyMap<number, string>> {
  try {
    return await inDecision(deciding, async (client, program) => {
      await suspicion.prepare?.(client);
      const input = {
        asOfMs: deciding.clock.fixedMs() ?? deciding.clock.nowMs(),
        timeZone: deciding.timeZone,
        customers: suspicion.customers,
      };
      const failures = await findCulprits(program.all, async (ids) => {
        await client.query('savepoint suspect');
        try {
          await findDifferences(client, program, ids, input);
        } finally {
          await client.query('rollback to savepoint suspect');
        }
      });
      throw new Verdict(failures);
    });
  } catch (error) {
    if (error instanceof Verdict) return error.failures;
    throw error;
  }
}
