// In charge of the small shops that requests are about: one that only valid requests touch, and one that anything may happen to.
import type { SeededRandom } from '../../src/base/seeded-random.ts';

/** `kept`: whatever is valid is accepted; `wild`: nobody knows in which state it is. */
export type ShopName = 'kept' | 'wild';

export interface KnownShop {
  readonly name: ShopName;
  readonly customers: readonly string[];
  readonly orders: readonly string[];
  /** of kind rule, published */
  readonly rules: readonly string[];
  readonly hands: readonly [string, string];
  readonly group: string;
  /** found once it is set up */
  readonly made: Made;
}

export interface Made {
  webhookId: string;
  keyId: string;
  receiptId: string;
  runId: string;
  /** cursors and tokens that answers gave */
  readonly cursors: string[];
  readonly tokens: string[];
}

/** Ids that are odd, and right. */
const ODD_IDS = [
  '__proto__',
  'constructor',
  'a b',
  'ä/ö?&#%25',
  '👩‍👩‍👧',
  'مرحبا',
  '%2e%2e',
  '...',
  "'; --",
  '"q"',
  'x'.repeat(200),
  'null',
  '-1',
  '\u202eabc',
  'İ',
];

export function knownShop(name: ShopName): KnownShop {
  return {
    name,
    customers: [...Array.from({ length: 12 }, (_, n) => `${name}-${n}`), ...ODD_IDS.map((id) => `${name}-${id}`)],
    orders: Array.from({ length: 12 }, (_, n) => `${name}-order-${n}`),
    rules: [`${name}-rule`, `${name}-time`, `${name}-left`, `${name}-right`],
    hands: [`${name}-hand`, `${name}-other`],
    group: `${name}-group`,
    made: { webhookId: '0190a000-0000-7000-8000-000000000000', keyId: 'a'.repeat(12), receiptId: '', runId: '1', cursors: [], tokens: [] },
  };
}

export const RULES: Readonly<Record<string, string>> = {
  rule: 'country = "DE" or count(orders) > 2',
  time: 'count(orders in the last 30 days) >= 1',
  left: 'count(orders) >= 1',
  right: 'country = "FR"',
};

/** Rules that always hold together, whatever is in the catalog. */
const VALID_RULES = [
  'everyone',
  'country = "DE"',
  'country in ("DE", "FR") and not city = "Berlin"',
  'count(orders) >= 2',
  'count(orders in the last 30 days) >= 1',
  'sum(orders.total) > 100',
  'sum(orders.total in the last 90 days) between 10 and 1000',
  'email is missing',
  'tags has any ("vip")',
];

export class ValidValues {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  rule(): string {
    return this.#random.pick(VALID_RULES);
  }

  text(): string {
    return this.#random.pick([
      'Ann',
      'Ben Ö',
      'مرحبا',
      "O'Neil",
      '日本',
      '👩‍👩‍👧‍👦',
      '"quoted"',
      '<b>',
      '__proto__',
      'x'.repeat(200),
      '-',
      '100%',
    ]);
  }

  amount(): number | string {
    const random = this.#random;
    return random.pick<() => number | string>([
      () => random.integer(0, 100_000) / 100,
      () => (random.integer(-100_000, 100_000) / 10_000).toFixed(4),
      () => '0',
      () => 59.970000000000006,
      () => '-12.5',
    ])();
  }

  instant(): string {
    return this.#random.pick([
      '2026-01-31T12:00:00Z',
      '2025-06-01T00:00:00.123Z',
      '2024-02-29T23:59:59+02:00',
      '2026-11-01T00:00:00.000-11:00',
    ]);
  }

  customer(): Record<string, unknown> {
    const random = this.#random;
    const all: Record<string, unknown> = {
      email: `${random.integer(1, 9999)}@example.com`,
      phone: '+49 30 1',
      firstName: this.text(),
      lastName: this.text(),
      gender: 'f',
      birthday: '1980-02-29',
      country: random.pick(['DE', 'FR', 'US']),
      region: this.text(),
      city: this.text(),
      postalCode: '10115',
      language: 'de',
      source: this.text(),
      tags: [this.text(), 'vip'],
      consent: { email: random.chance(0.5), sms: null },
      attributes: { kept_tier: this.text(), kept_nested: { deep: random.integer(0, 9) }, kept_none: null },
      createdAt: this.instant(),
    };
    const clearable = ['email', 'phone', 'city', 'tags', 'birthday'].filter(() => random.chance(0.05));
    const kept = Object.entries(all).filter(() => random.chance(0.4));
    return { ...Object.fromEntries(kept), ...Object.fromEntries(clearable.map((name) => [name, null])) };
  }

  order(customerId: string): Record<string, unknown> {
    const random = this.#random;
    const foreign = random.chance(0.1) ? { currency: 'EUR', exchangeRate: random.pick(['1.1', 1.08]) } : {};
    return {
      customerId,
      status: random.pick(['paid', 'refunded', null]),
      total: this.amount(),
      ...(random.chance(0.5) ? { placedAt: this.instant(), channel: 'web', coupons: ['A', this.text()], discount: this.amount() } : {}),
      ...foreign,
      items: Array.from({ length: random.integer(0, 3) }, () => ({
        sku: this.text(),
        name: this.text(),
        quantity: random.integer(1, 5),
        unitPrice: this.amount(),
      })),
    };
  }

  event(customerId: string): Record<string, unknown> {
    const random = this.#random;
    return {
      ...(random.chance(0.5) ? { id: `kept-event-${random.integer(0, 500)}-${customerId.slice(0, 20)}` } : {}),
      customerId,
      name: 'kept_viewed',
      ...(random.chance(0.5) ? { occurredAt: this.instant() } : {}),
      properties: { kept_path: this.text(), kept_count: random.integer(0, 9) },
    };
  }
}
