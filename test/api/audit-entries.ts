// In charge of bringing the audit of a service under test up to date, and of reading it.
import { chainAudit } from '../../src/access/chain-audit.ts';
import { listAudit, type ReadEntry } from '../../src/access/read-audit.ts';
import type { Strata } from '../../src/strata.ts';

export async function settleAudit({ audit, database }: Strata): Promise<void> {
  await audit.flush();
  while ((await chainAudit(database)) > 0);
}

/** Oldest first, without those up to the position. */
export async function entriesAfter(strata: Strata, position: string): Promise<ReadEntry[]> {
  await settleAudit(strata);
  const { entries, hasMore } = await listAudit(strata.database, {}, { limit: 1000, after: null, seesPersonal: true });
  if (hasMore) throw new Error('the audit of this test does not fit into one page');
  return entries
    .filter((entry) => BigInt(entry.position) > BigInt(position))
    .sort((a, b) => Number(BigInt(a.position) - BigInt(b.position)));
}

export async function lastPosition(strata: Strata): Promise<string> {
  await settleAudit(strata);
  const [row] = await strata.database.query<{ position: string }>({ text: 'select h.position from audit_head as h' });
  return row?.position ?? '0';
}

export function contentsOf(entry: ReadEntry | undefined): unknown[] {
  return (entry?.payloads ?? []).map(({ content }) => (content === null ? null : JSON.parse(content)));
}
