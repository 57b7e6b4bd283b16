// Random shops and random batches of writes. Times are relative to the clock (see world.ts), so the same batch can be written at any instant;
// `factsAt` makes Facts of it.
import fc from 'fast-check';
import type { ValueType } from '../../src/catalog/catalog.ts';
import type { CustomerFact, EventFact, Facts, FlatValue, ItemFact, OrderFact, ProfileColumn } from '../../src/ingest/facts.ts';
import { apply, EMPTY_SHOP, type Shop } from './shop.ts';
import {
  ATTRIBUTES,
  CATALOG,
  CONSENTS,
  CUSTOMER_IDS,
  customerKeyOf,
  DURATIONS,
  EVENTS,
  lengthMs,
  type Moment,
  NUMBERS,
  STRINGS,
  type Standpoint,
  type TimeFromNow,
  timeMs,
  WORDS,
} from './world.ts';

type Replace<Row, Field extends keyof Row> = Omit<Row, Field>;

type AbstractCustomer = Replace<CustomerFact, 'createdAtMs' | 'attributes'> & {
  readonly createdAt: TimeFromNow | null;
  readonly attributes: Readonly<Record<string, AbstractValue | null>>;
};
type AbstractOrder = Replace<OrderFact, 'placedAtMs'> & { readonly placedAt: TimeFromNow | null };
type AbstractEvent = Replace<EventFact, 'occurredAtMs' | 'properties'> & {
  readonly occurredAt: TimeFromNow | null;
  readonly properties: Readonly<Record<string, AbstractValue>>;
};
type AbstractValue = FlatValue | { readonly date: TimeFromNow } | { readonly timestamp: TimeFromNow };

/** A batch of writes whose times wait for the clock. */
export interface AbstractFacts {
  readonly customers: readonly AbstractCustomer[];
  readonly orders: readonly AbstractOrder[];
  readonly deletedOrderIds: readonly string[];
  readonly events: readonly AbstractEvent[];
}

// ---------------------------------------------------------------- times and values

const aroundMs = fc.constantFrom(-1, 0, 1);

/** At the borders of windows and days, somewhere in the last 400 days, and sometimes to come. */
const pastTime: fc.Arbitrary<TimeFromNow> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constantFrom(...DURATIONS), aroundMs).map(([duration, ms]) => ({
      from: 'now' as const,
      offsetMs: -lengthMs(duration) + ms,
    })),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: -400 * 86_400, max: 0 }).map((seconds) => ({ from: 'now' as const, offsetMs: seconds * 1_000 })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(0, 0, -1, -2, -6, -7, -30, -31, -90, -365, -366), aroundMs)
      .map(([days, offsetMs]) => ({ from: 'day' as const, days, offsetMs })),
  },
);

const futureTime: fc.Arbitrary<TimeFromNow> = fc.oneof(
  fc
    .constantFrom(1, 2_000, 5_000, 5_001, 60_000, 3_600_000, 86_400_000, 10 * 86_400_000)
    .map((offsetMs) => ({ from: 'now' as const, offsetMs })),
  fc.tuple(fc.constantFrom(1, 2, 31), aroundMs).map(([days, offsetMs]) => ({ from: 'day' as const, days, offsetMs })),
);

/** Few instants, and the same ones from wherever they are sent: rows that tie, times that come again. */
export const SAME_TIMES: fc.Arbitrary<TimeFromNow> = fc
  .constantFrom(-3_600_000, 0, 5_000, 8_000, 3_600_000)
  .map((offsetMs) => ({ from: 'start' as const, offsetMs }));

const ANY_TIMES: fc.Arbitrary<TimeFromNow> = fc.oneof(
  { weight: 12, arbitrary: pastTime },
  { weight: 2, arbitrary: futureTime },
  { weight: 2, arbitrary: SAME_TIMES },
);

const text = fc.constantFrom<string>(...STRINGS);
const word = fc.constantFrom<string>(...WORDS);
const orMissing = <Type>(arbitrary: fc.Arbitrary<Type>) => fc.option(arbitrary, { freq: 4 });
const textList = fc.uniqueArray(text, { maxLength: 3 });

const scaled = fc.oneof(
  fc.constantFrom(...NUMBERS).map((literal) => String(Math.round(Number(literal) * 10_000))),
  fc.integer({ min: -50_000, max: 2_000_000 }).map(String),
  fc.constantFrom('9999999999999999', '1', '333333'),
);

function valueOfType(type: ValueType): fc.Arbitrary<AbstractValue> {
  switch (type) {
    case 'string':
      return text;
    case 'number':
      return fc.oneof(
        fc.constantFrom(...NUMBERS).map(Number),
        fc.integer({ min: -10, max: 200 }),
        fc.constantFrom(0.1, 0.7, 1e21, 1e-7, 123456789.123456),
      );
    case 'boolean':
      return fc.boolean();
    case 'date':
      return ANY_TIMES.map((date) => ({ date }));
    case 'timestamp':
      return ANY_TIMES.map((timestamp) => ({ timestamp }));
    case 'list':
      return fc.uniqueArray(text, { minLength: 1, maxLength: 3 });
  }
}

/** Some of the names, each with a value of its type. */
function values(types: ReadonlyMap<string, ValueType>): fc.Arbitrary<Record<string, AbstractValue>> {
  const record: Record<string, fc.Arbitrary<AbstractValue>> = {};
  for (const [name, type] of types) record[name] = valueOfType(type);
  return fc.record(record, { requiredKeys: [] }) as fc.Arbitrary<Record<string, AbstractValue>>;
}

// ---------------------------------------------------------------- facts

const customerId = fc.constantFrom<string>(...CUSTOMER_IDS);

const birthday = fc.oneof(
  fc.constantFrom(
    '2000-02-29',
    '1996-02-29',
    '2024-02-29',
    '1990-12-31',
    '1990-01-01',
    '1985-03-01',
    '1970-10-27',
    '2030-06-01',
    '2001-11-07',
  ),
  fc
    .tuple(fc.integer({ min: 1930, max: 2010 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 }))
    .map(([year, month, day]) => `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`),
);

const PROFILE_TEXTS = [
  'email',
  'phone',
  'first_name',
  'last_name',
  'gender',
  'country',
  'region',
  'city',
  'postal_code',
  'language',
  'source',
] as const;

const profile: fc.Arbitrary<Partial<Record<ProfileColumn, string | null>>> = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...PROFILE_TEXTS), orMissing(text), { maxKeys: 5, noNullPrototype: true }),
    fc.option(fc.record({ birthday: orMissing(birthday) }), { freq: 3, nil: {} }),
  )
  .map(([texts, born]) => ({ ...texts, ...born }));

const customer = (times: fc.Arbitrary<TimeFromNow>): fc.Arbitrary<AbstractCustomer> =>
  fc
    .record({
      id: customerId,
      profile,
      tags: fc.option(textList, { freq: 2 }),
      attributes: values(ATTRIBUTES),
      clearedAttributes: fc.subarray([...ATTRIBUTES.keys()], { maxLength: 1 }),
      consents: fc.dictionary(fc.constantFrom(...CONSENTS), orMissing(fc.boolean()), { maxKeys: 2, noNullPrototype: true }),
      createdAt: fc.option(times, { freq: 2 }),
    })
    .map(({ id, tags, attributes, clearedAttributes, ...rest }) => ({
      key: customerKeyOf(id),
      id,
      ...(tags === null ? {} : { tags }),
      attributes: { ...attributes, ...Object.fromEntries(clearedAttributes.map((name) => [name, null])) },
      ...rest,
    }));

const item: fc.Arbitrary<ItemFact> = fc.record({
  productId: orMissing(text),
  sku: orMissing(word),
  name: orMissing(text),
  category: orMissing(text),
  brand: orMissing(word),
  quantity: fc.constantFrom('10000', '20000', '-10000', '5000', '33333'),
  unitPrice: orMissing(scaled),
});

const orderIds = Array.from({ length: 14 }, (_, i) => (i % 3 === 0 ? `o${i}` : i % 3 === 1 ? `\uffee${i}` : `😀${i}`));

const order = (times: fc.Arbitrary<TimeFromNow>): fc.Arbitrary<AbstractOrder> =>
  fc
    .record({
      id: fc.constantFrom(...orderIds),
      customerId,
      status: orMissing(word),
      channel: orMissing(word),
      currency: fc.constantFrom('USD', 'EUR'),
      total: scaled,
      discount: fc.oneof(fc.constant('0'), scaled),
      coupons: textList,
      itemCount: fc.constantFrom('0', '10000', '25000'),
      placedAt: fc.option(times, { freq: 12 }),
      items: fc.array(item, { maxLength: 3 }),
    })
    .map((row) => ({ ...row, customerKey: customerKeyOf(row.customerId), exchangeRate: row.currency === 'EUR' ? '1.1' : null }));

const event = (times: fc.Arbitrary<TimeFromNow>): fc.Arbitrary<AbstractEvent> =>
  fc
    .constantFrom(...EVENTS.entries())
    .chain(([name, properties]) =>
      fc.record({
        id: fc.integer({ min: 1, max: 25 }).map((n) => (n % 2 === 0 ? `e${n}` : `😀${n}`)),
        customerId,
        name: fc.constant(name),
        occurredAt: fc.option(times, { freq: 12 }),
        properties: values(properties),
      }),
    )
    .map((row) => ({ ...row, customerKey: customerKeyOf(row.customerId) }));

interface BatchSize {
  readonly customers: number;
  readonly orders: number;
  readonly events: number;
}

/** One write: customers folded by key, orders that may be new, twice in it, replaced, moved to another customer or deleted. */
export function arbitraryFacts(size: BatchSize, times = ANY_TIMES): fc.Arbitrary<AbstractFacts> {
  return fc
    .record({
      customers: fc.array(customer(times), { maxLength: size.customers, size: 'max' }),
      orders: fc.array(order(times), { maxLength: size.orders, size: 'max' }),
      deletedOrderIds: fc.uniqueArray(fc.constantFrom(...orderIds), { maxLength: 2 }),
      events: fc.array(event(times), { maxLength: size.events, size: 'max' }),
    })
    .map(({ customers, orders, deletedOrderIds, events }) => ({
      customers: [...new Map(customers.map((row) => [row.key, row])).values()],
      orders,
      deletedOrderIds,
      events,
    }));
}

/** The batch as it is written from there. */
export function factsAt(abstract: AbstractFacts, standpoint: Standpoint): Facts {
  const at = (time: TimeFromNow | null) => (time === null ? null : timeMs(time, standpoint));
  const flat = (value: AbstractValue): FlatValue => {
    if (typeof value !== 'object' || Array.isArray(value)) return value as FlatValue;
    if ('date' in value) return new Date(timeMs(value.date, standpoint)).toISOString().slice(0, 10);
    if ('timestamp' in value) return new Date(timeMs(value.timestamp, standpoint)).toISOString();
    throw new Error('an abstract value of no kind');
  };
  const flatten = (record: Readonly<Record<string, AbstractValue>>) =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, flat(value)]));
  return {
    customers: abstract.customers.map(({ createdAt, attributes, ...row }) => ({
      ...row,
      attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, value === null ? null : flat(value)])),
      ...(createdAt === null ? {} : { createdAtMs: timeMs(createdAt, standpoint) }),
    })),
    orders: abstract.orders.map(({ placedAt, ...row }) => ({ ...row, placedAtMs: at(placedAt) })),
    deletedOrderIds: abstract.deletedOrderIds,
    events: abstract.events.map(({ occurredAt, properties, ...row }) => ({
      ...row,
      occurredAtMs: at(occurredAt),
      properties: flatten(properties),
    })),
  };
}

/** A shop whose rows stand around a moment's windows and days, and so that some lie milliseconds after it. */
export function shopAt(abstract: AbstractFacts, moment: Moment): Shop {
  const facts = factsAt(abstract, { nowMs: moment.asOfMs, startMs: moment.asOfMs, timeZone: moment.timeZone });
  // written a little earlier, so that rows just after the moment are not taken as the clock's
  return apply({ ...EMPTY_SHOP, catalog: CATALOG }, facts, moment.asOfMs - 60_000);
}
