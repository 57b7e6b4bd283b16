// In charge of reads that name a write (`Strata-Token`, `?fresh=`): they are answered from a state that has it. On the primary a write
// is visible when it is answered, so only the feed has something to wait for.
import { setTimeout as after } from 'node:timers/promises';
import { isUnpublished } from '../../changes/read-changes.ts';
import { readToken } from '../../changes/write-token.ts';
import { AppError } from '../../errors.ts';
import type { Strata } from '../../strata.ts';

const WAIT_MS = 5000;
/** Another process may be the one that publishes, and then nobody here is told. */
const LOOK_MS = 20;

const MAX_BIGINT = 2n ** 63n - 1n;

/** Throws `token_unknown`, and `not_yet` after five seconds. */
export async function awaitFreshness(strata: Strata, kind: 'write' | 'feed', token: unknown): Promise<void> {
  if (token === undefined) return;
  const { decision } = readToken(String(token), strata.cluster);
  if (decision === null || kind === 'write') return;
  if (BigInt(decision) > MAX_BIGINT) throw new AppError('token_unknown', 'The token is not one that this service gave.');
  for (let waitedMs = 0; await isUnpublished(strata.database, decision); waitedMs += LOOK_MS) {
    if (waitedMs >= WAIT_MS) throw new AppError('not_yet', 'The changes of that write are not in the feed yet; try again.');
    await after(LOOK_MS);
  }
}
