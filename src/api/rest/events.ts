// In charge of the routes of events: append many, list a customer's.
import { z } from 'zod';
import { readCustomer } from '../../ingest/read-customers.ts';
import { listEvents } from '../../ingest/read-events.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import { customerNotFound } from './customers.ts';
import { BatchOutcome, EventBatch, EventSchema } from './fact-schemas.ts';
import { type Route, route } from './route.ts';
import { CustomerPath, FlagParameter, listOf, Page, storableText } from './wire.ts';
import { writeBatch } from './write-rows.ts';

export const eventRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/events',
    operationId: 'appendEvents',
    tag: 'events',
    scope: 'ingest',
    summary: 'Append events; an `id` makes a retry harmless',
    query: z.strictObject({ partial: FlagParameter.default(false) }),
    body: { kind: 'document', schema: EventBatch },
    answers: { 200: BatchOutcome },
    refusals: ['invalid_rows', 'id_collision'],
    handle: ({ strata, query, body }) => writeBatch(strata, 'events', body, query.partial),
  }),
  route({
    method: 'GET',
    path: '/v1/customers/:customerId/events',
    operationId: 'listEvents',
    personal: { of: 'path' },
    tag: 'customers',
    scope: 'members:read',
    summary: 'The customer’s events, newest first',
    params: CustomerPath,
    query: z.strictObject({ ...Page, name: storableText(256).optional().meta({ description: 'Only events of this name' }) }),
    fresh: 'write',
    answers: { 200: listOf(EventSchema) },
    refusals: ['not_found', 'invalid_cursor'],
    handle: async ({ reads, params, query }) => {
      const place = decodeCursor('events', query.after, ['instant', 'text']);
      const after = place === null ? null : { atMs: Number(place[0]), id: String(place[1]) };
      const rows = await listEvents(reads, params.customerId, { limit: query.limit + 1, after, name: query.name ?? null });
      if (rows.length === 0 && (await readCustomer(reads, params.customerId)) === null) throw customerNotFound(params.customerId);
      return page(
        rows,
        query.limit,
        (event) => event,
        (last) => encodeCursor('events', [Date.parse(last.occurredAt), last.id]),
      );
    },
  }),
];
