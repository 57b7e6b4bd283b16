// In charge of how fast runs over everybody go: at full speed while nobody else decides, and otherwise in short pieces with rests between them,
// so that a write neither waits long for a customer nor shares the processors with more than a sixth of a run. Not of what a piece does.
import { startStopwatch } from '../base/clock.ts';
import type { Deciding } from './in-decision.ts';

/** Somebody who decided within the last second is assumed to go on. */
const COMPANY_SECONDS = 1;
/** Short, so that it is soon known whether anybody else decides. */
const FIRST_CHUNK_CUSTOMERS = 2_000;
const FIRST_PIECE_CUSTOMERS = 200;
const LEAST_CHUNK_CUSTOMERS = 500;
const LEAST_PIECE_CUSTOMERS = 25;
/** How long a piece may hold its customers' locks: all writes queued behind one that waits for a customer wait too, in two lanes per process. */
const HELD_BESIDE_SECONDS = 0.012;
const SCAN_BESIDE_SECONDS = 0.03;
/**
 * The rest after a piece of work, as a multiple of the time it took; if it took long because the machine is busy, not all of it is rested (see
 * `MOST_REST_SECONDS`). What slows a write is a step under way at the same moment: with steps of 20 and 50 ms and rests of three times the work
 * p99 of an order was 1.56 times of alone, with these 1.13, and a publish takes two fifths longer (S, eighty orders a second, 23 November 2026).
 */
const REST_SHARE = 5;
/**
 * How long a run listens before it begins: a shop that takes eighty orders a second is never silent for that long, not even when the publish has
 * just held up all of them, and nobody minds if a run starts a moment later. After 50 ms a run could take itself for alone: its second chunk was
 * ten times as large, and four orders at a time took 120 to 200 ms beside it instead of 8 (S, 23 November 2026).
 */
const LISTENING_MS = 150;
const MOST_REST_SECONDS = 0.5;

export interface PaceLimits {
  readonly chunkCustomers: number;
  readonly pieceCustomers: number;
}

/** What one step of a run did. */
export interface Step {
  readonly customers: number;
  readonly seconds: number;
}

export class RunPace {
  readonly #deciding: Deciding;
  readonly #limits: PaceLimits;
  #chunkCustomers: number;
  #pieceCustomers: number;
  #decisions: bigint;
  #ownDecisions = 0n;
  #sinceCompany: (() => number) | null = null;

  private constructor(deciding: Deciding, limits: PaceLimits, decisions: bigint) {
    this.#deciding = deciding;
    this.#limits = limits;
    this.#decisions = decisions;
    this.#chunkCustomers = Math.min(FIRST_CHUNK_CUSTOMERS, limits.chunkCustomers);
    this.#pieceCustomers = Math.min(FIRST_PIECE_CUSTOMERS, limits.pieceCustomers);
  }

  /** First finds out whether anybody else decides. */
  static async begin(deciding: Deciding, limits: PaceLimits, signal: AbortSignal): Promise<RunPace> {
    const pace = new RunPace(deciding, limits, await readDecisions(deciding));
    if (deciding.clock.fixedMs() === null) await deciding.clock.sleep(LISTENING_MS, signal);
    await pace.#look();
    return pace;
  }

  get chunkCustomers(): number {
    return this.#chunkCustomers;
  }

  get pieceCustomers(): number {
    return this.#pieceCustomers;
  }

  /** Nobody else, in any process, has decided anything for a second: no writes, no looks, no moves by hand. */
  get isAlone(): boolean {
    return this.#sinceCompany === null;
  }

  /** A chunk was scanned. Rests if others decide. */
  async scanned({ customers, seconds }: Step, signal: AbortSignal): Promise<void> {
    await this.#look();
    const { chunkCustomers } = this.#limits;
    this.#chunkCustomers = this.isAlone
      ? chunkCustomers
      : resize(customers, seconds, SCAN_BESIDE_SECONDS, LEAST_CHUNK_CUSTOMERS, chunkCustomers);
    await this.#rest(seconds, signal);
  }

  /** A piece was applied by a decision of its own, its customers locked for `heldSeconds`. Rests if others decide. */
  async applied({ customers, seconds, heldSeconds }: Step & { readonly heldSeconds: number }, signal: AbortSignal): Promise<void> {
    this.#ownDecisions += 1n;
    await this.#look();
    const { pieceCustomers } = this.#limits;
    this.#pieceCustomers = this.isAlone
      ? Math.min(this.#pieceCustomers * 2, pieceCustomers) // somebody who comes now waits for one piece at most
      : resize(customers, heldSeconds, HELD_BESIDE_SECONDS, LEAST_PIECE_CUSTOMERS, pieceCustomers);
    await this.#rest(seconds, signal);
  }

  /**
   * Every decision draws a number: those that are not ours are somebody else's. A repeated one of ours is taken for somebody else's for a
   * second.
   */
  async #look(): Promise<void> {
    const decisions = await readDecisions(this.#deciding);
    if (decisions - this.#decisions > this.#ownDecisions) this.#sinceCompany = startStopwatch();
    else if (this.#sinceCompany !== null && this.#sinceCompany() > COMPANY_SECONDS) this.#sinceCompany = null;
    this.#decisions = decisions;
    this.#ownDecisions = 0n;
  }

  /** Under a clock that stands still there is no rest: nothing would wake us. */
  async #rest(seconds: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deciding;
    if (this.isAlone || clock.fixedMs() !== null) return;
    await clock.sleep(Math.min(seconds * REST_SHARE, MOST_REST_SECONDS) * 1000, signal);
  }
}

/** How many customers would have taken the target time; at most twice as many as before, since one step may have been lucky. */
function resize(customers: number, seconds: number, targetSeconds: number, least: number, most: number): number {
  const times = Math.min(targetSeconds / Math.max(seconds, 0.0001), 2);
  return Math.min(Math.max(Math.round(customers * times), least), most);
}

async function readDecisions({ database }: Deciding): Promise<bigint> {
  const [row] = await database.query<{ decision: string }>({
    name: 'last_decision',
    text: 'select d.last_value as decision from decisions as d',
  });
  if (row === undefined) throw new Error('the decisions have no sequence');
  return BigInt(row.decision);
}
