// In charge of proving the audit: every hash is computed again from what is stored, by our own code and not the database's, from the anchor to
// the head. Names the first entry that was changed, is missing or was inserted. It cannot see that the end was cut off together with the head:
// for that, a head noted elsewhere is compared (`known`).
import type { Client, Database } from '../db/database.ts';
import { pipeline } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { type AuditOutcome, hashEntry, hashPayload, hashPayloads, nextChain } from './audit-entry.ts';

export interface KnownHead {
  readonly position: string;
  /** hex */
  readonly chain: string;
}

export interface AuditVerdict {
  /** entries that were found unchanged, in order */
  readonly entries: number;
  /** payloads that erasures have removed */
  readonly forgotten: number;
  /** entries that wait for their places, and are not proven yet */
  readonly waiting: number;
  readonly head: KnownHead;
  /** null: everything is as it was written */
  readonly fault: AuditFault | null;
}

export interface AuditFault {
  readonly position: string;
  readonly detail: string;
}

const PAGE = 2_000;

/** At one snapshot, so that the service may go on meanwhile. */
export function verifyAudit(database: Database, known: readonly KnownHead[] = []): Promise<AuditVerdict> {
  return inTransaction(database, async (client) => {
    await client.query('set transaction isolation level repeatable read, read only');
    const { rows } = await client.query<HeadRow>(`
      select h.position, h.chain, h.anchor_position, h.anchor_chain, (select count(*)::integer from audit_inbox as i) as waiting
      from audit_head as h`);
    const [row] = rows;
    const head = { position: row?.position ?? '0', chain: row?.chain.toString('hex') ?? '' };
    const walk: Walk = { entries: 0, forgotten: 0, position: 0n, chain: Buffer.alloc(0), fault: null };
    if (row === undefined) walk.fault = { position: '0', detail: 'the head of the chain is missing' };
    else await walkChain(client, row, known, walk);
    return { entries: walk.entries, forgotten: walk.forgotten, waiting: row?.waiting ?? 0, head, fault: walk.fault };
  });
}

interface HeadRow {
  position: string;
  chain: Buffer;
  anchor_position: string;
  anchor_chain: Buffer;
  waiting: number;
}

interface EntryRow {
  position: string;
  id: string;
  at: number;
  actor: string;
  key_id: string | null;
  address: string | null;
  request_id: string;
  action: string;
  outcome: AuditOutcome;
  target: string | null;
  payload_hash: string | null;
  hash: string;
  chain: Buffer;
}

interface PayloadRow {
  entry_id: string;
  part: number;
  hash: string;
  salt: string | null;
  content: string | null;
}

interface Walk {
  entries: number;
  forgotten: number;
  position: bigint;
  chain: Buffer;
  fault: AuditFault | null;
}

async function walkChain(client: Client, head: HeadRow, known: readonly KnownHead[], walk: Walk): Promise<void> {
  walk.position = BigInt(head.anchor_position);
  walk.chain = head.anchor_chain;
  const wanted = new Map(known.map(({ position, chain }) => [BigInt(position), chain.toLowerCase()]));
  for (const position of wanted.keys()) {
    if (position < walk.position) wanted.delete(position); // retention took it
  }
  compareKnown(wanted, walk);
  for (let more = true; more && walk.fault === null; ) {
    const { entries, payloads } = await readPage(client, walk.position);
    more = entries.length === PAGE;
    for (const entry of entries) {
      const expected = walk.position + 1n;
      walk.fault = missing(expected, entry) ?? judge(entry, payloads.get(entry.id) ?? [], walk);
      if (walk.fault !== null) return;
      walk.position = expected;
      walk.entries += 1;
      compareKnown(wanted, walk);
      if (walk.fault !== null) return;
    }
  }
  walk.fault = walk.fault ?? judgeEnd(head, wanted, walk) ?? (await findLoosePayload(client));
}

async function readPage(
  client: Client,
  after: bigint,
): Promise<{ readonly entries: readonly EntryRow[]; readonly payloads: ReadonlyMap<string, readonly PayloadRow[]> }> {
  const { rows: entries } = await client.query<EntryRow>({
    name: 'audit_page_to_verify',
    text: `
      select a.position, a.id, a.at, a.actor, a.key_id, a.address, a.request_id, a.action, a.outcome, a.target,
        encode(a.payload_hash, 'hex') as payload_hash, encode(a.hash, 'hex') as hash, a.chain
      from audit as a
      where a.position > $1::bigint
      order by a.position
      limit ${PAGE}`,
    values: [after.toString()],
  });
  const [rows = []] = await pipeline(client, [
    {
      name: 'audit_payloads_to_verify',
      text: `
        select p.entry_id, p.part, encode(p.hash, 'hex') as hash, encode(p.salt, 'hex') as salt, p.content
        from audit_payloads as p
        where p.entry_id = any($1::uuid[])
        order by p.entry_id, p.part`,
      values: [entries.map((entry) => entry.id)],
    },
  ]);
  return { entries, payloads: Map.groupBy(rows as PayloadRow[], (payload) => payload.entry_id) };
}

function missing(expected: bigint, entry: EntryRow): AuditFault | null {
  if (BigInt(entry.position) === expected) return null;
  return { position: expected.toString(), detail: `the entry is missing: after ${expected - 1n} comes ${entry.position}` };
}

function judge(entry: EntryRow, payloads: readonly PayloadRow[], walk: Walk): AuditFault | null {
  const fault = (detail: string): AuditFault => ({ position: entry.position, detail });
  for (const [place, { part, hash, salt, content }] of payloads.entries()) {
    if (part !== place) return fault(`payload ${place} is missing`);
    if (salt === null || content === null) walk.forgotten += 1;
    else if (hashPayload(salt, content) !== hash) return fault(`payload ${part} was changed`);
  }
  if (hashPayloads(payloads) !== entry.payload_hash) return fault('its payloads are not the ones it was written with');
  const made = hashEntry({
    id: entry.id,
    atMs: entry.at,
    actor: entry.actor,
    keyId: entry.key_id,
    address: entry.address,
    requestId: entry.request_id,
    action: entry.action,
    outcome: entry.outcome,
    target: entry.target,
    payloadHash: entry.payload_hash,
  });
  if (made !== entry.hash) return fault('the entry was changed');
  walk.chain = nextChain(walk.chain, made);
  if (!walk.chain.equals(entry.chain)) return fault('the entry is not the one that was chained here: it was replaced, put in or moved');
  return null;
}

function compareKnown(wanted: Map<bigint, string>, walk: Walk): void {
  const chain = wanted.get(walk.position);
  if (chain === undefined) return;
  wanted.delete(walk.position);
  if (chain === walk.chain.toString('hex')) return;
  walk.fault = { position: walk.position.toString(), detail: 'the chain up to here is not the one that was noted' };
}

function judgeEnd(head: HeadRow, wanted: ReadonlyMap<bigint, string>, walk: Walk): AuditFault | null {
  const last = walk.position;
  if (BigInt(head.position) > last) {
    return { position: (last + 1n).toString(), detail: `the entries from here to the head at ${head.position} are missing` };
  }
  if (BigInt(head.position) < last) {
    return { position: (BigInt(head.position) + 1n).toString(), detail: `entries follow the head at ${head.position}: they were put in` };
  }
  if (!walk.chain.equals(head.chain)) return { position: head.position, detail: 'the head is not that of the last entry' };
  for (const position of wanted.keys()) {
    return { position: (last + 1n).toString(), detail: `the chain was noted at ${position}, and ends at ${last}` };
  }
  return null;
}

/** Payloads without an entry: somebody removed the entry, or inserted them. */
async function findLoosePayload(client: Client): Promise<AuditFault | null> {
  await client.query('set local enable_seqscan = on; set local enable_hashjoin = on');
  const { rows } = await client.query<{ entry_id: string }>(`
    select p.entry_id
    from audit_payloads as p
    where not exists (select from audit as a where a.id = p.entry_id)
      and not exists (select from audit_inbox as i where i.id = p.entry_id)
    limit 1`);
  const [loose] = rows;
  return loose === undefined ? null : { position: '0', detail: `a payload belongs to no entry (${loose.entry_id})` };
}
