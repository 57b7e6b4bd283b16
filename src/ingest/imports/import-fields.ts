// In charge of the table of names that a column of an import can be mapped to, and of the kind of cell each takes.
// Not of whether a value is acceptable: validation decides that, for imports as for every other face.
import type { ValueType } from '../../catalog/catalog.ts';

export type ImportKind = 'customers' | 'orders' | 'events';

/**
 * How a cell's text becomes a value: `text` as it stands; `decimal` kept as text, exact; `list` split by `|`; `boolean` from its words;
 * `time` read in the import's zone where it names none; `open` by the type that is declared or registered, else text.
 */
export type CellKind = 'text' | 'decimal' | 'list' | 'boolean' | 'time' | 'open';

/** Where the value goes: a field of the row, of its (one) item, or of one of its open maps. */
export type Place = 'row' | 'item' | 'consent' | 'attributes' | 'properties';

export interface ImportField {
  readonly target: string;
  readonly place: Place;
  readonly name: string;
  readonly cell: CellKind;
}

function fields(place: 'row' | 'item', cell: CellKind, ...names: string[]): ImportField[] {
  return names.map((name) => ({ target: place === 'item' ? `items.${name}` : name, place, name, cell }));
}

export const IMPORT_FIELDS: Readonly<Record<ImportKind, readonly ImportField[]>> = {
  customers: [
    ...fields('row', 'text', 'id', 'email', 'phone', 'firstName', 'lastName', 'gender', 'birthday', 'country', 'region', 'city'),
    ...fields('row', 'text', 'postalCode', 'language', 'source'),
    ...fields('row', 'list', 'tags'),
    ...fields('row', 'time', 'createdAt'),
  ],
  orders: [
    ...fields('row', 'text', 'id', 'customerId', 'status', 'currency', 'channel'),
    ...fields('row', 'decimal', 'total', 'discount', 'exchangeRate'),
    ...fields('row', 'list', 'coupons'),
    ...fields('row', 'time', 'placedAt'),
    ...fields('item', 'text', 'productId', 'sku', 'name', 'category', 'brand'),
    ...fields('item', 'decimal', 'quantity', 'unitPrice'),
  ],
  events: [...fields('row', 'text', 'id', 'customerId', 'name'), ...fields('row', 'time', 'occurredAt')],
};

/** Maps whose names the callers choose: `attributes.tier`, `consent.email`, `properties.path`. */
const OPEN_PLACES: Readonly<Record<ImportKind, readonly { readonly place: Place; readonly cell: CellKind }[]>> = {
  customers: [
    { place: 'consent', cell: 'boolean' },
    { place: 'attributes', cell: 'open' },
  ],
  orders: [],
  events: [{ place: 'properties', cell: 'open' }],
};

const BY_TARGET: Readonly<Record<ImportKind, ReadonlyMap<string, ImportField>>> = {
  customers: new Map(IMPORT_FIELDS.customers.map((field) => [field.target, field])),
  orders: new Map(IMPORT_FIELDS.orders.map((field) => [field.target, field])),
  events: new Map(IMPORT_FIELDS.events.map((field) => [field.target, field])),
};

export function importField(kind: ImportKind, target: string): ImportField | undefined {
  const known = BY_TARGET[kind].get(target);
  if (known !== undefined) return known;
  for (const { place, cell } of OPEN_PLACES[kind]) {
    if (target.startsWith(`${place}.`) && target.length > place.length + 1) {
      return { target, place, name: target.slice(place.length + 1), cell };
    }
  }
  return undefined;
}

/** For hints. */
export function importTargets(kind: ImportKind): string[] {
  return IMPORT_FIELDS[kind].map((field) => field.target);
}

export const OPEN_TYPES: readonly ValueType[] = ['string', 'number', 'boolean', 'date', 'timestamp', 'list'];
