// In charge of one event as callers write it: everything wrong is reported. Properties get their types as attributes do, per event name.
import { failed, ok, type Result } from '../base/result.ts';
import type { ErrorDetail } from '../errors.ts';
import { customerKey } from './customer-key.ts';
import type { EventFact, FlatValue } from './facts.ts';
import type { RowContext } from './ingest-context.ts';
import { isObject, Problems, pointer } from './problem.ts';
import { readId, readInstant, refuseName } from './read-field.ts';
import { readValues } from './read-values.ts';

export const EVENT_FIELDS: ReadonlySet<string> = new Set(['id', 'customerId', 'name', 'occurredAt', 'properties']);

/** `base`: the JSON pointer of the row ('' for a body that is the row). */
export function validateEvent(raw: unknown, context: RowContext, base: string): Result<EventFact, ErrorDetail> {
  const problems = new Problems(context.near);
  if (!isObject(raw)) {
    problems.addWrongType(base, 'an event as an object', raw);
    return failed(problems.list, problems.more);
  }
  for (const name of Object.keys(raw)) if (!EVENT_FIELDS.has(name)) problems.addUnknown(pointer(base, name), name, EVENT_FIELDS);
  const id = readEventId(raw['id'], context, `${base}/id`, problems);
  const customerId = readId(raw['customerId'], 'the customer id', `${base}/customerId`, problems);
  const name = readName(raw['name'], `${base}/name`, problems);
  const occurredAtMs = readInstant(raw['occurredAt'], `${base}/occurredAt`, problems);
  const properties = readProperties(raw['properties'], name, context, `${base}/properties`, problems);
  if (problems.list.length > 0 || id === undefined || customerId === undefined || name === undefined)
    return failed(problems.list, problems.more);
  context.types.proposeEvent(name);
  const fact = { id, customerKey: customerKey(customerId), customerId, name, occurredAtMs: occurredAtMs ?? null, properties };
  return ok(Object.keys(properties).length === 0 ? fact : { ...fact, typesVersion: context.types.version });
}

function readEventId(value: unknown, context: RowContext, at: string, problems: Problems): string | undefined {
  const missing = value === null || value === undefined || value === '';
  return missing && context.newEventId !== null ? context.newEventId() : readId(value, 'the event id', at, problems);
}

function readName(value: unknown, at: string, problems: Problems): string | undefined {
  if (value === null || value === undefined || value === '') return problems.add(at, 'missing_field', 'the name of the event is needed');
  if (typeof value !== 'string') return problems.addWrongType(at, 'the name of the event as a string', value);
  return refuseName(value, 'the name of the event', at, problems) ? undefined : value;
}

/** Nothing is merged, so a missing property is simply absent. Without a name of the event their types cannot be known. */
function readProperties(
  value: unknown,
  event: string | undefined,
  context: RowContext,
  at: string,
  problems: Problems,
): Readonly<Record<string, FlatValue | object>> {
  if (value === null || value === undefined || value === '') return {};
  if (!isObject(value)) {
    problems.addWrongType(at, 'an object of properties', value);
    return {};
  }
  if (event === undefined) return {};
  const values = readValues(value, event, context, at, problems);
  const present = Object.entries(values).filter((entry): entry is [string, FlatValue | object] => entry[1] !== null);
  return Object.fromEntries(present);
}
