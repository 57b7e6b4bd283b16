// In charge of the content by which events without ids are counted and named: what the file says, whatever types its properties have been given;
// or, where the event is stored under the hash of another form, that one. Why there are other forms: docs/decisions/0033. Not of the count.
import { BatchTypes, RegisteredTypes } from '../../catalog/registered-types.ts';
import type { EventFact } from '../facts.ts';
import type { RowContext } from '../ingest-context.ts';
import { FIND_EVENTS, FIND_EVENTS_BY_CONTENT } from '../queries.ts';
import { overAnyRows, printInstant } from '../rows-query.ts';
import { validateEvent } from '../validate-event.ts';
import { eventContentHash, eventIdOf } from './event-id.ts';
import type { ImportRun } from './import-run.ts';
import { NO_EVENT_ID, type TakenRow } from './judge-rows.ts';

const NO_TYPES = new RegisteredTypes();

interface Content {
  readonly fact: EventFact;
  /** of what the file says */
  readonly said: string;
  /** of the values in their present types: what was the hash before it was that of what the file says */
  readonly typed: string;
}

/** The hash for each of these events, none of which has an id. */
export async function contentHashes(run: ImportRun, events: readonly TakenRow[]): Promise<ReadonlyMap<TakenRow, string>> {
  const hashes = new Map<TakenRow, string>();
  const doubtful = new Map<string, Content>();
  for (const event of events) {
    const fact = event.fact as EventFact;
    const typed = eventContentHash(fact);
    const said = isAsSaid(run, fact) ? typed : eventContentHash(asSaid(event));
    hashes.set(event, said);
    if (said !== typed || mayBeStoredOtherwise(run, fact)) doubtful.set(said, { fact, said, typed });
  }
  const stored = await findStored(run, [...doubtful.values()]);
  for (const [event, said] of hashes) hashes.set(event, stored.get(said) ?? said);
  return hashes;
}

function typesOf(run: ImportRun, { name, properties }: EventFact) {
  return Object.keys(properties).map((property) => run.target.types.property(name, property));
}

/** Of the values of JSON, only a timestamp is stored in another form than it was sent in; of cells, everything but text. */
function isAsSaid(run: ImportRun, fact: EventFact): boolean {
  return typesOf(run, fact).every(
    (known) => known === undefined || known.type === 'string' || (run.cellTimes === null && known.type !== 'timestamp'),
  );
}

/** Who never heard of another type than text can have stored it in no other form. */
function mayBeStoredOtherwise(run: ImportRun, fact: EventFact): boolean {
  return typesOf(run, fact).some((known) => known !== undefined && (known.declared || known.type !== 'string'));
}

/** Read as if nobody had declared anything. What cannot be read so was never stored so: a list's cell that is too long for a text. */
function asSaid({ row, fact }: TakenRow): EventFact {
  const context: RowContext = { types: new BatchTypes(NO_TYPES), currency: '', newEventId: () => NO_EVENT_ID };
  const result = validateEvent(row.raw, context, '');
  return result.ok ? result.value : (fact as EventFact);
}

/**
 * Under which hash they are stored, if it is another. The id comes first, since a conversion may leave other values than the file then gives ("5.0"
 * that was the number 5); then the values, which a conversion changes along with the type.
 */
async function findStored(run: ImportRun, contents: readonly Content[]): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  const ids = contents.flatMap(({ fact, said, typed }) =>
    [...new Set([said, typed])].map((hash) => ({ customer_id: fact.customerKey, id: eventIdOf(hash, 1) })),
  );
  const byId = await ask<{ id: string }>(run, FIND_EVENTS, ids);
  const known = new Set(byId.map(({ id }) => id));
  const unknown: Content[] = [];
  for (const content of contents) {
    const { said, typed } = content;
    if (known.has(eventIdOf(said, 1))) continue;
    if (known.has(eventIdOf(typed, 1))) hashes.set(said, typed);
    else unknown.push(content);
  }
  const rows = unknown.flatMap(({ fact, said }) => {
    const { customerKey, name, occurredAtMs, properties } = fact;
    if (occurredAtMs === null) return []; // stored with the instant of the write
    return [{ content: said, customer_id: customerKey, name, occurred_at: printInstant(occurredAtMs), properties }];
  });
  const byContent = await ask<{ content: string; id: string }>(run, FIND_EVENTS_BY_CONTENT, rows);
  for (const { content, id } of byContent) hashes.set(content, id.slice(0, content.length));
  return hashes;
}

async function ask<Found extends Record<string, unknown>>(
  run: ImportRun,
  query: Parameters<typeof overAnyRows>[0],
  rows: Parameters<typeof overAnyRows>[1],
): Promise<readonly Found[]> {
  const [statement] = overAnyRows(query, rows);
  return statement === undefined ? [] : run.target.database.query<Found>(statement);
}
