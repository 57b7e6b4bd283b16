// In charge of looking at many customers at once without one of them, or their number, holding up the rest: who cannot be evaluated together is
// evaluated by halves, until whoever fails is alone. Segments that are to blame have been taken out before (fail-segments.ts).
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { Look } from './evaluate-locked.ts';
import type { Deciding } from './in-decision.ts';
import { lookAgain } from './look-again.ts';

export interface HalvesOptions {
  /** A customer could not be evaluated even alone. */
  onFailure(error: unknown, key: CustomerKey): void | Promise<void>;
  /** So many could not be evaluated together. */
  onTooMany?(customers: number): void;
}

/** → number of changes */
export async function lookInHalves(deciding: Deciding, { keys, cause }: Look, options: HalvesOptions): Promise<number> {
  try {
    return await lookAgain(deciding, { keys, cause });
  } catch (error) {
    if (!isEvaluationFailure(error)) throw error;
    const [only] = keys;
    if (keys.length > 1 || only === undefined) {
      options.onTooMany?.(keys.length);
      const middle = Math.ceil(keys.length / 2);
      const first = await lookInHalves(deciding, { keys: keys.slice(0, middle), cause }, options);
      return first + (await lookInHalves(deciding, { keys: keys.slice(middle), cause }, options));
    }
    await options.onFailure(error, only);
    return 0;
  }
}
