// In charge of the table of idempotency keys: who may do the work of a key, whether it is done, and its answer, for a day. Requests that claim
// in the same tick share a transaction. What a request does with it is api/rest/record-call.ts.
//
//   claim ─► ours: the work runs ─► finished in the write's transaction ─► the answer kept, there or after
//         ├► done: the answer again            └► refused, or never committed: released
//         └► somebody else's lease runs · the key came with another request before
import { hash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { HOUR_MS } from '../base/durations.ts';
import { Gatherer } from '../base/gatherer.ts';
import { uuidv7 } from '../base/uuid.ts';
import { fixedIso } from '../db/as-of.ts';
import type { Database, Statement } from '../db/database.ts';
import { endWith, inTransactionWith } from '../db/transaction.ts';
import { isUnreachable } from '../db/unreachable.ts';

export const KEPT_HOURS = 24;
/**
 * How long the key of a process that died stays locked. A request that takes longer is not cut off, but may be overtaken: then it does not
 * commit.
 */
export const LEASE_MS = 30_000;
const CLAIMED_TOGETHER = 64;
const CLAIM_LANES = 2;

export interface Claim {
  readonly id: Buffer;
  readonly holder: string;
}

export interface ClaimRequest {
  /** REST or GraphQL, and the operation */
  readonly operation: string;
  /** who calls: another caller's key is another key */
  readonly caller: string;
  readonly key: string;
  /** all of the request, as text */
  readonly content: string;
}

export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** its `token` is to be made from this; null: it has one */
  readonly decision: string | null;
}

export type Claimed =
  | { readonly kind: 'ours'; readonly claim: Claim }
  | { readonly kind: 'running' }
  /** null: it is not kept */
  | { readonly kind: 'done'; readonly answer: KeptAnswer | null }
  | { readonly kind: 'other_request' };

interface Wanted {
  readonly id: Buffer;
  readonly request: Buffer;
  readonly holder: string;
}

export class Claims {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #gatherer: Gatherer<Wanted, Claimed>;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#gatherer = new Gatherer({
      limit: CLAIMED_TOGETHER,
      lanes: CLAIM_LANES,
      keysOf: ({ id }) => [id.toString('base64')],
      isNobodysFault: isUnreachable,
      run: (wanted) => claimTogether(database, clock, wanted),
    });
  }

  async claim({ operation, caller, key, content }: ClaimRequest): Promise<Claimed> {
    const id = hash('sha256', JSON.stringify([operation, caller, key]), 'buffer');
    const request = hash('sha256', JSON.stringify([key, content]), 'buffer'); // the request might be guessed from a hash, but not together with the key
    const holder = uuidv7(this.#clock.nowMs());
    try {
      return await this.#gatherer.add({ id, request, holder });
    } catch (error) {
      await this.release({ id, holder }).catch(() => undefined); // the claim may have been committed, and nobody should have to wait for its lease to run out
      throw error;
    }
  }

  /** Nothing was done: the key may be used again. If the work was committed after all, the row says so and stays. */
  async release({ id, holder }: Claim): Promise<void> {
    await this.#database.query({
      name: 'release_claim',
      text: 'delete from idempotency_keys as k where k.id = $1 and k.holder = $2::uuid and k.done_at is null',
      values: [id, holder],
    });
  }

  /** Keeps the answer of work that is done, unless an erasure came in between. */
  async keep({ id, holder }: Claim, answer: Omit<KeptAnswer, 'decision'>): Promise<void> {
    await this.#database.query({
      name: 'keep_answer',
      text: `
        update idempotency_keys as k
        set status = $3, headers = $4::jsonb, answer = $5
        where k.id = $1 and k.holder = $2::uuid and k.done_at is not null and k.is_kept`,
      values: [id, holder, answer.status, JSON.stringify(answer.headers), JSON.stringify(answer.body)],
    });
  }
}

const NOW = 'coalesce($1::timestamptz, clock_timestamp())';

const CLAIM = `
  insert into idempotency_keys as k (id, request, holder, leased_until, made_at)
  select decode(w.id, 'hex'), decode(w.request, 'hex'), w.holder, ${NOW} + interval '${LEASE_MS} milliseconds', ${NOW}
  from jsonb_to_recordset($2::jsonb) as w (id text, request text, holder uuid)
  on conflict (id) do update
  set request = excluded.request, holder = excluded.holder, leased_until = excluded.leased_until, made_at = excluded.made_at,
    done_at = null, status = null, headers = null, answer = null, decision = null, is_kept = true, customers = '{}'
  where k.made_at <= (select ${NOW} - interval '${KEPT_HOURS} hours')
    or (k.done_at is null and k.request = excluded.request and (
      k.leased_until <= (select ${NOW}) or k.leased_until > (select ${NOW} + interval '${2 * LEASE_MS} milliseconds') or k.holder = excluded.holder
    ))
  returning k.id`;

const COMMIT_UNFLUSHED: Statement = { name: 'commit_unflushed', text: `select set_config('synchronous_commit', 'off', true)` };

const READ = `
  select k.id, k.request, k.done_at is not null as is_done, k.status, k.headers, k.answer, k.decision
  from idempotency_keys as k
  where k.id = any($1::bytea[])`;

interface KeyRow {
  id: Buffer;
  request: Buffer;
  is_done: boolean;
  status: number | null;
  headers: Record<string, string> | null;
  answer: string | null;
  decision: string | null;
}

/**
 * A lease that ends later than any that is taken now was taken before the clock was set back.
 *
 * In order of id, as for finishing, so that nobody waits in a circle. The commit does not wait for the disk: a claim lost in a crash of the
 * server has committed no work. The same holder claiming again, as after a commit whose answer was lost, still has its claim.
 */
async function claimTogether(database: Database, clock: Clock, wanted: readonly Wanted[]): Promise<readonly Claimed[]> {
  const inOrder = [...wanted].sort((a, b) => a.id.compare(b.id));
  const rows = inOrder.map(({ id, request, holder }) => ({ id: id.toString('hex'), request: request.toString('hex'), holder }));
  const first = [COMMIT_UNFLUSHED, { name: 'claim_keys', text: CLAIM, values: [fixedIso(clock), JSON.stringify(rows)] }];
  return inTransactionWith(database, first, async (client, [, taken = []]) => {
    const ours = new Set(taken.map((row) => String((row['id'] as Buffer).toString('hex'))));
    const others = inOrder.filter(({ id }) => !ours.has(id.toString('hex')));
    const { rows: found } =
      others.length === 0
        ? { rows: [] }
        : await client.query<KeyRow>({ name: 'read_keys', text: READ, values: [others.map(({ id }) => id)] });
    const byId = new Map(found.map((row) => [row.id.toString('hex'), row]));
    const claimed = wanted.map(({ id, request, holder }): Claimed => {
      const hex = id.toString('hex');
      return ours.has(hex) ? { kind: 'ours', claim: { id, holder } } : judge(byId.get(hex), request);
    });
    return endWith([], claimed);
  });
}

function judge(row: KeyRow | undefined, request: Buffer): Claimed {
  if (row === undefined) return { kind: 'running' }; // released just in between: the next try gets it
  if (!row.request.equals(request)) return { kind: 'other_request' };
  if (!row.is_done) return { kind: 'running' };
  if (row.answer === null || row.status === null) return { kind: 'done', answer: null };
  const { status, headers, answer, decision } = row;
  return { kind: 'done', answer: { status, headers: headers ?? {}, body: JSON.parse(answer), decision } };
}

export interface FinishedClaim {
  readonly claim: Claim;
  readonly atMs: number;
  /** whom the answer may name */
  readonly customers: readonly string[];
  readonly answer: { readonly status: number; readonly decision: string; readonly body: unknown } | null;
  /** false: the answer is never to be stored */
  readonly isKept: boolean;
}

/** For the write's own transaction. → a row for each claim that was still the holder's */
export function finishClaims(finished: readonly FinishedClaim[]): Statement {
  const rows = finished
    .toSorted((a, b) => a.claim.id.compare(b.claim.id))
    .map(({ claim, atMs, customers, answer, isKept }) => ({
      id: claim.id.toString('hex'),
      holder: claim.holder,
      done_at: new Date(atMs).toISOString(),
      status: answer?.status ?? null,
      answer: answer === null ? null : JSON.stringify(answer.body),
      decision: answer?.decision ?? null,
      is_kept: isKept,
      customers,
    }));
  return {
    name: 'finish_claims',
    text: `
      update idempotency_keys as k
      set done_at = f.done_at, status = f.status, answer = f.answer, decision = f.decision, is_kept = f.is_kept, customers = f.customers
      from jsonb_to_recordset($1::jsonb) as f
        (id text, holder uuid, done_at timestamptz, status smallint, answer text, decision bigint, is_kept boolean, customers bigint[])
      where k.id = decode(f.id, 'hex') and k.holder = f.holder and k.done_at is null
      returning k.id`,
    values: [JSON.stringify(rows)],
  };
}

/** In `customers` of an answer that may name anybody else: every erasure removes it. No customer has this key (it is a tombstone's). */
export const ANYBODY = '0';

/** For an erasure: the answer goes, but not the fact that the work was done. */
export function forgetKeptAnswers(customerKey: string): Statement {
  return {
    name: 'forget_kept_answers',
    text: `
      update idempotency_keys as k
      set status = null, headers = null, answer = null, is_kept = false, customers = '{}'
      where k.customers && array[$1::bigint, ${ANYBODY}] and k.customers <> '{}'`,
    values: [customerKey],
  };
}

const TRIMMED_AT_ONCE = 5_000;

/** Deletes a piece of the keys older than a day. → how many */
export async function trimKeys(database: Database, nowMs: number): Promise<number> {
  const rows = await database.query({
    name: 'trim_keys',
    text: `
      delete from idempotency_keys as k
      where k.id = any(array(
        select o.id
        from idempotency_keys as o
        where o.made_at < $1::timestamptz
        order by o.made_at
        limit ${TRIMMED_AT_ONCE}
      ))
      returning 1`,
    values: [new Date(nowMs - KEPT_HOURS * HOUR_MS).toISOString()],
  });
  return rows.length;
}
