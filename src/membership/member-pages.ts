// In charge of pages of members requested at the same moment: those of one kind are read by one statement. What a page holds and how it is
// read is read-members-of.ts.

import type { Clock } from '../base/clock.ts';
import { Gatherer } from '../base/gatherer.ts';
import { fixedIso } from '../db/as-of.ts';
import type { Database } from '../db/database.ts';
import { isUnreachable } from '../db/unreachable.ts';
import type { CustomerSelection } from '../ingest/read-customers.ts';
import { type MemberOf, type MembersPlace, readMembersOf } from './read-members-of.ts';

/** A page, with the fields of its customers that are wanted. */
export interface MembersPage extends MembersPlace {
  readonly limit: number;
  readonly customer: CustomerSelection;
}

type Members = readonly MemberOf[];

/**
 * Each of four pages of 50 in one statement takes two thirds of the CPU of a page read alone, each of sixteen half (10,000 customers, 22 November
 * 2026).
 */
const TOGETHER = 64;
const LANES = 2;
/** The most members in one statement, so that a small page does not wait as long as many large ones take. */
const MEMBERS_TOGETHER = 1000;

export class MemberPages {
  readonly #clock: Clock;
  readonly #sources = new WeakMap<Database, Gatherer<MembersPage, Members>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In order of the customers' keys. */
  read(reads: Database, page: MembersPage): Promise<Members> {
    return this.#sourceOf(reads).add(page);
  }

  #sourceOf(reads: Database): Gatherer<MembersPage, Members> {
    let source = this.#sources.get(reads);
    if (source === undefined) {
      const run = (pages: readonly MembersPage[]) => this.#read(reads, pages);
      source = new Gatherer({ limit: TOGETHER, lanes: LANES, keysOf: () => [], isNobodysFault: isUnreachable, run });
      this.#sources.set(reads, source);
    }
    return source;
  }

  async #read(reads: Database, pages: readonly MembersPage[]): Promise<readonly Members[]> {
    const asOfIso = fixedIso(this.#clock);
    const found = new Map<MembersPage, Members>();
    const read = async (same: readonly MembersPage[]): Promise<void> => {
      const [one] = same;
      if (one === undefined) return;
      const members = await readMembersOf(reads, same, { ...one, asOfIso });
      for (const [index, page] of same.entries()) found.set(page, members[index] ?? []);
    };
    const kinds = Map.groupBy(pages, ({ limit, customer }) => `${limit} ${customer.number}`);
    await Promise.all([...kinds.values()].flatMap(toStatements).map(read));
    return pages.map((page) => found.get(page) ?? []);
  }
}

/** Divides pages of one kind into as many as go into one statement. */
function toStatements(same: readonly MembersPage[]): (readonly MembersPage[])[] {
  const each = Math.max(1, Math.floor(MEMBERS_TOGETHER / (same[0]?.limit ?? 1)));
  return Array.from({ length: Math.ceil(same.length / each) }, (_, index) => same.slice(index * each, (index + 1) * each));
}
