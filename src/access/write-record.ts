// In charge of what goes along with a request's write, in the write's own transaction: its entry in the audit, and the end of its
// Idempotency-Key, with the answer if that is known there. Whose request it is comes from the asynchronous context; what was written, from the
// stage that writes (`noteWrite`). What the service does by itself has no record.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../base/clock.ts';
import { type Client, type Database, pipeline, type Statement } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { type AuditChange, type AuditOrigin, type AuditOutcome, makeEntry } from './audit-entry.ts';
import { ANYBODY, type Claim, finishClaims } from './claims.ts';
import { storeEntries } from './store-entries.ts';

/** For one request that may write. */
export interface WriteRecord {
  readonly origin: AuditOrigin;
  /** null: without an Idempotency-Key */
  readonly claim: Claim | null;
  /** for an answer that is known inside the transaction */
  readonly status: number;
  /** false: the answer holds a secret, or is not ours to keep */
  readonly keepsAnswer: boolean;
  /** the write's transaction has reached its end: if the request succeeds, it was committed */
  noted: boolean;
  /** whether the answer is part of it */
  answered: boolean;
}

/** What was written. */
export interface Written {
  /** like `segments/vip`; null: it is about customers, who are in the changes */
  readonly target: string | null;
  readonly changes: readonly AuditChange[];
  /** the answer, if it is known: its `token` is replaced by one made from the decision */
  readonly answer?: { readonly decision: string; readonly body: unknown } | undefined;
  /** whom the answer names beside the customers of the changes */
  readonly answered?: readonly string[];
}

const records = new AsyncLocalStorage<WriteRecord>();

export function withRecord<Value>(record: WriteRecord, work: () => Promise<Value>): Promise<Value> {
  return records.run(record, work);
}

/** For work that is done in another's asynchronous context, such as a gatherer's. */
export function currentRecord(): WriteRecord | undefined {
  return records.getStore();
}

/**
 * Called inside the transaction of a request's write, after the last lock. Throws `in_progress` if another attempt has taken over the
 * Idempotency-Key meanwhile: then nothing of this one may be committed.
 */
export async function noteWrite(client: Client, written: Written): Promise<void> {
  const record = currentRecord();
  if (record !== undefined) await noteWrites(client, [{ record, written }]);
}

export interface NotedWrite {
  readonly record: WriteRecord;
  readonly written: Written;
}

/** The same for several requests that share a transaction. */
async function noteWrites(client: Client, notes: readonly NotedWrite[]): Promise<void> {
  const { last, value } = await endNotes(client, storeNotes(notes), notes);
  await pipeline(client, last);
  value();
}

/** The statement that stores the entries; for a transaction that sends it together with others. `endNotes` must follow. */
export function storeNotes(notes: readonly NotedWrite[]): Statement[] {
  if (notes.length === 0) return [];
  return [storeEntries(notes.map(({ record, written }) => makeEntry(record.origin, 'written', written.target, written.changes)))];
}

/**
 * The end of a transaction whose last statements are these: → those to send with the commit, and what to call after it. Keys are finished
 * before, since the commit depends on it. Throws what `noteWrite` throws.
 */
export async function endNotes(
  client: Client,
  statements: readonly Statement[],
  notes: readonly NotedWrite[],
): Promise<{ readonly last: readonly Statement[]; value(): void }> {
  const ended = notes.flatMap(endOf);
  const value = () => {
    for (const { record, written } of notes) {
      record.noted = true;
      record.answered = written.answer !== undefined;
    }
  };
  if (ended.length === 0) return { last: statements, value };
  const finished = (await pipeline(client, [...statements, finishClaims(ended)])).at(-1);
  if (finished?.length !== ended.length) throw takenOver();
  return { last: [], value };
}

/**
 * Work of many transactions, such as an import: recorded before it begins and after it has ended, even with an error. Only a process that
 * dies leaves it without an end.
 */
export async function noteLongWork<Value>(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  target: string,
  content: object,
  work: () => Promise<Value>,
  toEnd: (value: Value) => object,
): Promise<Value> {
  const record = currentRecord();
  if (record === undefined) return work();
  const tell = (outcome: AuditOutcome, more: object) =>
    database.query(
      storeEntries([
        makeEntry({ ...record.origin, atMs: clock.nowMs() }, outcome, target, [
          { customerKey: null, content: { after: { ...content, ...more } } },
        ]),
      ]),
    );
  await tell('begun', {});
  record.noted = true;
  try {
    const value = await work();
    await tell('written', toEnd(value));
    return value;
  } catch (error) {
    await tell('written', { failed: error instanceof AppError ? error.code : 'internal_error' });
    throw error;
  }
}

function endOf({ record, written }: NotedWrite) {
  if (record.claim === null) return [];
  const named = written.changes.flatMap(({ customerKey }) => (customerKey === null ? [] : [customerKey]));
  const unread = quotesRows(written.answer?.body) ? [ANYBODY] : [];
  const customers = [...new Set([...named, ...(written.answered ?? []), ...unread])];
  const answer = record.keepsAnswer && written.answer !== undefined ? { status: record.status, ...written.answer } : null;
  return [{ claim: record.claim, atMs: record.origin.atMs, customers, answer, isKept: record.keepsAnswer }];
}

/** Rows that were refused may name anybody, and so may the messages that quote them. */
function quotesRows(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'rejected' in body && Array.isArray(body.rejected) && body.rejected.length > 0;
}

function takenOver(): AppError {
  return new AppError('in_progress', 'A later request with this Idempotency-Key has taken over; nothing of this one was written.');
}
