// In charge of the bench's shop: customers, and two years of orders, most of them owned by few, the same for the same seed. Each row comes in
// both forms, NDJSON for the imports and text for COPY. Not of sending or loading them.
import { SeededRandom } from '../src/base/seeded-random.ts';
import { customerKey } from '../src/ingest/customer-key.ts';

export interface ShopSize {
  readonly customers: number;
  readonly orders: number;
}

export const SIZES: Readonly<Record<string, ShopSize>> = {
  tiny: { customers: 1_000, orders: 10_000 },
  small: { customers: 10_000, orders: 100_000 },
  S: { customers: 100_000, orders: 1_000_000 },
  L: { customers: 1_000_000, orders: 10_000_000 },
};

export interface BenchItem {
  readonly productId: string;
  readonly category: string;
  readonly brand: string;
  readonly quantity: number;
  readonly unitPriceCents: number;
}

export interface BenchOrder {
  readonly id: string;
  readonly customerId: string;
  readonly customerKey: string;
  readonly status: string;
  readonly channel: string;
  readonly totalCents: number;
  readonly discountCents: number;
  readonly coupon: string | null;
  readonly placedAtMs: number;
  readonly items: readonly BenchItem[];
}

const DAY_MS = 86_400_000;
const DAYS = 730;
/**
 * Windows are whole days, so a row leaves one at its own time of day. On every day the first hours after the time at which the bench starts are
 * kept free of rows: nothing flips by the clock while it measures, and "nothing changed" is true.
 */
const QUIET_MS = 4 * 3_600_000;
/** Customers that own any orders. */
const BUYER_SHARE = 0.85;
/** The first of n buyers own u² of the orders: the first percent a tenth of them, the very first of 85,000 one in 300. */
const SKEW = 2;

export const COUNTRIES: readonly (readonly [string, number])[] = [
  ['CN', 30],
  ['US', 18],
  ['DE', 12],
  ['GB', 10],
  ['FR', 8],
  ['JP', 8],
  ['BR', 8],
  ['NL', 6],
];
export const TIERS: readonly (readonly [string | null, number])[] = [
  [null, 40],
  ['bronze', 30],
  ['silver', 18],
  ['gold', 9],
  ['platinum', 3],
];
const GENDERS: readonly (readonly [string | null, number])[] = [
  ['female', 48],
  ['male', 44],
  [null, 8],
];
const STATUSES: readonly (readonly [string, number])[] = [
  ['paid', 82],
  ['pending', 4],
  ['cancelled', 7],
  ['returned', 7],
];
const CHANNELS: readonly (readonly [string, number])[] = [
  ['web', 65],
  ['pos', 20],
  ['app', 15],
];
const COUPONS: readonly (readonly [string | null, number])[] = [
  [null, 78],
  ['SAVE10', 12],
  ['WELCOME', 6],
  ['SUMMER', 4],
];
const CATEGORIES = ['Shoes', 'Shirts', 'Bags', 'Home', 'Garden', 'Toys'];
const BRANDS = ['Alba', 'Borea', 'Corvo', 'Delta', 'Elm'];

export class Shop {
  readonly size: ShopSize;
  readonly anchorMs: number;
  readonly #seed: number;
  readonly #keys: string[] = [];

  /** `anchorMs`: the instant at which the data ends. */
  constructor(size: ShopSize, seed: number, anchorMs: number) {
    this.size = size;
    this.#seed = seed;
    this.anchorMs = anchorMs;
  }

  customerId(index: number): string {
    return `customer-${index}`;
  }

  customerKey(index: number): string {
    this.#keys[index] ??= customerKey(this.customerId(index));
    return this.#keys[index];
  }

  /** Who buys: an index; low ones far more often. */
  drawBuyer(random: SeededRandom): number {
    return Math.floor(this.size.customers * BUYER_SHARE * random.next() ** SKEW);
  }

  /** Rows `from` to `to` of all orders, in order of time; a slice is the same whether its neighbours were made or not. */
  *orders(from: number, to: number): Generator<BenchOrder> {
    for (let index = from; index < to; index += 1) yield this.order(index);
  }

  order(index: number): BenchOrder {
    const random = new SeededRandom(this.#seed * 1_000_003 + index * 2 + 1);
    const place = (index / this.size.orders) * DAYS;
    const day = Math.floor(place);
    const placedAtMs = Math.floor(
      this.anchorMs - (DAYS - day) * DAY_MS + QUIET_MS + (place - day) * (DAY_MS - QUIET_MS - 60_000) + random.next() * 1000,
    );
    return this.drawOrder(random, `order-${index}`, placedAtMs);
  }

  drawOrder(random: SeededRandom, id: string, placedAtMs: number): BenchOrder {
    const buyer = this.drawBuyer(random);
    const items: BenchItem[] = [];
    for (let line = random.weighted([[1, 60] as const, [2, 28] as const, [3, 12] as const]); line > 0; line -= 1) {
      const product = random.integer(1, 2000);
      items.push({
        productId: `p${product}`,
        category: CATEGORIES[product % CATEGORIES.length] as string,
        brand: BRANDS[product % BRANDS.length] as string,
        quantity: random.next() < 0.8 ? 1 : random.integer(2, 6),
        unitPriceCents: random.integer(499, 12_999),
      });
    }
    const grossCents = items.reduce((sum, item) => sum + item.quantity * item.unitPriceCents, 0);
    const coupon = random.weighted(COUPONS);
    const discountCents = coupon === null ? 0 : Math.round(grossCents * 0.1);
    return {
      id,
      customerId: this.customerId(buyer),
      customerKey: this.customerKey(buyer),
      status: random.weighted(STATUSES),
      channel: random.weighted(CHANNELS),
      totalCents: grossCents - discountCents,
      discountCents,
      coupon,
      placedAtMs,
      items,
    };
  }

  customer(index: number) {
    const random = new SeededRandom(this.#seed * 1_000_003 + index * 2 + 2);
    const age = random.integer(17, 79);
    const month = random.integer(1, 12);
    const birthday = random.chance(0.1)
      ? null
      : `${new Date(this.anchorMs).getUTCFullYear() - age}-${pad(month)}-${pad(random.integer(1, 28))}`;
    return {
      id: this.customerId(index),
      key: this.customerKey(index),
      email: `customer-${index}@shop.example`,
      firstName: `First${index % 500}`,
      lastName: `Last${index % 3000}`,
      gender: random.weighted(GENDERS),
      birthday,
      country: random.weighted(COUNTRIES),
      city: `City ${random.integer(1, 300)}`,
      tier: random.weighted(TIERS),
      visits: random.integer(0, 40),
      createdAtMs:
        this.anchorMs - random.integer(DAYS, DAYS + 365) * DAY_MS + QUIET_MS + Math.floor(random.next() * (DAY_MS - QUIET_MS - 60_000)),
    };
  }
}

function pad(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

// ---------------------------------------------------------------- as NDJSON, for the imports

export function customerLine(customer: ReturnType<Shop['customer']>): string {
  const { id, email, firstName, lastName, gender, birthday, country, city, tier, visits, createdAtMs } = customer;
  const attributes = tier === null ? { visits } : { tier, visits };
  return `${JSON.stringify({ id, email, firstName, lastName, gender, birthday, country, city, attributes, createdAt: iso(createdAtMs) })}\n`;
}

/** The body of one order, without its id if the path carries it. */
export function orderBody(order: BenchOrder, withId: boolean, withItems: boolean): object {
  return {
    ...(withId ? { id: order.id } : {}),
    customerId: order.customerId,
    status: order.status,
    channel: order.channel,
    total: order.totalCents / 100,
    discount: order.discountCents / 100,
    coupons: order.coupon === null ? [] : [order.coupon],
    placedAt: iso(order.placedAtMs),
    ...(withItems
      ? {
          items: order.items.map(({ productId, category, brand, quantity, unitPriceCents }) => ({
            productId,
            category,
            brand,
            quantity,
            unitPrice: unitPriceCents / 100,
          })),
        }
      : {}),
  };
}

// ---------------------------------------------------------------- as rows of COPY (text format), by table

export interface CopyTable {
  readonly table: string;
  readonly columns: string;
}

export const COPY_CUSTOMERS: CopyTable = {
  table: 'customers',
  columns: 'id, external_id, revision, email, first_name, last_name, gender, birthday, country, city, attributes, created_at',
};
export const COPY_OWNERS: CopyTable = { table: 'order_owners', columns: 'order_id, customer_id' };
export const COPY_ORDERS: CopyTable = {
  table: 'orders',
  columns: 'customer_id, id, status, channel, currency, total, discount, coupons, item_count, placed_at',
};
export const COPY_ITEMS: CopyTable = {
  table: 'order_items',
  columns: 'customer_id, order_id, line, status, channel, placed_at, product_id, category, brand, quantity, unit_price',
};

export function customerCopy(customer: ReturnType<Shop['customer']>): string {
  const { key, id, email, firstName, lastName, gender, birthday, country, city, tier, visits, createdAtMs } = customer;
  const attributes = JSON.stringify(tier === null ? { visits } : { tier, visits });
  return `${key}\t${id}\t${createdAtMs}000\t${email}\t${firstName}\t${lastName}\t${gender ?? '\\N'}\t${birthday ?? '\\N'}\t${country}\t${city}\t${attributes}\t${iso(createdAtMs)}\n`;
}

export function ownerCopy(order: BenchOrder): string {
  return `${order.id}\t${order.customerKey}\n`;
}

export function orderCopy(order: BenchOrder): string {
  const pieces = order.items.reduce((sum, item) => sum + item.quantity, 0);
  const coupons = order.coupon === null ? '{}' : `{${order.coupon}}`;
  return `${order.customerKey}\t${order.id}\t${order.status}\t${order.channel}\tUSD\t${order.totalCents}00\t${order.discountCents}00\t${coupons}\t${pieces}0000\t${iso(order.placedAtMs)}\n`;
}

export function itemsCopy(order: BenchOrder): string {
  let rows = '';
  for (const [index, { productId, category, brand, quantity, unitPriceCents }] of order.items.entries()) {
    rows += `${order.customerKey}\t${order.id}\t${index + 1}\t${order.status}\t${order.channel}\t${iso(order.placedAtMs)}\t${productId}\t${category}\t${brand}\t${quantity}0000\t${unitPriceCents}00\n`;
  }
  return rows;
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** Joins rows into pieces of about 64 KiB, so that streams do not move them one by one. */
export function* inPieces<Row>(rows: Iterable<Row>, print: (row: Row) => string): Generator<string> {
  let piece = '';
  for (const row of rows) {
    piece += print(row);
    if (piece.length < 65_536) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
