// In charge of asking, before a range of customers is evaluated for some segments, which of them can be in one at all: mostly few, and only their
// rows are read then. Reads only; evaluating them is find-differences.ts.
import { fitTo, isCitus } from '../db/citus.ts';
import { type Client, pipeline } from '../db/database.ts';
import type { EvaluationInput } from '../rules/emit.ts';
import type { Program } from './program.ts';

/** Above this share of a range, reading everybody's rows in one pass costs less than reading those of so many by key. */
const MOST_SHARE = 0.4;

/**
 * What to evaluate in place of a range of so many `customers`; the range itself if nothing is gained. Everybody left out is in none of
 * the segments, is stored as being in none, and needs no look for them.
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
  const usual = (await isCitus(client)) ? 'auto' : 'force_generic_plan'; // as the session has it
  const [, rows = []] = await pipeline(client, [
    { text: 'set local plan_cache_mode = force_custom_plan' }, // how its rows are best read depends on the length of the range
    { text: await fitTo(client, candidates.text), values: candidates.bind(input) },
    { text: `set local plan_cache_mode = ${usual}` },
  ]);
  if (rows.length > customers * MOST_SHARE) return input;
  return { ...input, customers: { keys: rows.map((row) => String(row['id'])) } };
}
