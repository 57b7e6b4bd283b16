// In charge of the chain of the audit: the leader gives waiting entries dense positions and the hash over all before them, a batch in one
// statement; retention takes its beginning. What verifies it is verify-audit.ts.
import { asQueryable, type Client, type Database, pipeline, type Statement } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';

/** Entries per transaction: about 60 ms, during which nobody waits. */
const CHAINED_AT_ONCE = 5_000;

// Whoever chains holds the head's lock: a leader that has been replaced and does not know it yet waits, and then finds nothing.
const LOCK_HEAD: Statement = { name: 'lock_audit_head', text: 'select h.position from audit_head as h for update' };

const CHAIN: Statement = {
  name: 'chain_audit',
  text: `
    with moved as (
      delete from audit_inbox as i
      where i.ctid = any(array(
        select q.ctid
        from audit_inbox as q
        order by q.id
        limit ${CHAINED_AT_ONCE}
      ))
      returning i.*
    ), numbered as (
      select m.*, h.chain as start, h.position + row_number() over (order by m.id) as position
      from moved as m
      cross join audit_head as h
    ), chained as (
      insert into audit (position, id, at, actor, key_id, address, request_id, action, outcome, target, payload_hash, hash, chain)
      select n.position, n.id, n.at, n.actor, n.key_id, n.address, n.request_id, n.action, n.outcome, n.target, n.payload_hash, n.hash,
        strata_chain(n.hash, n.start) over (order by n.position)
      from numbered as n
      returning position, id, outcome, chain
    ), last as (
      select c.position, c.chain
      from chained as c
      order by c.position desc
      limit 1
    ), told as (
      select count(*)::integer as chained, array_agg(c.id) filter (where c.outcome = 'read') as reads
      from chained as c
    )
    update audit_head as h
    set position = l.position, chain = l.chain
    from last as l, told as t
    returning t.chained, t.reads`,
};

// The payload of a read of somebody who was erased before the entry was stored: an erasure knows only what is stored.
const FORGET_READS = `
  update audit_payloads as p
  set salt = null, content = null, customer_id = null
  where p.entry_id = any($1::uuid[]) and p.customer_id is not null
    and not exists (select from customers as c where c.id = p.customer_id)`;

/** What lies in one place and what lies in many are asked apart on Citus: whom the reads are about, and who of them is there. */
async function forgetReads(client: Client, reads: unknown): Promise<void> {
  const asked = asQueryable(client);
  if (!asked.isOnCitus()) {
    await client.query({ name: 'forget_reads', text: FORGET_READS, values: [reads] });
    return;
  }
  const told = await asked.query<{ key: string }>({
    text: 'select distinct p.customer_id as key from audit_payloads as p where p.entry_id = any($1::uuid[]) and p.customer_id is not null',
    values: [reads],
  });
  const keys = told.map(({ key }) => key);
  const there = await asked.query<{ key: string }>({
    text: 'select c.id as key from customers as c where c.id = any($1::bigint[])',
    values: [keys],
  });
  const known = new Set(there.map(({ key }) => key));
  await asked.query({
    text: `
      update audit_payloads as p
      set salt = null, content = null, customer_id = null
      where p.entry_id = any($1::uuid[]) and p.customer_id = any($2::bigint[])`,
    values: [reads, keys.filter((key) => !known.has(key))],
  });
}

/** Chains one batch of the waiting entries. → how many; 0: none are waiting */
export function chainAudit(database: Database): Promise<number> {
  return inTransaction(database, async (client) => {
    const [, rows = []] = await pipeline(client, [LOCK_HEAD, CHAIN]);
    const [told] = rows;
    const reads = told?.['reads'] ?? null;
    if (reads !== null) await forgetReads(client, reads);
    return Number(told?.['chained'] ?? 0);
  });
}

/** Removes the content of payloads about a customer; their hashes stay. For the transaction of an erasure. */
export function forgetPayloads(customerKey: string): Statement {
  return {
    name: 'forget_payloads',
    text: 'update audit_payloads as p set salt = null, content = null, customer_id = null where p.customer_id = $1::bigint',
    values: [customerKey],
  };
}

const TRIMMED_AT_ONCE = 5_000;

// The beginning goes, up to the first entry that is to be kept. The chain then begins at the anchor, the place of the last one removed.
const TRIM = `
  with piece as (
    select a.position, a.at, a.chain
    from audit as a
    order by a.position
    limit ${TRIMMED_AT_ONCE}
  ), cut as (
    select coalesce(min(p.position) filter (where p.at >= $1::timestamptz) - 1, max(p.position)) as position
    from piece as p
  ), gone as (
    delete from audit as a
    using cut as t
    where a.position <= t.position
    returning a.position, a.id, a.chain
  ), forgotten as (
    delete from audit_payloads as p
    using gone as g
    where p.entry_id = g.id
  ), last as (
    select g.position, g.chain, count(*) over ()::integer as trimmed
    from gone as g
    order by g.position desc
    limit 1
  )
  update audit_head as h
  set anchor_position = l.position, anchor_chain = l.chain
  from last as l
  returning l.trimmed`;

/** Removes one piece of what is older than the instant. → how many entries went; 0: there is nothing more */
export function trimAudit(database: Database, olderThanMs: number): Promise<number> {
  return inTransaction(database, async (client) => {
    await pipeline(client, [LOCK_HEAD]);
    const { rows } = await client.query<{ trimmed: number }>({
      name: 'trim_audit',
      text: TRIM,
      values: [new Date(olderThanMs).toISOString()],
    });
    return rows[0]?.trimmed ?? 0;
  });
}

export interface AuditHead {
  readonly position: string;
  /** hex */
  readonly chain: string;
  /** entries that wait for their places */
  readonly waiting: number;
}

export async function readAuditHead(database: Database): Promise<AuditHead> {
  const [row] = await database.query<{ position: string; chain: Buffer; waiting: number }>({
    name: 'read_audit_head',
    text: `
      select h.position, h.chain, (select count(*)::integer from audit_inbox as i) as waiting
      from audit_head as h`,
  });
  if (row === undefined) throw new Error('the head of the audit is missing');
  return { position: row.position, chain: row.chain.toString('hex'), waiting: row.waiting };
}
