// In charge of what many objects of one answer ask for at once: gathered per tick, asked in one statement. One set of loaders serves one
// operation, so nothing is remembered beyond it.
import DataLoader from 'dataloader';
import { allowsSegment, type Caller, onlyAllowed, requireSegments } from '../../access/caller.ts';
import type { Database } from '../../db/database.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import type { CustomerKey } from '../../ingest/facts.ts';
import { readCustomers, type WireCustomer } from '../../ingest/read-customers.ts';
import { listEventsOf } from '../../ingest/read-events.ts';
import { listOrdersOf } from '../../ingest/read-orders.ts';
import { fixedIso } from '../../membership/due.ts';
import { lookAgain } from '../../membership/look-again.ts';
import { readMembersOf } from '../../membership/read-members-of.ts';
import { readSegmentsOf, type SegmentsOf } from '../../membership/read-segments-of.ts';
import { getGroups } from '../../segments/groups.ts';
import { getSegments } from '../../segments/segments.ts';
import type { Strata } from '../../strata.ts';
import { encodeCursor, type Page, page } from '../rest/cursor.ts';
import { groupOut } from '../rest/groups.ts';
import { memberOut } from '../rest/members.ts';
import { segmentOut } from '../rest/segment-schemas.ts';
import { instant } from '../rest/wire.ts';
import type { PersonalReads } from './personal-reads.ts';

/** One of several lists of the same length. */
interface FirstOf {
  readonly id: string;
  readonly first: number;
  /** of events: only of this name */
  readonly name?: string | null;
}

export type Loaders = ReturnType<typeof makeLoaders>;

/** What is read past the routes of REST is noted in `personal`; of customers only where personal fields are answered. */
export function makeLoaders(strata: Strata, reads: Database, caller: Caller, personal: PersonalReads, seesCustomers: boolean) {
  const { database } = strata;
  return {
    customer: new DataLoader<string, WireCustomer | null>(async (ids) => {
      const byId = new Map((await readCustomers(reads, ids)).map((customer) => [customer.id, customer]));
      if (seesCustomers) personal.note('getCustomer', byId.keys());
      return ids.map((id) => byId.get(id) ?? null);
    }),
    segment: new DataLoader<string, ReturnType<typeof segmentOut> | null>(async (keys) => {
      const byKey = new Map(
        (
          await getSegments(
            database,
            keys.filter((key) => allowsSegment(caller, key)),
          )
        ).map((each) => [each.key, each]),
      );
      return keys.map((key) =>
        orError(() => {
          requireSegments(caller, [key]);
          const segment = byKey.get(key);
          return segment === undefined ? null : segmentOut(segment);
        }),
      );
    }),
    group: new DataLoader<string, ReturnType<typeof groupOut> | null>(async (keys) => {
      const byKey = new Map((await getGroups(database, keys)).map((group) => [group.key, group]));
      return keys.map((key) => {
        const group = byKey.get(key);
        if (group === undefined) return null;
        const shown = groupOut(group, caller);
        return shown.segments.length === 0 && shown.otherwise === null ? null : shown; // none of its segments is the caller's
      });
    }),
    segmentsOf: new DataLoader<string, readonly object[]>(async (ids) => {
      const found = await readCurrentSegments(strata, reads, ids.map(customerKey));
      return ids.map((id) => onlyAllowed(caller, found.get(customerKey(id))?.segments ?? [], ({ key }) => key).map(customerSegmentOut));
    }),
    orders: firstPages(async (ids, { first }) => {
      const orders = await listOrdersOf(reads, ids, first + 1);
      personal.note('listOrders', ids);
      return (id) =>
        page(
          orders.get(id) ?? [],
          first,
          (order) => order,
          (last) => encodeCursor('orders', [Date.parse(last.placedAt), last.id]),
        );
    }),
    events: firstPages(async (ids, { first, name }) => {
      const events = await listEventsOf(reads, ids, { limit: first + 1, name: name ?? null });
      personal.note('listEvents', ids);
      return (id) =>
        page(
          events.get(id) ?? [],
          first,
          (event) => event,
          (last) => encodeCursor('events', [Date.parse(last.occurredAt), last.id]),
        );
    }),
    members: firstPages(async (keys, { first }) => {
      requireSegments(caller, keys);
      const members = await readMembersOf(reads, keys, { limit: first + 1, asOfIso: fixedIso(strata) });
      return (key) => page(members.get(key) ?? [], first, memberOut, (last) => encodeCursor('members', [last.customerKey]));
    }),
  };
}

/** Whoever is due is evaluated first, as when one customer is read. */
async function readCurrentSegments(
  strata: Strata,
  reads: Database,
  keys: readonly CustomerKey[],
): Promise<ReadonlyMap<CustomerKey, SegmentsOf>> {
  const found = await readSegmentsOf(reads, keys, fixedIso(strata));
  const due = [...found].filter(([, { isDue }]) => isDue).map(([key]) => key);
  if (due.length === 0) return found;
  if ((await lookAgain(strata, { keys: due, cause: 'time' })) > 0) strata.publisher.poke();
  return new Map([...found, ...(await readSegmentsOf(strata.database, due, fixedIso(strata)))]);
}

function customerSegmentOut({ sinceMs, ...segment }: SegmentsOf['segments'][number]): object {
  return { ...segment, since: instant(sinceMs) };
}

/** Lists of one length are asked for together. */
function firstPages(read: (ids: readonly string[], of: FirstOf) => Promise<(id: string) => Page<unknown>>) {
  return new DataLoader<FirstOf, Page<unknown>, string>(
    async (wanted) => {
      const kinds = Map.groupBy(wanted, ({ first, name }) => JSON.stringify([first, name ?? null]));
      const pages = new Map<FirstOf, Page<unknown>>();
      for (const same of kinds.values()) {
        const [one] = same;
        if (one === undefined) continue;
        const pageOf = await read(
          same.map(({ id }) => id),
          one,
        );
        for (const each of same) pages.set(each, pageOf(each.id));
      }
      return wanted.map((each) => pages.get(each) as Page<unknown>);
    },
    { cacheKeyFn: ({ id, first, name }) => JSON.stringify([id, first, name ?? null]) },
  );
}

function orError<Value>(work: () => Value): Value | Error {
  try {
    return work();
  } catch (error) {
    return error as Error;
  }
}
