// In charge of the table of names that a column of an import can be mapped to. Not of whether a value is acceptable: validation
// decides that, for imports as for every other interface.

export type ImportKind = 'customers' | 'orders' | 'events';

/** Where the value goes: a field of the row, of its (one) item, or of one of its maps whose names the callers choose. */
export type Place = 'row' | 'item' | 'consent' | 'attributes' | 'properties';

/**
 * How a cell's text becomes a value: `text` as it stands; `trimmed` without the blanks around (amounts, dates); `list` split;
 * `boolean` from its words; `time` read in the import's zone where it names none; `open` by the registered type, else text.
 */
export type CellKind = 'text' | 'trimmed' | 'list' | 'boolean' | 'time' | 'open';

export interface ImportField {
  readonly target: string;
  readonly place: Place;
  readonly name: string;
  readonly cell: CellKind;
}

function fields(place: 'row' | 'item', cell: CellKind, ...names: string[]): ImportField[] {
  return names.map((name) => ({ target: place === 'item' ? `items.${name}` : name, place, name, cell }));
}

const FIELDS: Readonly<Record<ImportKind, readonly ImportField[]>> = {
  customers: [
    ...fields('row', 'text', 'id', 'email', 'phone', 'firstName', 'lastName', 'gender', 'country', 'region', 'city', 'postalCode'),
    ...fields('row', 'text', 'language', 'source'),
    ...fields('row', 'trimmed', 'birthday'),
    ...fields('row', 'list', 'tags'),
    ...fields('row', 'time', 'createdAt'),
  ],
  orders: [
    ...fields('row', 'text', 'id', 'customerId', 'status', 'currency', 'channel'),
    ...fields('row', 'trimmed', 'total', 'discount', 'exchangeRate'),
    ...fields('row', 'list', 'coupons'),
    ...fields('row', 'time', 'placedAt'),
    ...fields('item', 'text', 'productId', 'sku', 'name', 'category', 'brand'),
    ...fields('item', 'trimmed', 'quantity', 'unitPrice'),
  ],
  events: [...fields('row', 'text', 'id', 'customerId', 'name'), ...fields('row', 'time', 'occurredAt')],
};

const MAPS: Readonly<Record<ImportKind, readonly { readonly place: Place; readonly cell: CellKind }[]>> = {
  customers: [
    { place: 'consent', cell: 'boolean' },
    { place: 'attributes', cell: 'open' },
  ],
  orders: [],
  events: [{ place: 'properties', cell: 'open' }],
};

/** The field that holds the time, for each kind. */
export const TIME_FIELD: Readonly<Record<ImportKind, string>> = { customers: 'createdAt', orders: 'placedAt', events: 'occurredAt' };

const BY_TARGET: Readonly<Record<ImportKind, ReadonlyMap<string, ImportField>>> = {
  customers: new Map(FIELDS.customers.map((field) => [field.target, field])),
  orders: new Map(FIELDS.orders.map((field) => [field.target, field])),
  events: new Map(FIELDS.events.map((field) => [field.target, field])),
};

export function importField(kind: ImportKind, target: string): ImportField | undefined {
  const known = BY_TARGET[kind].get(target);
  if (known !== undefined) return known;
  for (const { place, cell } of MAPS[kind]) {
    if (target.startsWith(`${place}.`) && target.length > place.length + 1) {
      return { target, place, name: target.slice(place.length + 1), cell };
    }
  }
  return undefined;
}

/** Fields that the lines of an order share: the first of them may speak for all. */
export function isOfWholeOrder(kind: ImportKind, { place, name }: ImportField): boolean {
  return kind === 'orders' && place === 'row' && name !== 'id';
}

/** For hints. */
export function importTargets(kind: ImportKind): string[] {
  return FIELDS[kind].map((field) => field.target);
}
