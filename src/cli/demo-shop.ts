// In charge of the demo's shop: who joined, bought, returned, looked and complained, day by day, the same for the same seed and end. Pure. Lives
// are told from their beginning and only cut off at the end: a shop that ends a day later is the same with one more day.
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../base/durations.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { CATEGORY_DEMAND, type Category, COUNTRIES, MONTH_DEMAND, PERSONAS, type Persona, PRODUCTS, type Product } from './demo-goods.ts';

export interface DemoShopOptions {
  readonly seed: number;
  /** what would happen from this instant on has not happened yet; epoch milliseconds */
  readonly endMs: number;
  readonly customers: number;
}

/** Rows in the form that the HTTP interface takes. */
export interface DemoShop {
  readonly customers: readonly object[];
  readonly orders: readonly DemoOrder[];
  readonly events: readonly DemoEvent[];
}

export interface DemoOrder {
  readonly id: string;
  readonly customerId: string;
  readonly status: 'paid' | 'pending' | 'returned' | 'cancelled';
  readonly channel: 'web' | 'app' | 'pos';
  readonly total: string;
  readonly discount: string;
  readonly coupons: readonly string[];
  readonly placedAt: string;
  readonly items: readonly object[];
}

export interface DemoEvent {
  readonly id: string;
  readonly customerId: string;
  readonly name: string;
  readonly occurredAt: string;
  readonly properties: object;
}

const YEARS_MS = 730 * DAY_MS;
const MAIL_EVERY_DAYS = 14;

export function makeDemoShop(options: DemoShopOptions): DemoShop {
  const { endMs, customers } = options;
  // customers are numbered through all time, so that each keeps the same number and life when the end moves
  const spacingMs = YEARS_MS / customers;
  const last = Math.ceil(endMs / spacingMs) - 1;
  const lives = Array.from({ length: customers }, (_, index) => {
    const number = last - customers + 1 + index;
    return tellLife(options, number, Math.floor(number * spacingMs));
  });
  return {
    customers: lives.map((life) => life.customer),
    orders: lives.flatMap((life) => life.orders),
    events: lives.flatMap((life) => life.events),
  };
}

interface Life {
  readonly customer: object;
  readonly orders: readonly DemoOrder[];
  readonly events: readonly DemoEvent[];
}

/** What the parts of a life have in common. */
interface Person {
  readonly id: string;
  readonly persona: Persona;
  readonly joinedMs: number;
  readonly endMs: number;
  readonly likes: readonly Category[];
  readonly mayMail: boolean;
  /** separate random numbers for each part, so that a change in one does not alter another */
  random(part: number): SeededRandom;
}

function tellLife({ seed, endMs }: DemoShopOptions, number: number, joinedMs: number): Life {
  const random = (part: number) => new SeededRandom(seed * 1_000_003 + number * 8 + part);
  const draw = random(0);
  const persona = draw.weighted(PERSONAS.map((each) => [each, each.weight] as const));
  const categories = draw.shuffle([...new Set(PRODUCTS.map((product) => product.category))]);
  const mayMail = persona.name !== 'store' && draw.chance(0.72);
  const person: Person = { id: `c${number}`, persona, joinedMs, endMs, likes: categories.slice(0, 3), mayMail, random };
  const purchases = tellPurchases(person);
  const orders = purchases.flatMap((purchase) => purchase.orders);
  return {
    customer: tellProfile(person, orders),
    orders,
    events: nameEvents(person, [...purchases.flatMap((p) => p.events), ...tellAttention(person)]),
  };
}

// ---------------------------------------------------------------- profile

function tellProfile(person: Person, orders: readonly DemoOrder[]): object {
  const random = person.random(1);
  const country = random.weighted(COUNTRIES.map((each) => [each, each.weight] as const));
  const gender = random.weighted([
    ['female', 50],
    ['male', 44],
    [null, 6],
  ] as const);
  const firstName = random.pick(gender === 'male' ? country.male : country.female);
  const lastName = random.pick(country.last);
  const birthYear = new Date(person.joinedMs).getUTCFullYear() - Math.round(Math.min(85, Math.max(18, random.normal(41, 13))));
  const birthday = `${birthYear}-${twoDigits(random.integer(1, 12))}-${twoDigits(random.integer(1, 28))}`;
  const city = random.pick(country.cities);
  const source = person.persona.name === 'store' ? 'store' : random.pick(['search', 'search', 'social', 'friend', 'newsletter']);
  const hasBirthday = random.chance(0.8);
  const consent = { email: person.mayMail, sms: random.chance(0.25) };
  const householdSize = random.integer(1, 5);
  const spentCents = orders.reduce((sum, order) => sum + (order.status === 'paid' ? cents(order.total) : 0), 0);
  const tier = spentCents >= 250_000 ? 'gold' : spentCents >= 100_000 ? 'silver' : spentCents > 0 ? 'bronze' : null;
  return {
    id: person.id,
    ...(person.persona.name === 'store' ? {} : { email: `${person.id}@example.com` }),
    firstName,
    lastName,
    ...(gender === null ? {} : { gender }),
    ...(hasBirthday ? { birthday } : {}),
    country: country.code,
    city,
    language: country.language,
    source,
    tags: [
      ...(person.persona.name === 'bulk' ? ['wholesale'] : []),
      ...(tier === 'gold' ? ['vip'] : []),
      ...(consent.email ? ['newsletter'] : []),
    ],
    consent,
    attributes: { ...(tier === null ? {} : { loyalty_tier: tier }), household_size: householdSize, favourite_category: person.likes[0] },
    createdAt: iso(person.joinedMs),
  };
}

// ---------------------------------------------------------------- orders and what comes with them

interface Purchase {
  readonly orders: readonly DemoOrder[];
  readonly events: readonly Happening[];
}

/** An event without its number. */
type Happening = readonly [atMs: number, name: string, properties: object];

function tellPurchases(person: Person): readonly Purchase[] {
  const { persona, endMs } = person;
  const random = person.random(2);
  const purchases: Purchase[] = [];
  if (persona.name === 'browser') return purchases;
  // most buy soon after joining
  let atMs = Math.max(person.joinedMs + 900_000, atShopHours(random, person.joinedMs + random.next() ** 3 * 40 * DAY_MS));
  if (persona.name === 'christmas') atMs = nextAdvent(random, atMs);
  while (atMs < endMs) {
    purchases.push(tellPurchase(person, random, atMs, purchases.length));
    if (persona.gapDays === null || random.chance(persona.lapse)) break;
    atMs = nextOrderMs(persona, random, atMs);
  }
  return purchases;
}

/** Gaps vary widely, and are shorter while everybody buys. */
function nextOrderMs(persona: Persona, random: SeededRandom, atMs: number): number {
  if (persona.name === 'christmas') return nextAdvent(random, atMs + 60 * DAY_MS);
  const gapDays = (persona.gapDays as number) * (0.25 + 0.9 * -Math.log(1 - random.next()));
  const demand = MONTH_DEMAND[new Date(atMs + gapDays * DAY_MS * 0.7).getUTCMonth()] as number;
  return atShopHours(random, atMs + (Math.min(gapDays, 400) / demand + 1) * DAY_MS);
}

/** Some day from 20 November to 22 December, the first that comes. */
function nextAdvent(random: SeededRandom, fromMs: number): number {
  const year = new Date(fromMs).getUTCFullYear();
  const day = random.integer(0, 32);
  const thisYearMs = Date.UTC(year, 10, 20 + day);
  return atShopHours(random, thisYearMs > fromMs ? thisYearMs : Date.UTC(year + 1, 10, 20 + day));
}

/** That day, between eight and half past nine in the evening. */
function atShopHours(random: SeededRandom, atMs: number): number {
  return Math.floor(atMs / DAY_MS) * DAY_MS + Math.floor((8 + random.next() * 13.5) * HOUR_MS);
}

function tellPurchase(person: Person, random: SeededRandom, placedAtMs: number, number: number): Purchase {
  const { persona, endMs } = person;
  const id = `${person.id.replace('c', 'o')}-${number + 1}`;
  const channel = random.weighted(persona.channels);
  const month = new Date(placedAtMs).getUTCMonth();
  const lines = persona.name === 'bulk' ? 1 : random.weighted([[1, 5] as const, [2, 3] as const, [3, 1] as const]);
  const items = Array.from({ length: lines }, () => ({
    product: pickProduct(person, random, month),
    quantity: persona.name === 'bulk' ? random.integer(40, 240) : random.chance(0.85) ? 1 : random.integer(2, 4),
  }));
  const coupon = random.chance(persona.discount) ? couponOf(month, number, random) : null;
  const isReturned = random.chance(persona.returns);
  const returnedMs = placedAtMs + random.integer(4, 16) * DAY_MS;
  const isPartOnly = random.chance(0.3);
  const isCancelled = random.chance(0.02);
  const paysLater = channel !== 'pos' && random.chance(0.3);
  const grossCents = items.reduce((sum, { product, quantity }) => sum + product.cents * quantity, 0);
  const discountCents = coupon === null ? 0 : Math.round((grossCents * coupon.percent) / 100);
  const isBack = isReturned && returnedMs < endMs;
  const status = isCancelled
    ? 'cancelled'
    : isBack && !isPartOnly
      ? 'returned'
      : paysLater && endMs - placedAtMs < 2 * DAY_MS
        ? 'pending'
        : 'paid';
  const order: DemoOrder = {
    id,
    customerId: person.id,
    status,
    channel,
    total: money(grossCents - discountCents),
    discount: money(discountCents),
    coupons: coupon === null ? [] : [coupon.code],
    placedAt: iso(placedAtMs),
    items: items.map(({ product, quantity }) => itemOf(product, quantity)),
  };
  const returned = isBack && isPartOnly && !isCancelled ? [returnOf(order, items[0] as (typeof items)[0], returnedMs)] : [];
  return { orders: [order, ...returned], events: tellAround(person, random, placedAtMs, channel, (items[0] as (typeof items)[0]).product) };
}

/** One item brought back is a separate order with negative amounts. */
function returnOf(order: DemoOrder, { product }: { readonly product: Product }, atMs: number): DemoOrder {
  return {
    ...order,
    id: `${order.id}-return`,
    status: 'returned',
    total: money(-product.cents),
    discount: '0.00',
    coupons: [],
    placedAt: iso(atMs),
    items: [itemOf(product, -1)],
  };
}

function itemOf(product: Product, quantity: number): object {
  const { sku, name, category, brand } = product;
  return { productId: sku.toLowerCase(), sku, name, category, brand, quantity, unitPrice: money(product.cents) };
}

function pickProduct(person: Person, random: SeededRandom, month: number): Product {
  return random.weighted(
    PRODUCTS.map((product) => {
      const season = CATEGORY_DEMAND[product.category]?.[month] ?? 1;
      const taste = person.likes.includes(product.category) ? 4 : 1;
      return [product, season * taste] as const;
    }),
  );
}

function couponOf(month: number, number: number, random: SeededRandom): { readonly code: string; readonly percent: number } {
  if (number === 0) return { code: 'WELCOME10', percent: 10 };
  if (month === 5 || month === 6) return { code: 'SUMMER20', percent: 20 };
  if (month === 11) return { code: 'XMAS15', percent: 15 };
  return random.chance(0.5) ? { code: 'SAVE5', percent: 5 } : { code: 'FRIENDS10', percent: 10 };
}

/** Pages looked at before the order, and a survey or a complaint after it. */
function tellAround(person: Person, random: SeededRandom, placedAtMs: number, channel: string, product: Product): readonly Happening[] {
  const happenings: Happening[] = [];
  if (channel !== 'pos') {
    for (let views = random.integer(1, 3); views > 0; views -= 1) {
      happenings.push([placedAtMs - random.integer(2, 2000) * MINUTE_MS, 'page_view', viewOf(product)]);
    }
  }
  if (person.mayMail && random.chance(0.18)) {
    const score = Math.min(10, Math.max(0, Math.round(random.normal(person.persona.name === 'returner' ? 5 : 8, 2.2))));
    happenings.push([placedAtMs + random.integer(5, 12) * DAY_MS, 'survey', { score }]);
  }
  if (random.chance(person.persona.name === 'returner' ? 0.12 : 0.025)) {
    const reason = random.pick(['late delivery', 'wrong size', 'damaged', 'poor quality']);
    happenings.push([placedAtMs + random.integer(2, 15) * DAY_MS, 'complaint', { reason }]);
  }
  return happenings;
}

function viewOf(product: Product): object {
  return { path: `/${product.category.toLowerCase()}/${product.sku.toLowerCase()}`, category: product.category };
}

// ---------------------------------------------------------------- attention without an order

/** Newsletters opened, pages looked at and carts left behind; it wanes with the time since joining. */
function tellAttention(person: Person): readonly Happening[] {
  const { persona, joinedMs, endMs } = person;
  const random = person.random(3);
  const happenings: Happening[] = [];
  for (let day = 1; joinedMs + day * DAY_MS < endMs; day += MAIL_EVERY_DAYS) {
    const dayMs = joinedMs + day * DAY_MS;
    const attention = persona.attention * (0.15 + 0.85 * 0.9 ** (day / 40));
    const campaign = `${new Date(dayMs).toISOString().slice(0, 7)}-${random.pick(['news', 'offers'])}`;
    if (random.chance(0.22 * attention) && person.mayMail) happenings.push([atShopHours(random, dayMs), 'mail_open', { campaign }]);
    if (!random.chance(0.2 * attention)) continue;
    const atMs = atShopHours(random, dayMs + random.integer(0, MAIL_EVERY_DAYS - 1) * DAY_MS);
    const product = pickProduct(person, random, new Date(atMs).getUTCMonth());
    happenings.push([atMs, 'page_view', viewOf(product)]);
    if (random.chance(0.35))
      happenings.push([atMs + 900_000, 'cart_abandoned', { value: product.cents / 100, category: product.category }]);
  }
  return happenings;
}

/** What has happened by the end. Ids are made from time and name, so that a longer life only adds rows. */
function nameEvents(person: Person, happenings: readonly Happening[]): DemoEvent[] {
  const counts = new Map<string, number>();
  return happenings
    .filter(([atMs]) => atMs < person.endMs)
    .map(([atMs, name, properties]) => {
      const place = `${name}-${atMs}`;
      const count = (counts.get(place) ?? 0) + 1;
      counts.set(place, count);
      return { id: `e${person.id.slice(1)}-${atMs}-${name}-${count}`, customerId: person.id, name, occurredAt: iso(atMs), properties };
    });
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

function money(amountCents: number): string {
  return (amountCents / 100).toFixed(2);
}

function cents(amount: string): number {
  return Math.round(Number(amount) * 100);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
