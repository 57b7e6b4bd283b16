// Shops written by hand for table tests: facts with only what the case is about, everything else absent or ordinary.
import type { CustomerFact, EventFact, Facts, ItemFact, OrderFact } from '../../src/ingest/facts.ts';
import { decimal, multiply } from './decimal.ts';
import { customerKeyOf } from './world.ts';

/** 12.5 → ten-thousandths */
export function scaled(amount: number | string): string {
  const { coefficient, scale } = multiply(decimal(String(amount)), decimal('10000'));
  return (coefficient / 10n ** BigInt(scale)).toString();
}

export type HandMadeCustomer = Partial<Omit<CustomerFact, 'key' | 'createdAtMs'>> & { readonly id: string; readonly createdAt?: string };

function customer({ createdAt, ...given }: HandMadeCustomer): CustomerFact {
  return {
    key: customerKeyOf(given.id),
    profile: {},
    ...given,
    ...(createdAt === undefined ? {} : { createdAtMs: Date.parse(createdAt) }),
  };
}

interface HandMadeItem {
  readonly productId?: string;
  readonly name?: string;
  readonly category?: string;
  readonly brand?: string;
  readonly quantity?: number;
  readonly unitPrice?: number | string;
}

function item(given: HandMadeItem): ItemFact {
  return {
    productId: given.productId ?? null,
    sku: null,
    name: given.name ?? null,
    category: given.category ?? null,
    brand: given.brand ?? null,
    quantity: scaled(given.quantity ?? 1),
    unitPrice: given.unitPrice === undefined ? null : scaled(given.unitPrice),
  };
}

export interface HandMadeOrder {
  readonly id: string;
  readonly of: string;
  readonly at: string;
  readonly total?: number | string;
  readonly status?: string;
  readonly channel?: string;
  readonly discount?: number | string;
  readonly coupons?: readonly string[];
  readonly items?: readonly HandMadeItem[];
}

export function order(given: HandMadeOrder): OrderFact {
  const items = (given.items ?? []).map(item);
  return {
    id: given.id,
    customerKey: customerKeyOf(given.of),
    customerId: given.of,
    status: given.status ?? null,
    channel: given.channel ?? null,
    currency: 'USD',
    total: scaled(given.total ?? 0),
    discount: scaled(given.discount ?? 0),
    coupons: given.coupons ?? [],
    itemCount: items.reduce((pieces, line) => pieces + BigInt(line.quantity), 0n).toString(),
    placedAtMs: Date.parse(given.at),
    exchangeRate: null,
    items,
  };
}

export interface HandMadeEvent {
  readonly id?: string;
  readonly of: string;
  readonly at: string;
  readonly name: string;
  readonly properties?: EventFact['properties'];
}

export function event(given: HandMadeEvent): EventFact {
  return {
    id: given.id ?? `${given.name} ${given.at}`,
    customerKey: customerKeyOf(given.of),
    customerId: given.of,
    name: given.name,
    occurredAtMs: Date.parse(given.at),
    properties: given.properties ?? {},
  };
}

export interface HandMadeFacts {
  readonly customers?: readonly HandMadeCustomer[];
  readonly orders?: readonly HandMadeOrder[];
  readonly events?: readonly HandMadeEvent[];
  readonly deletedOrderIds?: readonly string[];
}

export function facts(given: HandMadeFacts): Facts {
  return {
    customers: (given.customers ?? []).map(customer),
    orders: (given.orders ?? []).map(order),
    events: (given.events ?? []).map(event),
    deletedOrderIds: given.deletedOrderIds ?? [],
  };
}
