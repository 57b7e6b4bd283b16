// In charge of one customer as callers write it: the whole row is judged, and everything wrong with it reported. Not of merging or writing.
import { failed, ok, type Result } from '../base/result.ts';
import type { ErrorDetail } from '../errors.ts';
import { customerKey } from './customer-key.ts';
import type { CustomerFact, FlatValue, ProfileColumn } from './facts.ts';
import type { RowContext } from './ingest-context.ts';
import { NAMES_MAX } from './limits.ts';
import { isObject, Problems, pointer } from './problem.ts';
import { readBoolean, readDate, readId, readInstant, readList, readText, refuseName } from './read-field.ts';
import { readValues } from './read-values.ts';

type Field =
  | { readonly kind: 'id' | 'tags' | 'consent' | 'attributes' | 'createdAt' }
  | { readonly kind: 'text' | 'date'; readonly column: ProfileColumn };

export const CUSTOMER_FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['id', { kind: 'id' }],
  ['email', { kind: 'text', column: 'email' }],
  ['phone', { kind: 'text', column: 'phone' }],
  ['firstName', { kind: 'text', column: 'first_name' }],
  ['lastName', { kind: 'text', column: 'last_name' }],
  ['gender', { kind: 'text', column: 'gender' }],
  ['birthday', { kind: 'date', column: 'birthday' }],
  ['country', { kind: 'text', column: 'country' }],
  ['region', { kind: 'text', column: 'region' }],
  ['city', { kind: 'text', column: 'city' }],
  ['postalCode', { kind: 'text', column: 'postal_code' }],
  ['language', { kind: 'text', column: 'language' }],
  ['source', { kind: 'text', column: 'source' }],
  ['tags', { kind: 'tags' }],
  ['consent', { kind: 'consent' }],
  ['attributes', { kind: 'attributes' }],
  ['createdAt', { kind: 'createdAt' }],
]);

/** `base`: the JSON pointer of the row ('' for a body that is the row). A field given as null, "" or [] is cleared. */
export function validateCustomer(raw: unknown, context: RowContext, base: string): Result<CustomerFact, ErrorDetail> {
  const problems = new Problems(context.near);
  if (!isObject(raw)) {
    problems.addWrongType(base, 'a customer as an object', raw);
    return failed(problems.list, problems.more);
  }
  const profile: Partial<Record<ProfileColumn, string | null>> = {};
  let id: string | undefined;
  let tags: readonly string[] | undefined;
  let attributes: Readonly<Record<string, FlatValue | object | null>> | undefined;
  let consents: Readonly<Record<string, boolean | null>> | undefined;
  let createdAtMs: number | undefined;
  for (const name of Object.keys(raw)) {
    const value = raw[name];
    const field = CUSTOMER_FIELDS.get(name);
    const at = pointer(base, name);
    switch (field?.kind) {
      case undefined:
        problems.addUnknown(at, name, CUSTOMER_FIELDS.keys());
        break;
      case 'id':
        id = readId(value, 'the customer id', at, problems);
        break;
      case 'text':
      case 'date': {
        const read = field.kind === 'text' ? readText(value, at, problems) : readDate(value, at, problems);
        if (read !== undefined) profile[field.column] = read;
        break;
      }
      case 'tags':
        tags = readList(value, at, problems) ?? [];
        break;
      case 'consent':
        if (isObject(value)) consents = readConsents(value, at, problems);
        else problems.addWrongType(at, 'an object of purposes', value, 'to clear one purpose send {"email": null}');
        break;
      case 'attributes':
        if (isObject(value)) attributes = readValues(value, null, context, at, problems);
        else problems.addWrongType(at, 'an object of attributes', value, 'to clear one attribute send {"tier": null}');
        break;
      case 'createdAt':
        createdAtMs = readInstant(value, at, problems) ?? undefined;
        break;
    }
  }
  if (!Object.hasOwn(raw, 'id')) readId(undefined, 'the customer id', pointer(base, 'id'), problems);
  if (problems.list.length > 0 || id === undefined) return failed(problems.list, problems.more);
  return ok({
    key: customerKey(id),
    id,
    profile,
    ...(tags === undefined ? {} : { tags }),
    ...(attributes === undefined ? {} : { attributes, typesVersion: context.types.version }),
    ...(consents === undefined ? {} : { consents }),
    ...(createdAtMs === undefined ? {} : { createdAtMs }),
  });
}

function readConsents(raw: Readonly<Record<string, unknown>>, base: string, problems: Problems): Readonly<Record<string, boolean | null>> {
  const entries: [string, boolean | null][] = [];
  const names = Object.keys(raw);
  if (names.length > NAMES_MAX) {
    problems.add(base, 'limit_exceeded', `at most ${NAMES_MAX} purposes are taken in one row, these are ${names.length}`);
    return {};
  }
  for (const name of names) {
    const at = pointer(base, name);
    if (refuseName(name, 'a purpose', at, problems)) continue;
    const value = readBoolean(raw[name], at, problems);
    if (value !== undefined) entries.push([name, value]);
  }
  return Object.fromEntries(entries); // defines properties, so that no name has a special meaning
}
