// Facts as they are written: validated, typed, keyed. The only input of the write path, whatever interface they came through.

import type { OriginalAmounts } from './original-amounts.ts';

/** Flat, dotted names; the value's type is the registered one. Dates `YYYY-MM-DD`, timestamps ISO with milliseconds and Z. */
export type FlatValue = string | number | boolean | readonly string[];

/** `customers.id` as a decimal string (int8 does not fit a JavaScript number). */
export type CustomerKey = string;

export type ProfileColumn =
  | 'email'
  | 'phone'
  | 'first_name'
  | 'last_name'
  | 'gender'
  | 'birthday'
  | 'country'
  | 'region'
  | 'city'
  | 'postal_code'
  | 'language'
  | 'source';

/** A merge: what is absent stays, null clears. `tags` are replaced as a whole; attributes and consents merge by name. */
export interface CustomerFact {
  readonly key: CustomerKey;
  readonly id: string;
  readonly profile: Readonly<Partial<Record<ProfileColumn, string | null>>>;
  readonly tags?: readonly string[];
  /** an object is an opaque list: kept, not for rules */
  readonly attributes?: Readonly<Record<string, FlatValue | object | null>>;
  readonly consents?: Readonly<Record<string, boolean | null>>;
  /** epoch milliseconds */
  readonly createdAtMs?: number;
  /** the version of the registered types that the attributes were judged by; absent: there are none */
  readonly typesVersion?: string;
}

/** bigint ten-thousandths as a decimal string */
export type Scaled = string;

export interface ItemFact {
  readonly productId: string | null;
  readonly sku: string | null;
  readonly name: string | null;
  readonly category: string | null;
  readonly brand: string | null;
  readonly quantity: Scaled;
  readonly unitPrice: Scaled | null;
}

/** Replaces any order with this id, even another customer's. */
export interface OrderFact {
  readonly id: string;
  readonly customerKey: CustomerKey;
  readonly customerId: string;
  readonly status: string | null;
  readonly channel: string | null;
  readonly currency: string;
  readonly total: Scaled;
  readonly discount: Scaled;
  readonly coupons: readonly string[];
  readonly itemCount: Scaled;
  /** epoch milliseconds; null: the instant of the first write of this order */
  readonly placedAtMs: number | null;
  readonly exchangeRate: string | null;
  /** of one in another currency: what it was sent with; absent or null: in the service's, or it is not known */
  readonly original?: OriginalAmounts | null;
  readonly items: readonly ItemFact[];
}

export interface EventFact {
  readonly id: string;
  readonly customerKey: CustomerKey;
  readonly customerId: string;
  readonly name: string;
  /** epoch milliseconds; null: the instant of the write */
  readonly occurredAtMs: number | null;
  /** an object is an opaque list: kept, not for rules */
  readonly properties: Readonly<Record<string, FlatValue | object>>;
  /** the version of the registered types that the properties were judged by; absent: there are none */
  readonly typesVersion?: string;
}

/**
 * What one transaction writes, applied in this order: customers (folded: one entry per key), deletions, orders, events.
 * The last order of an id counts, but each customer that an order names exists afterwards. An id that is both deleted and among
 * the orders is written again; a batch that deletes what it wrote leaves that order out.
 */
export interface Facts {
  readonly customers: readonly CustomerFact[];
  readonly orders: readonly OrderFact[];
  readonly deletedOrderIds: readonly string[];
  readonly events: readonly EventFact[];
}

export const NO_FACTS: Facts = { customers: [], orders: [], deletedOrderIds: [], events: [] };
