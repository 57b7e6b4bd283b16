// In charge of where a read is answered from, and of reads that name a write (`Strata-Token`, `?fresh=`): they are answered from a state that
// includes it. On the primary a write is visible as soon as it is answered; a replica has to reach it, and the feed has to publish it.
import { setTimeout as after } from 'node:timers/promises';
import { isUnpublished } from '../../changes/read-changes.ts';
import { readToken } from '../../changes/write-token.ts';
import type { Database } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Strata } from '../../strata.ts';

const WAIT_MS = 5000;
/** Another process may be the one that publishes, and then this one is not notified. */
const POLL_MS = 20;

const MAX_BIGINT = 2n ** 63n - 1n;

/** `write`: sees the write; `feed`: its changes are published too */
export type Freshness = 'write' | 'feed';

/** The database to read from. Throws `token_unknown`, and `not_yet` after five seconds. */
export async function chooseReads(strata: Strata, kind: Freshness, token: unknown): Promise<Database> {
  const written = token === undefined ? null : readToken(String(token), strata.cluster);
  const reads = await strata.reads.choose(written?.lsn ?? null);
  if (reads === null) throw new AppError('not_yet', 'That write has not come to the replica yet; try again.');
  if (written !== null && written.decision !== null && kind === 'feed') await awaitPublished(reads, written.decision);
  return reads;
}

/** For several reads of one operation, of one database that sees the write already: the first of the feed waits, and all others with it. */
export function publishedReads({ cluster }: Pick<Strata, 'cluster'>, reads: Database, token: unknown) {
  const decision = token === undefined ? null : readToken(String(token), cluster).decision;
  let published: Promise<void> | undefined;
  return async (kind: Freshness): Promise<Database> => {
    if (kind === 'feed' && decision !== null) {
      published ??= awaitPublished(reads, decision);
      await published;
    }
    return reads;
  };
}

async function awaitPublished(reads: Database, decision: string): Promise<void> {
  if (BigInt(decision) > MAX_BIGINT) throw new AppError('token_unknown', 'The token is not one that this service gave.');
  for (let waitedMs = 0; await isUnpublished(reads, decision); waitedMs += POLL_MS) {
    if (waitedMs >= WAIT_MS) throw new AppError('not_yet', 'The changes of that write are not in the feed yet; try again.');
    await after(POLL_MS);
  }
}
