// In charge of what an entry of the audit is, and of its hashes: payloads with a salt each, so that one can be deleted and says nothing then,
// and the row over them. Pure. Storing is store-entries.ts, the chain chain-audit.ts.
import { hash, randomFillSync } from 'node:crypto';
import { uuidv7 } from '../base/uuid.ts';

/**
 * `written`: in the transaction of the write. `begun`: work of many transactions, such as an import, whose end is `written`.
 * `read`: personal data was answered. `refused`: the key did not allow it, or there was none.
 */
export type AuditOutcome = 'written' | 'begun' | 'read' | 'refused';

/** Who asks for what, from where. Nothing of it may name a customer. */
export interface AuditOrigin {
  readonly atMs: number;
  readonly actor: string;
  readonly keyId: string | null;
  readonly address: string | null;
  readonly requestId: string;
  /** id of the operation */
  readonly action: string;
}

/** What was before and after, of one customer or of nobody. */
export interface AuditChange {
  /** `customers.id`; null: it names nobody, and an erasure leaves it alone */
  readonly customerKey: string | null;
  /** JSON: an object with `customerId`, `before`, `after` as far as they are known */
  readonly content: object;
}

export interface AuditPayload {
  readonly customerKey: string | null;
  readonly hash: Buffer;
  readonly salt: Buffer;
  readonly content: string;
}

export interface AuditEntry extends AuditOrigin {
  readonly id: string;
  readonly outcome: AuditOutcome;
  /** like `segments/vip`; null: what it is about is somebody, and stands in the payloads */
  readonly target: string | null;
  readonly payloads: readonly AuditPayload[];
  readonly payloadHash: Buffer | null;
  readonly hash: Buffer;
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

const SALT_BYTES = 16;

function makePayload({ customerKey, content }: AuditChange): AuditPayload {
  const salt = randomFillSync(Buffer.allocUnsafe(SALT_BYTES));
  const text = JSON.stringify(content);
  return { customerKey, salt, content: text, hash: hashPayload(salt, text) };
}

export function hashPayload(salt: Buffer, content: string): Buffer {
  return hash('sha256', Buffer.concat([salt, Buffer.from(content, 'utf8')]), 'buffer');
}

/** null: there are none */
export function hashPayloads(payloads: readonly { readonly hash: Buffer }[]): Buffer | null {
  return payloads.length === 0 ? null : hash('sha256', Buffer.concat(payloads.map((payload) => payload.hash)), 'buffer');
}

/** Over a JSON array in this order; whoever verifies without us has to make the same text. */
export function hashEntry(entry: Omit<AuditEntry, 'payloads' | 'hash'>): Buffer {
  const { id, atMs, actor, keyId, address, requestId, action, outcome, target, payloadHash } = entry;
  const at = new Date(atMs).toISOString();
  const text = JSON.stringify([id, at, actor, keyId, address, requestId, action, outcome, target, payloadHash?.toString('hex') ?? null]);
  return hash('sha256', text, 'buffer');
}

/** The place in the chain behind `before`. */
export function nextChain(before: Buffer, entryHash: Buffer): Buffer {
  return hash('sha256', Buffer.concat([before, entryHash]), 'buffer');
}
