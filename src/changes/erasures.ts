// In charge of what is left of an erased person: receipts, and the exits that consumers may still read until they are blanked.
// Erasing is erase-customer.ts.
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { DAY_MS } from '../base/durations.ts';
import { fixedIso } from '../db/as-of.ts';
import { asQueryable, type Database, pipeline, type Statement } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';

/** For how many days consumers may read the exits of an erased customer, unless set otherwise. */
export const ERASURE_DAYS = 7;

/** Names nobody; but whoever knows the id can tell by the hash that it is the one. */
export interface Receipt {
  readonly id: string;
  readonly salt: Buffer;
  /** SHA-256 of the salt and the id's UTF-8 */
  readonly hash: Buffer;
  /** how many segments the customer was in */
  readonly changes: number;
  readonly erasedAtMs: number;
  /** when the exits are blanked, and when they were; null: not yet */
  readonly blankAtMs: number;
  readonly blankedAtMs: number | null;
}

export function hashOf(salt: Buffer, externalId: string): Buffer {
  return createHash('sha256').update(salt).update(externalId, 'utf8').digest();
}

interface ReceiptRow {
  id: string;
  salt: Buffer;
  hash: Buffer;
  changes: number;
  erased_at: number;
  blank_at: number;
  blanked_at: number | null;
}

const RECEIPT = 'e.id, e.salt, e.hash, e.changes, e.erased_at, e.blank_at, e.blanked_at';

function toReceipt({ erased_at, blank_at, blanked_at, ...row }: ReceiptRow): Receipt {
  return { ...row, erasedAtMs: erased_at, blankAtMs: blank_at, blankedAtMs: blanked_at };
}

/** `id` is a UUID. null: there is no such receipt. */
export async function readReceipt(database: Database, id: string): Promise<Receipt | null> {
  const [row] = await database.query<ReceiptRow>({
    name: 'read_receipt',
    text: `select ${RECEIPT} from erasures as e where e.id = $1::uuid`,
    values: [id],
  });
  return row === undefined ? null : toReceipt(row);
}

/** All receipts for this id, oldest first. Every receipt has a salt of its own, so each is tried: about a second per million. */
export async function findReceipts(database: Database, externalId: string): Promise<Receipt[]> {
  const rows = await database.query<ReceiptRow>({
    name: 'find_receipts',
    text: `
      select ${RECEIPT}
      from erasures as e
      where e.hash = sha256(e.salt || convert_to($1, 'UTF8'))
      order by e.erased_at, e.id`,
    values: [externalId],
  });
  return rows.map(toReceipt);
}

/**
 * Makes tombstones of numbered changes: the position and the instant stay, and for the exits of an erasure also the segment, for readers who
 * have missed them. `filter` is over `changes as c` with $1.
 */
export function blankChanges(filter: 'customer_id = $1::bigint' | 'erasure_id = any($1::uuid[])', value: unknown): Statement {
  return {
    name: `blank_changes_by_${filter.split(' ')[0]}`,
    text: `
      update changes as c
      set type = 'erased', segment_id = ${filter.startsWith('erasure_id') ? 'c.segment_id' : 'null'}, customer_id = null, version = null, cause = null, since = null, since_version = null,
        pin_log_id = null, seen = null, erasure_id = null
      where c.${filter}`,
    values: [value],
  };
}

/** The answers of webhook receivers may repeat what they were sent, in whatever form: all of them are deleted. */
export const FORGET_RECEIVED: Statement = {
  name: 'forget_received',
  text: 'update deliveries as d set answer = null where d.answer is not null',
};

/** SQL: erasures whose exits may be blanked at $1, where every webhook has passed $2, and the condition says that they have their numbers. */
function exitsToBlank(areNumbered: string): string {
  return `
    select e.id
    from erasures as e
    where e.blanked_at is null
      and (
        e.blank_at <= coalesce($1::timestamptz, clock_timestamp())
        or (
          e.erased_at <= coalesce($1::timestamptz, clock_timestamp()) - ${LEAST_EXITS_MS} * interval '1 millisecond'
          and not exists (select from changes as c where c.erasure_id = e.id and c.position > $2::bigint)
          and $2::bigint is not null
        )
      )
      ${areNumbered}
    order by e.blank_at, e.id
    limit ${BLANKED_AT_ONCE}`;
}

const BLANKED_AT_ONCE = 100;
/** However fast the webhooks are: those who poll the feed are to get the exits, too. */
const LEAST_EXITS_MS = DAY_MS;

/**
 * Blanks the exits whose time has come, and with them the last record of whose they were: when every webhook has passed them
 * (`passedPosition`; null: there is none), but after a day at the earliest and at `blank_at` at the latest. An exit without a number waits for
 * it. In one transaction, so after an interruption it begins again. → how many erasures are complete
 */
export async function blankDueExits(database: Database, clock: Clock, passedPosition: string | null = null): Promise<number> {
  const now = fixedIso(clock);
  return inTransaction(database, async (client) => {
    const rows = await asQueryable(client).query<{ id: string }>({
      name: 'find_exits_to_blank',
      text: exitsToBlank('and not exists (select from outbox as o where o.customer_id = 0 and o.erasure_id = e.id)'),
      textOnCitus: exitsToBlank(
        'and e.id <> all(array(select o.erasure_id from outbox as o where o.customer_id = 0 and o.erasure_id is not null))',
      ),
      values: [now, passedPosition],
    });
    if (rows.length === 0) return 0;
    const ids = rows.map((row) => row.id);
    await pipeline(client, [
      blankChanges('erasure_id = any($1::uuid[])', ids),
      FORGET_RECEIVED,
      {
        name: 'blank_erasures',
        text: `
          update erasures as e
          set customer_id = null, external_id = null, blanked_at = coalesce($2::timestamptz, date_trunc('milliseconds', clock_timestamp()))
          where e.id = any($1::uuid[]) and e.blanked_at is null`,
        values: [ids, now],
      },
      // a run's last cursor is a customer's key, and may be that of an erased one
      { name: 'clear_ended_places', text: 'update runs as r set cursor = null where r.finished_at is not null and r.cursor is not null' },
    ]);
    return ids.length;
  });
}

/** When the next exits are to be blanked, in epoch milliseconds; null: none are waiting. */
export async function nextBlankMs(database: Database): Promise<number | null> {
  const [row] = await database.query<{ blank_at: number | null }>({
    name: 'next_blank',
    text: 'select min(e.blank_at) as blank_at from erasures as e where e.blanked_at is null',
  });
  return row?.blank_at ?? null;
}
