// In charge of what an entry of the audit is, and of its hashes: payloads with a salt each, so that one can be deleted and its hash reveals nothing,
// and the row over them. Pure. Storing is store-entries.ts, the chain chain-audit.ts.
import { hash, randomFillSync } from 'node:crypto';
import { uuidv7 } from '../base/uuid.ts';

/**
 * `written`: in the transaction of the write. `begun`: work of many transactions, such as an import, whose end is `written`.
 * `read`: personal data was answered. `refused`: the key did not allow it, or there was none.
 */
export type AuditOutcome = 'written' | 'begun' | 'read' | 'refused';

/** Who asks for what, from where. None of it may name a customer. */
export interface AuditOrigin {
  readonly atMs: number;
  readonly actor: string;
  readonly keyId: string | null;
  readonly address: string | null;
  readonly requestId: string;
  /** id of the operation */
  readonly action: string;
}

/** What was before and after, for one customer or for nobody. */
export interface AuditChange {
  /** `customers.id`; null: it names nobody, and an erasure leaves it alone */
  readonly customerKey: string | null;
  /** JSON: an object with those of `customerId`, `before`, `after` that are known */
  readonly content: object;
}

/** Hashes and salts are hexadecimal: with strings only, an entry costs half of what it did with buffers. */
export interface AuditPayload {
  readonly customerKey: string | null;
  readonly hash: string;
  readonly salt: string;
  readonly content: string;
}

export interface AuditEntry extends AuditOrigin {
  readonly id: string;
  readonly outcome: AuditOutcome;
  /** like `segments/vip`; null: it is about a person, who is in the payloads */
  readonly target: string | null;
  readonly payloads: readonly AuditPayload[];
  readonly payloadHash: string | null;
  readonly hash: string;
}

export function makeEntry(
  origin: AuditOrigin,
  outcome: AuditOutcome,
  target: string | null,
  changes: readonly AuditChange[],
  id: string = uuidv7(origin.atMs),
): AuditEntry {
  const payloads = changes.map(makePayload);
  const payloadHash = hashPayloads(payloads);
  const entry = { ...origin, id, outcome, target, payloadHash };
  return { ...entry, payloads, hash: hashEntry(entry) };
}

function makePayload({ customerKey, content }: AuditChange): AuditPayload {
  const salt = nextSalt();
  const text = JSON.stringify(content);
  return { customerKey, salt, content: text, hash: hashPayload(salt, text) };
}

const SALT_BYTES = 16;
const salts = Buffer.alloc(SALT_BYTES * 256); // drawn many at a time: each draw is a system call
let saltsFrom = salts.length;

function nextSalt(): string {
  if (saltsFrom === salts.length) {
    randomFillSync(salts);
    saltsFrom = 0;
  }
  const salt = salts.toString('hex', saltsFrom, saltsFrom + SALT_BYTES);
  saltsFrom += SALT_BYTES;
  return salt;
}

export function hashPayload(salt: string, content: string): string {
  return hash('sha256', salt + content, 'hex');
}

/** null: there are none */
export function hashPayloads(payloads: readonly { readonly hash: string }[]): string | null {
  return payloads.length === 0 ? null : hash('sha256', payloads.map((payload) => payload.hash).join(''), 'hex');
}

/** Over a JSON array in this order; those who verify without us must make the same text. */
export function hashEntry(entry: Omit<AuditEntry, 'payloads' | 'hash'>): string {
  const { id, atMs, actor, keyId, address, requestId, action, outcome, target, payloadHash } = entry;
  const at = new Date(atMs).toISOString();
  const text = JSON.stringify([id, at, actor, keyId, address, requestId, action, outcome, target, payloadHash]);
  return hash('sha256', text, 'hex');
}

/** The next place in the chain, after `before`. */
export function nextChain(before: Buffer, entryHash: string): Buffer {
  return hash('sha256', Buffer.concat([before, Buffer.from(entryHash, 'hex')]), 'buffer');
}
