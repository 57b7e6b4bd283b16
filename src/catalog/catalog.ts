// What a rule may name: built-in fields (a table), custom attributes, event properties, segments. Pure data and look-ups;
// reading it from the database is `catalog/load-catalog.ts`.

export type ValueType = 'string' | 'number' | 'boolean' | 'date' | 'timestamp' | 'list';
export type Scope = 'customers' | 'orders' | 'items' | 'events';

/**
 * One built-in field. `column` is the SQL column of the scope's table. `scaled`: the column is bigint ten-thousandths
 * (money, quantities), so a value v is stored as v × 10,000. `computed` fields have no column; the emitter knows them by name.
 */
export interface BuiltInField {
  readonly scope: Scope;
  readonly name: string;
  readonly type: ValueType;
  readonly column: string;
  readonly scaled?: true;
  readonly computed?: true;
  /** says who somebody is, or comes from what does: seen, and asked by, with `pii:read` alone. Custom attributes all are */
  readonly personal?: true;
  readonly nullable: boolean;
}

function field(scope: Scope, name: string, type: ValueType, column: string, more: Partial<BuiltInField> = {}): BuiltInField {
  return { scope, name, type, column, nullable: true, ...more };
}

export const BUILT_IN_FIELDS: readonly BuiltInField[] = [
  field('customers', 'id', 'string', 'external_id', { nullable: false }),
  field('customers', 'email', 'string', 'email', { personal: true }),
  field('customers', 'phone', 'string', 'phone', { personal: true }),
  field('customers', 'first_name', 'string', 'first_name', { personal: true }),
  field('customers', 'last_name', 'string', 'last_name', { personal: true }),
  field('customers', 'gender', 'string', 'gender'),
  field('customers', 'birthday', 'date', 'birthday', { personal: true }),
  field('customers', 'age', 'number', 'birthday', { computed: true, personal: true }),
  field('customers', 'country', 'string', 'country'),
  field('customers', 'region', 'string', 'region'),
  field('customers', 'city', 'string', 'city'),
  field('customers', 'postal_code', 'string', 'postal_code', { personal: true }),
  field('customers', 'language', 'string', 'language'),
  field('customers', 'source', 'string', 'source'),
  field('customers', 'tags', 'list', 'tags', { nullable: false }),
  field('customers', 'created_at', 'timestamp', 'created_at', { nullable: false }),

  field('orders', 'id', 'string', 'id', { nullable: false }),
  field('orders', 'status', 'string', 'status'),
  field('orders', 'channel', 'string', 'channel'),
  field('orders', 'currency', 'string', 'currency', { nullable: false }),
  field('orders', 'total', 'number', 'total', { scaled: true, nullable: false }),
  field('orders', 'discount', 'number', 'discount', { scaled: true, nullable: false }),
  field('orders', 'coupons', 'list', 'coupons', { nullable: false }),
  field('orders', 'item_count', 'number', 'item_count', { scaled: true, nullable: false }),
  field('orders', 'placed_at', 'timestamp', 'placed_at', { nullable: false }),

  field('items', 'order_id', 'string', 'order_id', { nullable: false }),
  field('items', 'status', 'string', 'status'),
  field('items', 'channel', 'string', 'channel'),
  field('items', 'placed_at', 'timestamp', 'placed_at', { nullable: false }),
  field('items', 'product_id', 'string', 'product_id'),
  field('items', 'sku', 'string', 'sku'),
  field('items', 'name', 'string', 'name'),
  field('items', 'category', 'string', 'category'),
  field('items', 'brand', 'string', 'brand'),
  field('items', 'quantity', 'number', 'quantity', { scaled: true, nullable: false }),
  field('items', 'unit_price', 'number', 'unit_price', { scaled: true }),
  field('items', 'total', 'number', 'total', { computed: true }), // quantity × unit price: eight decimals, so numeric

  field('events', 'id', 'string', 'id', { nullable: false }),
  field('events', 'occurred_at', 'timestamp', 'occurred_at', { nullable: false }),
];

/** The column that orders a source's rows in time. */
export const TIME_COLUMN: Readonly<Record<Exclude<Scope, 'customers'>, string>> = {
  orders: 'placed_at',
  items: 'placed_at',
  events: 'occurred_at',
};

export type SegmentStatus = 'draft' | 'building' | 'active' | 'paused' | 'failed' | 'archiving' | 'archived';

/** A segment as rules see it. `references` are the keys its published version names (for cycles and depth). */
export interface CatalogSegment {
  readonly id: number;
  readonly key: string;
  readonly status: SegmentStatus;
  readonly references: readonly string[];
  /** the other segments of its group, which its answer depends on; absent: it is in none */
  readonly together?: readonly string[];
}

/**
 * An event property's type; `mixed` where an any-event rule (event null) finds two types among the events that carry it, `opaque` where it is a
 * list that is not all strings, which no rule may ask.
 */
export type PropertyType = ValueType | 'mixed' | 'opaque';

/** A snapshot: the same object never changes, a new one replaces it. */
export interface Catalog {
  readonly attributes: ReadonlyMap<string, ValueType>;
  /** event name → property → type; an event that was sent without properties has an empty map */
  readonly events: ReadonlyMap<string, ReadonlyMap<string, ValueType>>;
  /** event name → properties that are lists of something else than strings: kept, and no rule may ask them. Absent: there are none */
  readonly opaque?: ReadonlyMap<string, ReadonlySet<string>>;
  readonly consents: ReadonlySet<string>;
  readonly segments: ReadonlyMap<string, CatalogSegment>;
  /** what a rule in force takes properties over any event for, whatever events carry; null: as nobody had sent it. Absent: what they agree on */
  readonly ofAnyEvent?: ReadonlyMap<string, ValueType | null>;
}

export const EMPTY_CATALOG: Catalog = { attributes: new Map(), events: new Map(), consents: new Set(), segments: new Map() };

const BY_SCOPE: ReadonlyMap<Scope, ReadonlyMap<string, BuiltInField>> = new Map(
  (['customers', 'orders', 'items', 'events'] as const).map((scope) => [
    scope,
    new Map(BUILT_IN_FIELDS.filter((row) => row.scope === scope).map((row) => [row.name, row])),
  ]),
);

export function builtInField(scope: Scope, name: string): BuiltInField | undefined {
  return BY_SCOPE.get(scope)?.get(name);
}

/**
 * The type of a property of one event, or of any event (`event` null), where opaque lists of some events do not count beside a type of others;
 * undefined: nobody has sent it.
 */
export function propertyType(catalog: Catalog, event: string | null, name: string): PropertyType | undefined {
  if (event !== null) return catalog.opaque?.get(event)?.has(name) ? 'opaque' : catalog.events.get(event)?.get(name);
  const taken = catalog.ofAnyEvent?.get(name);
  if (taken !== undefined) return taken ?? undefined;
  const [found, other] = propertyTypes(catalog, name);
  if (found === undefined) return [...(catalog.opaque?.values() ?? [])].some((names) => names.has(name)) ? 'opaque' : undefined;
  return other === undefined ? found : 'mixed';
}

/** The types that a property has in the events that carry it, opaque lists aside. */
export function propertyTypes(catalog: Catalog, name: string): ReadonlySet<ValueType> {
  const found = new Set<ValueType>();
  for (const properties of catalog.events.values()) {
    const type = properties.get(name);
    if (type !== undefined) found.add(type);
  }
  return found;
}
