// In charge of what many objects of one answer ask for at the same time: gathered per tick, read in one statement. One set of loaders serves one
// operation, so nothing is remembered beyond it.
import DataLoader from 'dataloader';
import { allowsSegment, type Caller, onlyAllowed, requireSegments } from '../../access/caller.ts';
import { fixedIso } from '../../db/as-of.ts';
import type { Database } from '../../db/database.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import type { CustomerKey } from '../../ingest/facts.ts';
import {
  type CustomerPart,
  type CustomerSelection,
  readCustomerParts,
  selectCustomer,
  WHOLE_CUSTOMER,
} from '../../ingest/read-customers.ts';
import { listEventsOf } from '../../ingest/read-events.ts';
import { listOrdersOf } from '../../ingest/read-orders.ts';
import { lookAgain } from '../../membership/look-again.ts';
import type { MemberOf } from '../../membership/read-members-of.ts';
import { readSegmentsOf, type SegmentsOf } from '../../membership/read-segments-of.ts';
import { getGroups } from '../../segments/groups.ts';
import { getSegments } from '../../segments/segments.ts';
import type { Strata } from '../../strata.ts';
import { encodeCursor, type Page, page } from '../rest/cursor.ts';
import { groupOut } from '../rest/groups.ts';
import { segmentOut } from '../rest/segment-schemas.ts';
import { instant } from '../rest/wire.ts';
import { OF_SEGMENT_KEY } from './links.ts';
import type { AskedFields } from './measure-document.ts';
import type { PersonalReads } from './personal-reads.ts';

/** The first page of one of several lists, all with pages of the same length. */
interface FirstOf {
  readonly id: string;
  readonly first: number;
  /** for events: only those with this name */
  readonly name?: string | null;
  /** for members: those after this customer */
  readonly afterKey?: CustomerKey | null;
}

export type Loaders = ReturnType<typeof makeLoaders>;

/** On a member: its customer, if it was read along with it. */
const READ_ALONG = Symbol('customer');

export interface LoaderParts {
  readonly strata: Strata;
  readonly reads: Database;
  readonly caller: Caller;
  /** Noted here: what is read without going through the routes of REST. */
  readonly personal: PersonalReads;
  /** personal fields are included in answers */
  readonly seesCustomers: boolean;
  /** the fields that the document asks for; null: all */
  readonly fields: AskedFields | null;
}

/** Keys of segments that have been read: keys never change, and no segment is ever removed. */
const seenSegments = new WeakMap<Strata, Set<string>>();

export function makeLoaders(parts: LoaderParts) {
  const selection = parts.fields === null ? WHOLE_CUSTOMER : selectCustomer(parts.fields.Customer);
  return { ...customerLoaders(parts, selection), ...segmentLoaders(parts), ...listLoaders(parts, selection) };
}

function customerLoaders({ reads, personal, seesCustomers }: LoaderParts, selection: CustomerSelection) {
  const noted = (customer: CustomerPart) => {
    if (seesCustomers) personal.note('getCustomer', [customer.id]);
    return customer;
  };
  const customer = new DataLoader<string, CustomerPart | null>(async (ids) => {
    const byId = new Map((await readCustomerParts(reads, ids, selection)).map((each) => [each.id, noted(each)]));
    return ids.map((id) => byId.get(id) ?? null);
  });
  return {
    customer,
    /** For an object that names a customer. Immediate if the customer was read along with it. */
    customerOf: (parent: { readonly customerId?: unknown; readonly [READ_ALONG]?: CustomerPart }) => {
      const { customerId, [READ_ALONG]: along } = parent;
      if (along !== undefined) return noted(along);
      return typeof customerId === 'string' ? customer.load(customerId) : null;
    },
  };
}

function segmentLoaders({ strata, reads, caller, fields }: LoaderParts) {
  const { database } = strata;
  const isKeyEnough = fields !== null && [...fields.Segment].every((field) => OF_SEGMENT_KEY.has(field));
  const seen = seenSegments.get(strata) ?? new Set();
  seenSegments.set(strata, seen);
  return {
    /** Used if the query asks for nothing about the segment but what its key is enough for; undefined: it has to be read. */
    segmentByKey: (key: unknown) =>
      isKeyEnough && typeof key === 'string' && seen.has(key) && allowsSegment(caller, key) ? { key } : undefined,
    noteSegment: (key: string) => seen.add(key),
    segment: new DataLoader<string, ReturnType<typeof segmentOut> | null>(async (keys) => {
      const allowed = keys.filter((key) => allowsSegment(caller, key));
      const byKey = new Map((await getSegments(database, allowed)).map((each) => [each.key, each]));
      for (const key of byKey.keys()) seen.add(key);
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
        return shown.segments.length === 0 && shown.otherwise === null ? null : shown; // the caller may see none of its segments
      });
    }),
    segmentsOf: new DataLoader<string, readonly object[]>(async (ids) => {
      const found = await readCurrentSegments(strata, reads, ids.map(customerKey));
      return ids.map((id) => onlyAllowed(caller, found.get(customerKey(id))?.segments ?? [], ({ key }) => key).map(customerSegmentOut));
    }),
  };
}

function listLoaders({ strata, reads, caller, personal }: LoaderParts, selection: CustomerSelection) {
  return {
    orders: firstPages(async (wanted, { first }) => {
      const ids = wanted.map(({ id }) => id);
      const orders = await listOrdersOf(reads, strata.currency, ids, first + 1);
      personal.note('listOrders', ids);
      const endOf = (last: { readonly placedAt: string; readonly id: string }) =>
        encodeCursor('orders', [Date.parse(last.placedAt), last.id]);
      return ({ id }) => page(orders.get(id) ?? [], first, (order) => order, endOf);
    }),
    events: firstPages(async (wanted, { first, name }) => {
      const ids = wanted.map(({ id }) => id);
      const events = await listEventsOf(reads, ids, { limit: first + 1, name: name ?? null });
      personal.note('listEvents', ids);
      const endOf = (last: { readonly occurredAt: string; readonly id: string }) =>
        encodeCursor('events', [Date.parse(last.occurredAt), last.id]);
      return ({ id }) => page(events.get(id) ?? [], first, (event) => event, endOf);
    }),
    members: firstPages(async (wanted, { first }) => {
      const segments = wanted.map(({ id }) => id);
      requireSegments(caller, segments);
      const limit = first + 1;
      const pages = await Promise.all(
        wanted.map(({ id, afterKey = null }) => strata.memberPages.read(reads, { segment: id, afterKey, limit, customer: selection })),
      );
      return (_each, index) => page(pages[index] ?? [], first, memberWith, (last) => encodeCursor('members', [last.customerKey]));
    }),
  };
}

/** Customers whose memberships are late are evaluated first, as when one customer is read. */
async function readCurrentSegments(
  strata: Strata,
  reads: Database,
  keys: readonly CustomerKey[],
): Promise<ReadonlyMap<CustomerKey, SegmentsOf>> {
  const found = await readSegmentsOf(reads, keys, fixedIso(strata.clock));
  const late = [...found].filter(([, { isLate }]) => isLate).map(([key]) => key);
  if (late.length === 0) return found;
  if ((await lookAgain(strata, { keys: late, cause: 'time' })) > 0) strata.publisher.poke();
  return new Map([...found, ...(await readSegmentsOf(strata.database, late, fixedIso(strata.clock)))]);
}

function customerSegmentOut({ sinceMs, ...segment }: SegmentsOf['segments'][number]): object {
  return { ...segment, since: instant(sinceMs) };
}

/** Lists with pages of the same length are read together. */
function firstPages(read: (wanted: readonly FirstOf[], of: FirstOf) => Promise<(each: FirstOf, index: number) => Page<unknown>>) {
  return new DataLoader<FirstOf, Page<unknown>, string>(
    async (wanted) => {
      const kinds = Map.groupBy(wanted, ({ first, name }) => JSON.stringify([first, name ?? null]));
      const pages = new Map<FirstOf, Page<unknown>>();
      for (const same of kinds.values()) {
        const [one] = same;
        if (one === undefined) continue;
        const pageOf = await read(same, one);
        for (const [index, each] of same.entries()) pages.set(each, pageOf(each, index));
      }
      return wanted.map((each) => pages.get(each) as Page<unknown>);
    },
    { cacheKeyFn: keyOf },
  );
}

function keyOf({ id, first, name, afterKey }: FirstOf): string {
  return JSON.stringify([id, first, name ?? null, afterKey ?? null]);
}

/** The form that REST has (members.ts), with the customer who was read along. */
function memberWith({ customer, since, source, version }: MemberOf): object {
  return { customerId: customer.id, since, source, version, [READ_ALONG]: customer };
}

function orError<Value>(work: () => Value): Value | Error {
  try {
    return work();
  } catch (error) {
    return error as Error;
  }
}
