// In charge of asking, before a range of customers is evaluated for some segments, who of them can be in one at all: mostly few, and only their
// rows are read then. Reads only; what the answer is for them is find-differences.ts.
import { fitTo } from '../db/citus.ts';
import { type Client, pipeline } from '../db/database.ts';
import type { EvaluationInput } from '../rules/emit.ts';
import type { Program } from './program.ts';

/** Above that share of a range everybody's rows are read in one pass for less than those of so many by key. */
const MOST_SHARE = 0.4;

/**
 * What to evaluate instead of a range in which there are so many customers; the range itself where nothing is gained. Everybody else is in none of
 * the segments, is stored as being in none, and is owed no look for them.
 */
export async function narrowToCandidates(
  client: Client,
  program: Program,
  segmentIds: readonly number[],
  input: EvaluationInput,
  customers: number,
): Promise<EvaluationInput> {
  const candidates = program.candidates(segmentIds);
  if (candidates === null) return input;
  const [, rows = []] = await pipeline(client, [
    { text: 'set local plan_cache_mode = force_custom_plan' }, // how long the range is decides how its rows are read
    { text: await fitTo(client, candidates.text), values: candidates.bind(input) },
    { text: 'set local plan_cache_mode = force_generic_plan' },
  ]);
  if (rows.length > customers * MOST_SHARE) return input;
  return { ...input, customers: { keys: rows.map((row) => String(row['id'])) } };
}
