// In charge of readers under the load: of customers' segments, in which nobody may ever be in two of one group, and of the feed, followed to its
// end in any process, without a gap or anything twice.
import { systemClock } from '../../src/base/clock.ts';
import type { SeededRandom } from '../../src/base/seeded-random.ts';
import type { Caller } from './caller.ts';
import { CREWS, crewOf, VALUE_GROUP } from './hands.ts';

const GROUPS = [
  [...VALUE_GROUP, 'guests'],
  ['left', 'right'],
];

/** → how many answers */
export async function readCustomers(
  caller: Caller,
  writers: readonly string[],
  random: SeededRandom,
  signal: AbortSignal,
): Promise<number> {
  let answers = 0;
  while (!signal.aborted) {
    const id = random.below(3) === 0 ? random.pick(crewOf(random.below(CREWS))) : `${random.pick(writers)}-c${random.below(8)}`;
    const answer = await caller.call('GET', `/v1/customers/${id}/segments`);
    if (answer.status === 200) {
      answers += 1;
      const keys: string[] = answer.body.segments.map((segment: { key: string }) => segment.key);
      for (const group of GROUPS) {
        const own = keys.filter((key) => group.includes(key));
        if (own.length > 1) caller.wrong.push(`${id} is in ${own.join(' and ')} in one answer`);
      }
    } else if (answer.status !== 404) await systemClock.sleep(100);
  }
  return answers;
}

export interface FeedChange {
  readonly position: number;
  readonly type: string;
  readonly segment: string | null;
  readonly customerId: string | null;
}

/** Follows the feed; what it has read so far stays, whatever process it asks next. */
export class FeedReader {
  readonly changes: FeedChange[] = [];
  #next: string | undefined;

  async follow(caller: Caller, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!(await this.readOn(caller, 2, signal))) await systemClock.sleep(100);
    }
  }

  /** One page. → whether an answer came */
  async readOn(caller: Caller, waitSeconds: number, signal?: AbortSignal): Promise<boolean> {
    const after = this.#next === undefined ? '' : `&after=${encodeURIComponent(this.#next)}`;
    const answer = await caller.call('GET', `/v1/changes?limit=1000&wait=${waitSeconds}${after}`, undefined, undefined, signal);
    if (answer.status !== 200) return false;
    for (const change of answer.body.data as FeedChange[]) {
      const expected = (this.changes.at(-1)?.position ?? 0) + 1;
      if (change.position !== expected) caller.wrong.push(`the feed went on with ${change.position} in the place of ${expected}`);
      this.changes.push(change);
    }
    this.#next = answer.body.next;
    return true;
  }
}
