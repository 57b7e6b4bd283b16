// In charge of reading from the database what rules may name, and which values fields take most often. Not of registering types.
import { inOrder, type Queryable } from '../db/database.ts';
import { BUILT_IN_FIELDS, type Catalog, type CatalogSegment, type Scope, type SegmentStatus, type ValueType } from './catalog.ts';

/** A new snapshot. Opaque lists are apart in it, by name: they are kept, but no rule may ask them. */
export async function loadCatalog(database: Queryable): Promise<Catalog> {
  const [types, consents, segments] = await inOrder([readTypes(database), readConsents(database), readSegments(database)] as const);
  const attributes = new Map<string, ValueType>();
  const events = new Map<string, Map<string, ValueType>>();
  const opaque = new Map<string, Set<string>>();
  for (const row of types) {
    if (row.scope === 'attribute') {
      if (isValueType(row.type)) attributes.set(row.name, row.type);
      continue;
    }
    const properties = events.get(row.event_name) ?? new Map<string, ValueType>();
    events.set(row.event_name, properties);
    if (isValueType(row.type)) properties.set(row.name, row.type);
    else if (row.type === 'opaque') opaque.set(row.event_name, (opaque.get(row.event_name) ?? new Set()).add(row.name));
  }
  return { attributes, events, opaque, consents: new Set(consents), segments: new Map(segments.map((segment) => [segment.key, segment])) };
}

type StoredRowType = ValueType | 'opaque' | 'event';

interface TypeRow {
  readonly scope: 'attribute' | 'property';
  readonly event_name: string;
  readonly name: string;
  readonly type: StoredRowType;
}

function isValueType(type: StoredRowType): type is ValueType {
  return type !== 'opaque' && type !== 'event';
}

function readTypes(database: Queryable): Promise<TypeRow[]> {
  return database.query<TypeRow>({
    name: 'catalog_read_all_types',
    text: `
select registered_types.scope, registered_types.event_name, registered_types.name, registered_types.type
from registered_types
order by registered_types.scope collate "C", registered_types.event_name, registered_types.name`,
  });
}

/** Customers looked at for frequent values: the cost does not grow with the shop. */
export const SAMPLE_ROWS = 10_000;
/** For the names of consents, which every change of definitions reads a few times (7 ms with 10,000 rows, a tenth of a small publish). */
const CONSENT_ROWS = 2_000;
export const FREQUENT_VALUES = 20;

/** Purposes that the sample carries; one that only others carry is unknown to the checker, which then warns, and works all the same. */
async function readConsents(database: Queryable): Promise<string[]> {
  const rows = await database.query<{ purpose: string }>({
    name: 'catalog_read_consents',
    text: `
with sample as (
  select customers.consents
  from customers
  limit ${CONSENT_ROWS}
)
select distinct purposes.purpose collate "C" as purpose
from sample
cross join jsonb_object_keys(sample.consents) as purposes (purpose)
order by 1`,
  });
  return rows.map((row) => row.purpose);
}

async function readSegments(database: Queryable): Promise<CatalogSegment[]> {
  const rows = await database.query<{ id: number; key: string; status: SegmentStatus; rule: unknown; together: string[] | null }>({
    name: 'catalog_read_segments',
    text: `
select segments.id, segments.key, segments.status, segment_versions.rule,
  (
    select array_agg(others.key order by others.key)
    from segment_groups
    join segment_group_versions
      on segment_group_versions.group_id = segment_groups.id
      and segment_group_versions.number = segment_groups.version
    join segments as others
      on others.id = any(segment_group_versions.segment_ids || segment_group_versions.otherwise_id)
    where segment_groups.deleted_at is null
      and segments.id = any(segment_group_versions.segment_ids || segment_group_versions.otherwise_id)
      and others.id <> segments.id
  ) as together
from segments
left join segment_versions
  on segment_versions.segment_id = segments.id
  and segment_versions.number = segments.version
order by segments.id`,
  });
  return rows.map(({ id, key, status, rule, together }) => {
    const references = [...referencesOf(rule)];
    return together === null ? { id, key, status, references } : { id, key, status, references, together };
  });
}

/** The keys of `{"segment": key}` anywhere in a stored rule. */
function referencesOf(rule: unknown, found: Set<string> = new Set()): Set<string> {
  if (Array.isArray(rule)) {
    for (const element of rule) referencesOf(element, found);
  } else if (typeof rule === 'object' && rule !== null) {
    for (const [name, value] of Object.entries(rule)) {
      if (name === 'segment' && typeof value === 'string') found.add(value);
      else referencesOf(value, found);
    }
  }
  return found;
}

// ---------------------------------------------------------------- for builders of rules

export interface CatalogEntry {
  readonly scope: Scope;
  /** as it is written in a rule within its scope: `country`, `attributes.tier`, `consent.email`, `properties.path` */
  readonly path: string;
  readonly kind: 'field' | 'attribute' | 'consent' | 'property';
  readonly name: string;
  /** of a property; null otherwise */
  readonly event: string | null;
  readonly type: ValueType;
  readonly description: string | null;
  readonly declared: boolean;
  /** at most 20, most frequent first, of a sample of at most 10,000 rows of the table; strings, elements of lists, booleans. Else empty */
  readonly values: readonly string[];
}

/** Every field with its type and frequent values. Segments and bare events are in `loadCatalog`. */
export async function catalogEntries(database: Queryable): Promise<readonly CatalogEntry[]> {
  const [registered, consents, values] = await Promise.all([
    readRegistered(database),
    readConsents(database),
    readFrequentValues(database),
  ]);
  const builtIn = BUILT_IN_FIELDS.map(({ scope, name, type }): CatalogEntry => {
    const kind = 'field';
    return {
      scope,
      path: name,
      kind,
      name,
      event: null,
      type,
      description: null,
      declared: false,
      values: values.of(kind, scope, null, name),
    };
  });
  const custom = registered.map(({ scope, event_name, name, type, declared, description }): CatalogEntry => {
    if (scope === 'attribute') {
      const found = values.of('attribute', 'customers', null, name);
      return {
        scope: 'customers',
        path: `attributes.${name}`,
        kind: 'attribute',
        name,
        event: null,
        type,
        description,
        declared,
        values: found,
      };
    }
    const found = values.of('property', 'events', event_name, name);
    return {
      scope: 'events',
      path: `properties.${name}`,
      kind: 'property',
      name,
      event: event_name,
      type,
      description,
      declared,
      values: found,
    };
  });
  const purposes = consents.map((name): CatalogEntry => {
    const type = 'boolean';
    return {
      scope: 'customers',
      path: `consent.${name}`,
      kind: 'consent',
      name,
      event: null,
      type,
      description: null,
      declared: false,
      values: ['true', 'false'],
    };
  });
  return [...builtIn, ...purposes, ...custom];
}

interface RegisteredRow {
  readonly scope: 'attribute' | 'property';
  readonly event_name: string;
  readonly name: string;
  readonly type: ValueType;
  readonly declared: boolean;
  readonly description: string | null;
}

function readRegistered(database: Queryable): Promise<RegisteredRow[]> {
  return database.query<RegisteredRow>({
    name: 'catalog_read_registered',
    text: `
select registered_types.scope, registered_types.event_name, registered_types.name, registered_types.type, registered_types.declared,
  registered_types.description
from registered_types
where registered_types.type not in ('event', 'opaque')
order by registered_types.scope collate "C", registered_types.event_name, registered_types.name`,
  });
}

interface FrequentValues {
  of(kind: CatalogEntry['kind'], scope: Scope, event: string | null, name: string): readonly string[];
}

const VALUE_MAX_CHARACTERS = 200; // longer ones are no choice for anybody

/** Fields whose values are worth offering: those that many rows share. */
const OFFERED: Readonly<Record<'customers' | 'orders' | 'order_items', readonly string[]>> = {
  customers: ['gender', 'country', 'region', 'city', 'language', 'source', 'tags'],
  orders: ['status', 'channel', 'currency', 'coupons'],
  order_items: ['status', 'channel', 'product_id', 'sku', 'name', 'category', 'brand'],
};

async function readFrequentValues(database: Queryable): Promise<FrequentValues> {
  const rows = (
    await Promise.all([
      database.query<ValueRow>({ name: 'catalog_values_customers', text: VALUES_OF_CUSTOMERS }),
      database.query<ValueRow>({ name: 'catalog_values_orders', text: rank(columnPairs('orders')) }),
      database.query<ValueRow>({ name: 'catalog_values_items', text: rank(columnPairs('order_items')) }),
      database.query<ValueRow>({ name: 'catalog_values_events', text: VALUES_OF_EVENTS }),
    ])
  ).flat();
  const byField = new Map<string, string[]>();
  for (const { kind, owner, name, value } of rows) {
    const field = JSON.stringify([kind, owner, name]);
    const list = byField.get(field);
    if (list === undefined) byField.set(field, [value]);
    else list.push(value);
  }
  return { of: (kind, scope, event, name) => byField.get(JSON.stringify([kind, event ?? scope, name])) ?? [] };
}

interface ValueRow {
  readonly kind: CatalogEntry['kind'];
  /** the scope, of a property its event */
  readonly owner: string;
  readonly name: string;
  readonly value: string;
}

/** The most frequent values by field, in order. `pairs`: rows of kind, owner, name, value. */
function rank(pairs: string): string {
  return `
with pairs as (${pairs}
),
counted as (
  select pairs.kind, pairs.owner, pairs.name, pairs.value collate "C" as value, count(*) as occurrences
  from pairs
  where length(pairs.value) between 1 and ${VALUE_MAX_CHARACTERS}
  group by 1, 2, 3, 4
),
ranked as (
  select counted.kind, counted.owner, counted.name, counted.value,
    row_number() over (partition by counted.kind, counted.owner, counted.name order by counted.occurrences desc, counted.value) as place
  from counted
)
select ranked.kind, ranked.owner, ranked.name, ranked.value
from ranked
where ranked.place <= ${FREQUENT_VALUES}
order by ranked.kind, ranked.owner, ranked.name, ranked.place`;
}

function sampleOf(table: keyof typeof OFFERED | 'events'): string {
  return `(select * from ${table} limit ${SAMPLE_ROWS}) as sample`;
}

function columnPairs(table: keyof typeof OFFERED): string {
  const scope = table === 'order_items' ? 'items' : table;
  const selects = OFFERED[table].map((column) => {
    const value = column === 'tags' || column === 'coupons' ? `unnest(sample.${column})` : `sample.${column}`;
    return `
  select 'field' as kind, '${scope}' as owner, '${column}' as name, ${value} as value
  from ${sampleOf(table)}`;
  });
  return selects.join('\n  union all');
}

/** Texts, booleans and elements of lists in a flat jsonb object. */
function memberPairs(kind: 'attribute' | 'property', owner: string, table: 'customers' | 'events', column: string): string {
  return `
  select '${kind}' as kind, ${owner} as owner, members.name, listed.value
  from ${sampleOf(table)}
  cross join lateral jsonb_each(sample.${column}) as members (name, value)
  cross join lateral (
    select members.value #>> '{}' as value
    where jsonb_typeof(members.value) in ('string', 'boolean')
    union all
    select elements.value
    from jsonb_array_elements_text(case when jsonb_typeof(members.value) = 'array' then members.value else '[]' end) as elements (value)
  ) as listed`;
}

const VALUES_OF_CUSTOMERS = rank(
  `${columnPairs('customers')}\n  union all${memberPairs('attribute', "'customers'", 'customers', 'attributes')}`,
);
const VALUES_OF_EVENTS = rank(memberPairs('property', 'sample.name', 'events', 'properties'));
