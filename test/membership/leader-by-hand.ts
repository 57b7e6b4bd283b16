// In charge of doing by hand what the leader does in the background: for tests of a Strata in which nothing happens unasked.
import { countNotedChanges } from '../../src/changes/count-noted-changes.ts';
import { moveOutbox } from '../../src/changes/publisher.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import type { Strata } from '../../src/strata.ts';

/** Also of definitions that have just been made: a process has heard of them when it works on them. */
export async function finishRuns(strata: Strata): Promise<void> {
  await strata.programs.reload();
  while (await runOpenRuns(strata, new AbortController().signal));
}

/** Gives every change its place in the feed, and counts those that have had one: whoever reads sizes finds some counted and some not yet. */
export async function publishChanges({ database, timeZone }: Strata): Promise<void> {
  await countNotedChanges(database.pool, timeZone);
  while ((await moveOutbox(database.pool)) > 0);
}
