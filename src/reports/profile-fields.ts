// In charge of which fields have distributions: the fields of a profile whose values many customers share, and custom attributes.

import { AppError } from '../errors.ts';
import type { ReportSource } from './in-report.ts';

/** Named as in rules. What is different for nearly everybody (a name, an address) is not among them. */
export const PROFILE_FIELDS = ['gender', 'age', 'country', 'region', 'city', 'language', 'source', 'tags'] as const;
export type ProfileField = (typeof PROFILE_FIELDS)[number];

export const USUAL_FIELDS: readonly ProfileField[] = ['gender', 'age', 'country', 'city', 'language', 'source'];
const ATTRIBUTE = 'attributes.';

/** `list`: a customer may have several values, and is counted under each. */
export interface AskedField {
  readonly name: string;
  readonly kind: 'column' | 'age' | 'list' | 'attribute' | 'attribute list';
}

/** Few customers share a value of the other fields, so that counting by several of those at once would count nothing together. */
const COUNTED_TOGETHER: ReadonlySet<string> = new Set(['gender', 'age', 'country', 'language', 'source']);

export function isCountedTogether({ name }: AskedField): boolean {
  return COUNTED_TOGETHER.has(name);
}

export function attributeOf({ name }: AskedField): string {
  return name.slice(ATTRIBUTE.length);
}

/** Throws `invalid_request` for names that are no fields, and attributes that nobody has. */
export async function readFields({ database }: ReportSource, names: readonly string[]): Promise<readonly AskedField[]> {
  const attributes = names.filter((name) => name.startsWith(ATTRIBUTE)).map((name) => name.slice(ATTRIBUTE.length));
  const rows = await database.query<{ name: string; type: string }>({
    text: `
      select t.name, t.type
      from registered_types as t
      where t.scope = 'attribute' and t.event_name = '' and t.name = any($1::text[])`,
    values: [attributes],
  });
  const types = new Map(rows.map(({ name, type }) => [name, type]));
  return names.map((name) => {
    if (name === 'age') return { name, kind: 'age' };
    if (name === 'tags') return { name, kind: 'list' };
    if ((PROFILE_FIELDS as readonly string[]).includes(name)) return { name, kind: 'column' };
    const type = name.startsWith(ATTRIBUTE) ? types.get(name.slice(ATTRIBUTE.length)) : undefined;
    if (type === undefined) throw noField(name);
    return { name, kind: type === 'list' || type === 'opaque' ? 'attribute list' : 'attribute' };
  });
}

export function isAttribute(name: string): boolean {
  return name.startsWith(ATTRIBUTE);
}

function noField(name: string): AppError {
  const detail = `There is no distribution of \`${name.slice(0, 100)}\`; there are those of ${PROFILE_FIELDS.join(', ')}, and attributes.NAME.`;
  return new AppError('invalid_request', detail, { errors: [{ parameter: 'by', code: 'invalid_value', detail }] });
}
