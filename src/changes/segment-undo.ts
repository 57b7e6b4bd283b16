// In charge of what the numbered changes of one segment say about who was in it at a position, or at an instant: for each customer, the first
// change after it. Each change is read once, however many pages of that moment ask, and during a mass publish there are hundreds of thousands.
// At most so many customers are held, in order of their keys from a first one on. Not of memberships (read-snapshot.ts).
import type { Queryable } from '../db/database.ts';
import { GREATEST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { positionBefore } from './marks.ts';
import { readFeedEnd } from './read-changes.ts';
import { segmentRange } from './segment-range.ts';

/** For one moment: 15 MB. Beyond that the customers with the highest keys are forgotten, and read when the pages come to them. */
export const HELD_CUSTOMERS_MAX = 200_000;
/** How many moments of one database can be paged through at a time; others are read again. */
const KEPT_UNDOS = 4;
/** Some 20 ms of this process in one go. */
const READ_TOGETHER = 5_000;
/** Keys are hashes, so each bucket gets its share. */
const BUCKETS = 4096;

/** Changes after a position are undone, or those with an instant later than one in epoch milliseconds. */
export type Undone = { readonly segmentId: number } & (
  | { readonly position: string; readonly afterMs: null }
  | { readonly position: null; readonly afterMs: number }
);

export interface FirstChange {
  readonly type: 'entered' | 'exited';
  readonly position: number;
}

interface ChangeRow {
  position: string;
  customer_id: CustomerKey;
  type: 'entered' | 'exited';
}

export class SegmentUndo {
  readonly of: Undone;
  readonly #first: number;
  readonly #mostHeld: number;
  readonly #buckets = new Map<number, Map<CustomerKey, FirstChange>>();
  #last = BUCKETS - 1;
  #held = 0;
  /** null: nothing has been read */
  #readTo: string | null;
  #turn: Promise<unknown> = Promise.resolve();

  /** For customers after a key. */
  constructor(of: Undone, afterKey: CustomerKey, mostHeld: number) {
    this.of = of;
    this.#first = bucketBehind(afterKey);
    this.#mostHeld = mostHeld;
    this.#readTo = of.position;
  }

  /** Whether changes of the customers right after the key are held here. */
  covers(afterKey: CustomerKey): boolean {
    return bucketBehind(afterKey) >= this.#first && BigInt(afterKey) < BigInt(this.upToKey);
  }

  /** What is known goes up to this customer. */
  get upToKey(): CustomerKey {
    return this.#last === BUCKETS - 1 ? GREATEST_KEY : String(((BigInt(this.#last) - BigInt(BUCKETS / 2) + 1n) << 52n) - 1n);
  }

  /** Changes up to here are known. */
  get readTo(): string {
    if (this.#readTo === null) throw new Error('no change has been read');
    return this.#readTo;
  }

  /** One page at a time. */
  alone<Value>(work: () => Promise<Value>): Promise<Value> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Reads what has been added to the feed since. */
  async readOn(database: Queryable): Promise<void> {
    let readTo = this.#readTo ?? (await readPositionBefore(database, this.of));
    const end = await readFeedEnd(database);
    while (BigInt(readTo) < BigInt(end)) {
      const rows = await database.query<ChangeRow>({
        name: 'read_changes_to_undo',
        text: `
          select c.position, c.customer_id, c.type
          from changes as c
          where ${segmentRange('c', '$1::integer', '$2::bigint', '$3::bigint')} and c.customer_id is not null
            and ${laterThan('c.at', '$5')}
          order by c.segment_id, c.position
          limit $4`,
        values: [this.of.segmentId, readTo, end, READ_TOGETHER, instantOf(this.of)],
      });
      for (const row of rows) this.#note(row);
      readTo = rows.length < READ_TOGETHER ? end : (rows.at(-1)?.position ?? end);
      this.#readTo = readTo;
    }
    this.#readTo = readTo;
  }

  #note({ customer_id: key, type, position }: ChangeRow): void {
    const at = bucketOf(key);
    if (at < this.#first || at > this.#last) return;
    const bucket = this.#buckets.get(at) ?? new Map<CustomerKey, FirstChange>();
    if (bucket.has(key)) return;
    this.#buckets.set(at, bucket.set(key, { type, position: Number(position) }));
    this.#held += 1;
    while (this.#held > this.#mostHeld && this.#last > this.#first) this.#forgetLast();
  }

  #forgetLast(): void {
    this.#held -= this.#buckets.get(this.#last)?.size ?? 0;
    this.#buckets.delete(this.#last);
    this.#last -= 1;
  }

  /** For customers after one key, up to and including another. */
  *between(afterKey: CustomerKey, upToKey: CustomerKey): Iterable<readonly [CustomerKey, FirstChange]> {
    const [after, upTo] = [BigInt(afterKey), BigInt(upToKey)];
    for (let at = bucketOf(afterKey); at <= bucketOf(upToKey); at += 1) {
      for (const entry of this.#buckets.get(at) ?? []) if (BigInt(entry[0]) > after && BigInt(entry[0]) <= upTo) yield entry;
    }
  }
}

function bucketOf(key: CustomerKey): number {
  return Number(BigInt(key) >> 52n) + BUCKETS / 2;
}

/** The bucket of the next key: one more would be past the last bucket only for the greatest key. */
function bucketBehind(afterKey: CustomerKey): number {
  return afterKey === GREATEST_KEY ? BUCKETS - 1 : bucketOf(String(BigInt(afterKey) + 1n));
}

const undosOf = new WeakMap<Queryable, Map<string, SegmentUndo>>();

/** No change that is undone comes before it. */
async function readPositionBefore(database: Queryable, of: Undone): Promise<string> {
  const [row] = await database.query<{ position: string }>({
    name: 'read_position_before',
    text: `select ${positionBefore('$1::timestamptz', 'inclusive')} as position`,
    values: [instantOf(of)],
  });
  if (row === undefined) throw new Error('no position was read');
  return row.position;
}

/** SQL: whether a change is undone. `instant`: the parameter whose value `instantOf` says. */
export function laterThan(at: string, instant: string): string {
  return `(${instant}::timestamptz is null or ${at} > ${instant}::timestamptz)`;
}

export function instantOf({ afterMs }: Undone): string | null {
  return afterMs === null ? null : new Date(afterMs).toISOString();
}

/** The one that pages of this moment have made already, or a new one. */
export function undoFor(database: Queryable, of: Undone, afterKey: CustomerKey, mostHeld: number): SegmentUndo {
  const undos = undosOf.get(database) ?? new Map<string, SegmentUndo>();
  undosOf.set(database, undos);
  const name = of.afterMs === null ? `${of.segmentId} ${of.position}` : `${of.segmentId} at ${of.afterMs}`;
  const known = undos.get(name);
  const undo = known?.covers(afterKey) ? known : new SegmentUndo(of, afterKey, mostHeld);
  undos.delete(name);
  undos.set(name, undo); // last in the map's order
  for (const oldest of undos.keys()) {
    if (undos.size <= KEPT_UNDOS) break;
    undos.delete(oldest);
  }
  return undo;
}
