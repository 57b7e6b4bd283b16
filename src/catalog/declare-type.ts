// In charge of declaring and listing the types of custom attributes and event properties. Registering by first value is registered-types.ts.
import { unreachable } from '../base/assert.ts';
import type { Client, Database } from '../db/database.ts';
import { AppError } from '../errors.ts';
import type { ValueType } from './catalog.ts';
import type { StoredType } from './registered-types.ts';

export interface Declaration {
  /** null: an attribute of customers */
  readonly event: string | null;
  readonly name: string;
  readonly type: ValueType;
  /** undefined: stays as it is */
  readonly description?: string | null | undefined;
}

export interface DeclaredType {
  readonly event: string | null;
  readonly name: string;
  readonly type: StoredType;
  readonly declared: boolean;
  readonly description: string | null;
}

/** What stood before a declaration. */
export type StoredDeclaration = Pick<DeclaredType, 'type' | 'declared' | 'description'>;

/**
 * Declares a type, or another one for a name that has one: only while no live rule reads it (`readBy`: keys of segments that do) and
 * all stored values convert, which are then rewritten. Stands in the caller's transaction, under the exclusive lock of the definitions,
 * whose epoch the caller moves. Throws AppError `in_use`, `conflict`.
 */
export async function declareType(
  client: Client,
  declaration: Declaration,
  readBy: readonly string[],
): Promise<{ readonly before: StoredDeclaration | null; readonly declared: DeclaredType }> {
  const { event, name, type, description } = declaration;
  const key = [event === null ? 'attribute' : 'property', event ?? '', name];
  if (event !== null) {
    await client.query(
      `insert into registered_types (scope, event_name, name, type) values ('property', $1, '', 'event') on conflict do nothing`,
      [event],
    );
  }
  const { rowCount: added } = await client.query(
    `insert into registered_types (scope, event_name, name, type, declared) values ($1, $2, $3, $4, true) on conflict do nothing`,
    [...key, type],
  );
  const { rows } = await client.query<StoredDeclaration>(
    `
select registered_types.type, registered_types.declared, registered_types.description
from registered_types
where registered_types.scope = $1
  and registered_types.event_name = $2
  and registered_types.name = $3
for update`,
    key,
  );
  const stored = rows[0]?.type;
  if (stored !== undefined && stored !== type) {
    if (readBy.length > 0) {
      throw new AppError('in_use', `${describe(declaration)} is ${stored} and read by ${readBy.join(', ')}; its type cannot change.`, {
        errors: readBy.map((segment) => ({ code: 'in_use', detail: `The rule of segment “${segment}” reads it.`, segment })),
      });
    }
    await convertStored(client, declaration, stored);
  }
  const { rows: declared } = await client.query<{ description: string | null }>(
    `
update registered_types
set type = $4,
  declared = true,
  description = case when $5 then $6 else registered_types.description end
where registered_types.scope = $1
  and registered_types.event_name = $2
  and registered_types.name = $3
returning registered_types.description`,
    [...key, type, description !== undefined, description ?? null],
  );
  const before = added === 0 ? (rows[0] ?? null) : null;
  return { before, declared: { event, name, type, declared: true, description: declared[0]?.description ?? null } };
}

function describe({ event, name }: Declaration): string {
  return event === null ? `The attribute ${JSON.stringify(name)}` : `The property ${JSON.stringify(name)} of ${JSON.stringify(event)}`;
}

/**
 * Rewrites stored values. The table is locked first: writers that judged by the old type are done and seen, later ones meet the raised
 * version behind their locks and judge again (see StaleTypes in ingest).
 */
async function convertStored(client: Client, declaration: Declaration, from: StoredType): Promise<void> {
  const { event, name, type } = declaration;
  const [table, column] = event === null ? (['customers', 'attributes'] as const) : (['events', 'properties'] as const);
  const value = `(${table}.${column} -> $1)`;
  const rows = `${table}.${column} ? $1 and ($2::text is null${event === null ? '' : ' or events.name = $2'})`;
  await client.query(`lock table ${table} in share row exclusive mode`);
  const { rows: wrong } = await client.query<{ value: string; occurrences: string }>(
    `
select left(${value}::text, 80) as value, count(*) as occurrences
from ${table}
where ${rows}
  and not (${converts(from, type, value)})
group by 1
order by 2 desc, 1
limit 3`,
    [name, event],
  );
  if (wrong.length > 0) {
    const examples = wrong.map((row) => row.value).join(', ');
    throw new AppError(
      'conflict',
      `${describe(declaration)} holds values that are no ${type}, such as ${examples}; its type cannot change.`,
    );
  }
  await client.query(
    `
update ${table}
set ${column} = jsonb_set(${table}.${column}, array[$1::text], ${converted(from, type, value)})
where ${rows}`,
    [name, event],
  );
  await client.query(`
insert into settings (name, value)
values ('types_version', '1')
on conflict (name) do update
set value = (settings.value::bigint + 1)::text`);
}

const NUMBER = String.raw`^-?\d{1,15}(\.\d{1,15})?$`;
const DATE = String.raw`^(19|20|21)\d\d-\d\d-\d\d$|^2200-\d\d-\d\d$`;
const TIMESTAMP = String.raw`^((19|20|21)\d\d|2200)-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`;
/** A float holds so many decimal digits. */
const NUMBER_DIGITS = 15;

/** A condition in SQL that never raises: does the stored jsonb value become one of that type without loss? */
function converts(from: StoredType, to: ValueType, value: string): string {
  const text = `(${value} #>> '{}')`;
  if (from === 'opaque' || from === 'list') return 'false';
  switch (to) {
    case 'string':
      return 'true';
    case 'list':
      return from === 'string' ? 'true' : 'false';
    case 'number':
      return from === 'string' ? `${text} ~ '${NUMBER}' and length(translate(${text}, '-.', '')) <= ${NUMBER_DIGITS}` : 'false';
    case 'boolean':
      return from === 'string' ? `${text} in ('true', 'false')` : 'false';
    case 'date':
      return from === 'string' ? `${text} ~ '${DATE}' and pg_input_is_valid(${text}, 'date')` : 'false';
    case 'timestamp':
      return from === 'string' ? `${text} ~ '${TIMESTAMP}' and pg_input_is_valid(${text}, 'timestamptz')` : 'false';
    default:
      return unreachable(to);
  }
}

/** Values for which `converts` holds: stored as JSON's own strings, or as text without any character that JSON would escape. */
const JSON_STRINGS: ReadonlySet<StoredType> = new Set(['string', 'date', 'timestamp']);

/**
 * The new jsonb value, of values for which `converts` holds. By immutable functions alone, which Citus asks of an update: the usual ones that
 * make jsonb of anything are not.
 */
function converted(from: StoredType, to: ValueType, value: string): string {
  const text = `(${value} #>> '{}')`;
  switch (to) {
    case 'string':
    case 'date':
      return JSON_STRINGS.has(from) ? value : `('"' || ${text} || '"')::jsonb`;
    case 'list':
      return `('[' || ${value}::text || ']')::jsonb`;
    case 'number':
      return `${text}::numeric::text::jsonb`;
    case 'boolean':
      return `${text}::jsonb`;
    case 'timestamp': // finer digits are cut off
      return `('"' || strata_instant_text(${text}) || '"')::jsonb`;
    default:
      return unreachable(to);
  }
}

/** Custom attributes that are registered, in order of name. */
export function listAttributes(database: Database): Promise<DeclaredType[]> {
  return database.query<DeclaredType & Record<string, unknown>>({
    name: 'catalog_list_attributes',
    text: `
select null as event, registered_types.name, registered_types.type, registered_types.declared, registered_types.description
from registered_types
where registered_types.scope = 'attribute'
order by registered_types.name`,
  });
}
