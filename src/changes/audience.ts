// In charge of who waits for which changes: those that want the same are grouped, so that a change is matched once for all of them, and
// groups are found by the change's customer and segment. A change costs as much as there are those who want it, however many wait.
import { type FeedFilter, nameOf } from './feed-filter.ts';
import type { Change } from './read-changes.ts';

interface Group<Member> {
  readonly filter: FeedFilter;
  readonly members: Set<Member>;
}

/** What all members of one group get: the same array, so that whatever is made from it is made once. */
export interface Share<Member> {
  readonly members: readonly Member[];
  readonly changes: readonly Change[];
}

export class Audience<Member> {
  readonly #groups = new Map<string, Group<Member>>();
  readonly #ofEverything = new Set<Group<Member>>();
  readonly #bySegment = new Map<string, Set<Group<Member>>>();
  readonly #byCustomer = new Map<string, Set<Group<Member>>>();

  add(filter: FeedFilter, member: Member): void {
    const name = nameOf(filter);
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { filter, members: new Set() };
      this.#groups.set(name, group);
      for (const place of this.#placesOf(filter)) place.add(group);
    }
    group.members.add(member);
  }

  delete(filter: FeedFilter, member: Member): void {
    const name = nameOf(filter);
    const group = this.#groups.get(name);
    if (group === undefined || !group.members.delete(member) || group.members.size > 0) return;
    this.#groups.delete(name);
    for (const place of this.#placesOf(filter)) place.delete(group);
    for (const key of filter.segments?.keys() ?? []) if (this.#bySegment.get(key)?.size === 0) this.#bySegment.delete(key);
    const id = filter.customer?.id;
    if (id !== undefined && this.#byCustomer.get(id)?.size === 0) this.#byCustomer.delete(id);
  }

  /** Who wants any of these changes, and which; with the members as they are now. */
  sharesOf(changes: readonly Change[]): Share<Member>[] {
    const wanted = new Map<Group<Member>, Change[]>();
    const give = (group: Group<Member>, change: Change) => {
      const own = wanted.get(group);
      if (own === undefined) wanted.set(group, [change]);
      else own.push(change);
    };
    for (const change of changes) {
      if (change.segment !== null) for (const group of this.#bySegment.get(change.segment) ?? []) give(group, change);
      if (change.customerId === null) continue;
      for (const group of this.#byCustomer.get(change.customerId) ?? []) {
        const { segments } = group.filter;
        if (segments === null || (change.segment !== null && segments.has(change.segment))) give(group, change);
      }
    }
    const shares = [...wanted].map(([{ members }, own]) => ({ members: [...members], changes: own as readonly Change[] }));
    for (const { members } of changes.length === 0 ? [] : this.#ofEverything) shares.push({ members: [...members], changes });
    return shares;
  }

  *#placesOf({ segments, customer }: FeedFilter): Iterable<Set<Group<Member>>> {
    if (customer !== null) yield placeIn(this.#byCustomer, customer.id);
    else if (segments !== null) for (const key of segments.keys()) yield placeIn(this.#bySegment, key);
    else yield this.#ofEverything;
  }
}

function placeIn<Member>(places: Map<string, Set<Group<Member>>>, name: string): Set<Group<Member>> {
  const known = places.get(name);
  if (known !== undefined) return known;
  const made = new Set<Group<Member>>();
  places.set(name, made);
  return made;
}
