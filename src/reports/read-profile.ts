// In charge of distributions of profiles: how many customers have each value of a field, in the segments and among everybody. The values that
// most members have are listed, the others counted together.
import { unreachable } from '../base/assert.ts';
import { dayOf, partsOfDay } from '../base/calendar.ts';
import { AGE_LABELS, birthdayBounds, UNBORN } from './bands.ts';
import type { ReportSource } from './in-report.ts';
import { type Amounts, type OfMask, selectMasks, sumUp } from './masks.ts';
import { type Part, partOf } from './part.ts';
import { type AskedField, attributeOf, isCountedTogether } from './profile-fields.ts';

export interface Distribution {
  readonly field: string;
  /** the most frequent among members first */
  readonly values: readonly (Part & { readonly value: string })[];
  readonly missing: Part;
  /** those with other values; null: the field is a list, of which a customer may have several values */
  readonly others: Part | null;
}

interface ValueRow extends OfMask {
  readonly field: number;
  readonly value: string | null;
  readonly place: string | null;
  readonly customers: string;
}

/** How a field's values are counted; rows are in order of place. */
export interface CountedField {
  readonly field: AskedField;
  readonly values: readonly { readonly value: string; readonly amounts: Amounts }[];
  readonly missing: Amounts;
}

/** `most`: how many values of a field are listed. */
export async function readProfile(
  source: ReportSource,
  segmentIds: readonly number[],
  fields: readonly AskedField[],
  { most, timeZone }: { readonly most: number; readonly timeZone: string },
): Promise<readonly CountedField[]> {
  const together = fields.filter(isCountedTogether);
  const groups = [
    ...(together.length === 0 ? [] : [together]),
    ...fields.filter((field) => !isCountedTogether(field)).map((field) => [field]),
  ];
  const counted = new Map<AskedField, CountedField>();
  for (const group of groups) {
    const rows = await readGroup(source, segmentIds, group, most, timeZone);
    for (const [index, field] of group.entries()) {
      const own = rows.filter((row) => row.field === index);
      counted.set(field, toCounted(field, own, segmentIds.length));
    }
  }
  return fields.flatMap((field) => counted.get(field) ?? []);
}

function toCounted(field: AskedField, rows: readonly ValueRow[], segments: number): CountedField {
  const byValue = Map.groupBy(rows, ({ value }) => value);
  const amountsOf = (group: readonly ValueRow[]) => sumUp(group, segments, ({ customers }) => customers);
  const values = [...byValue].flatMap(([value, group]) =>
    value === null ? [] : [{ value: labelOf(field, value), amounts: amountsOf(group) }],
  );
  return { field, values, missing: amountsOf(byValue.get(null) ?? []) };
}

function labelOf(field: AskedField, value: string): string {
  return field.kind === 'age' ? (AGE_LABELS[Number(value)] ?? value) : value;
}

/**
 * One pass over all customers: by all values of the group at once, and then by each. The where tells Postgres the types of parameters that not
 * every group uses.
 */
function readGroup(
  { database, atMs }: ReportSource,
  segmentIds: readonly number[],
  fields: readonly AskedField[],
  most: number,
  timeZone: string,
): Promise<ValueRow[]> {
  const [only] = fields;
  const columns = fields.map((_, index) => `f${index}`).join(', ');
  const pairs = fields.map((_, index) => `(${index}, g.f${index})`).join(', ');
  return database.query<ValueRow & Record<string, never>>({
    text: `
      with counted as (
        select coalesce(m.mask, 0) as mask, ${fields.map((field, index) => `${fieldValue(field)} as f${index}`).join(', ')}, count(*) as customers
        from customers as c
        left join (${selectMasks(segmentIds.length, '$1')}) as m on m.customer_id = c.id
        ${only?.kind === 'list' || only?.kind === 'attribute list' ? elementsOf(only) : ''}
        where $3::date[] is not null and $4::text is not null
        group by mask, ${columns}
      ), by_value as (
        select f.field, f.value, g.mask, sum(g.customers) as customers
        from counted as g
        cross join lateral (values ${pairs}) as f (field, value)
        group by f.field, f.value, g.mask
      ), places as (
        select b.field, b.value,
          row_number() over (
            partition by b.field
            order by coalesce(sum(b.customers) filter (where b.mask <> 0), 0) desc, sum(b.customers) desc, b.value collate "C"
          ) as place
        from by_value as b
        where b.value is not null
        group by b.field, b.value
      )
      select b.field, b.value, b.mask, b.customers, p.place
      from by_value as b
      left join places as p on p.field = b.field and p.value = b.value
      where b.value is null or p.place <= $2
      order by b.field, p.place, b.mask`,
    values: [
      segmentIds,
      most,
      birthdayBounds(partsOfDay(dayOf(atMs, timeZone))),
      only?.kind === 'attribute' || only?.kind === 'attribute list' ? attributeOf(only) : '',
    ],
  });
}

/** SQL: text, null if the customer has none. */
function fieldValue({ kind, name }: AskedField): string {
  switch (kind) {
    case 'column':
      return `c.${name}`; // one of PROFILE_FIELDS
    case 'age':
      return `nullif(width_bucket(c.birthday, $3::date[]), ${UNBORN})::text`;
    case 'attribute':
      return 'c.attributes ->> $4::text';
    case 'list':
    case 'attribute list':
      return 'e.value';
    default:
      return unreachable(kind);
  }
}

/** SQL: each element once; one row without a value for customers who have none. */
function elementsOf({ kind }: AskedField): string {
  const elements =
    kind === 'list'
      ? 'unnest(c.tags)'
      : `jsonb_array_elements_text(case jsonb_typeof(c.attributes -> $4::text) when 'array' then c.attributes -> $4::text end)`;
  return `left join lateral (select distinct l.value from ${elements} as l (value)) as e on true`;
}

/** What was counted for the segment at `index`. */
export function toDistribution({ field, values, missing }: CountedField, customers: Amounts, index: number): Distribution {
  const known = values.map(({ amounts }) => amounts);
  const others = subtract(customers, [...known, missing]);
  return {
    field: field.name,
    values: values.map(({ value, amounts }) => ({ value, ...partOf(amounts, customers, index) })),
    missing: partOf(missing, customers, index),
    others: field.kind === 'list' || field.kind === 'attribute list' ? null : partOf(others, customers, index),
  };
}

function subtract(from: Amounts, parts: readonly Amounts[]): Amounts {
  return {
    inside: from.inside.map((amount, index) => parts.reduce((rest, part) => rest - (part.inside[index] ?? 0n), amount)),
    everybody: parts.reduce((rest, part) => rest - part.everybody, from.everybody),
  };
}
