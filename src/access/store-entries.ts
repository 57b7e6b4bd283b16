// In charge of the statement that stores entries of the audit with their payloads: in the transaction of what they record, or for several
// requests at once. They wait in audit_inbox for their places in the chain (chain-audit.ts).
import type { Statement } from '../db/database.ts';
import type { AuditEntry } from './audit-entry.ts';

// One statement for both tables: a second one would add a sixth to what a single order costs the database.
const STORE = `
  with stored as (
    insert into audit_payloads (entry_id, part, customer_id, hash, salt, content)
    select p.entry_id, p.part, p.customer_id, decode(p.hash, 'hex'), decode(p.salt, 'hex'), p.content
    from jsonb_to_recordset($2::jsonb) as p (entry_id uuid, part integer, customer_id bigint, hash text, salt text, content text)
  )
  insert into audit_inbox (id, at, actor, key_id, address, request_id, action, outcome, target, payload_hash, hash)
  select e.id, e.at, e.actor, e.key_id, e.address, e.request_id, e.action, e.outcome, e.target, decode(e.payload_hash, 'hex'),
    decode(e.hash, 'hex')
  from jsonb_to_recordset($1::jsonb) as e
    (id uuid, at timestamptz, actor text, key_id text, address text, request_id text, action text, outcome text, target text,
      payload_hash text, hash text)`;

export function storeEntries(entries: readonly AuditEntry[]): Statement {
  const rows = entries.map(({ id, atMs, actor, keyId, address, requestId, action, outcome, target, payloadHash, hash }) => ({
    id,
    at: new Date(atMs).toISOString(),
    actor,
    key_id: keyId,
    address,
    request_id: requestId,
    action,
    outcome,
    target,
    payload_hash: payloadHash,
    hash,
  }));
  const payloads = entries.flatMap(({ id, payloads }) =>
    payloads.map(({ customerKey, hash, salt, content }, part) => ({
      entry_id: id,
      part,
      customer_id: customerKey,
      hash,
      salt,
      content,
    })),
  );
  return { name: 'store_audit_entries', text: STORE, values: [JSON.stringify(rows), JSON.stringify(payloads)] };
}
