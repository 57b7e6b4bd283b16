// In charge of taking segments out of evaluation that cannot be computed: `failed` with the reason, members kept, in a transaction of its own.
import { changeDefinitions } from '../segments/definitions.ts';
import { failSegments } from '../segments/runs.ts';
import type { Deciding } from './in-decision.ts';

export async function takeOutOfEvaluation(deciding: Deciding, failures: ReadonlyMap<number, string>): Promise<void> {
  await changeDefinitions(deciding.database, deciding.clock, (client) => failSegments(client, failures, deciding.clock.nowMs()));
  await deciding.programs.reload();
}
