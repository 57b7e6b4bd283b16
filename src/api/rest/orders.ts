// In charge of the routes of orders: write one or many, delete, read, list a customer's.
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import { NO_FACTS } from '../../ingest/facts.ts';
import type { PreparedBatch } from '../../ingest/prepare-batch.ts';
import { readCustomer } from '../../ingest/read-customers.ts';
import { listOrders, readOrder } from '../../ingest/read-orders.ts';
import { type WriteOutcome, write } from '../../pipeline.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import { customerNotFound } from './customers.ts';
import { BatchOutcome, OrderBatch, OrderInput, OrderSchema, OrderWritten } from './fact-schemas.ts';
import { type Route, route } from './route.ts';
import { CustomerPath, FlagParameter, listOf, OrderPath, Page } from './wire.ts';
import { segmentsAfter, writeBatch, writeRow } from './write-rows.ts';

export const orderRoutes: readonly Route[] = [
  route({
    method: 'PUT',
    path: '/v1/orders/:orderId',
    operationId: 'putOrder',
    tag: 'orders',
    scope: 'ingest',
    summary: 'Create an order, or replace the one of this id, also another customer’s',
    params: OrderPath,
    body: { kind: 'document', schema: OrderInput },
    answers: { 200: OrderWritten },
    refusals: ['id_collision'],
    handle: async ({ strata, caller, params, body }) => {
      const answerOf = (batch: PreparedBatch, outcome: WriteOutcome) => {
        const [order] = batch.facts.orders;
        if (order === undefined) throw new Error('an accepted order is not among the facts');
        const segments = segmentsAfter(caller, outcome, order.customerKey);
        return { id: order.id, customerId: order.customerId, segments, changes: outcome.changes, token: outcome.token };
      };
      const { batch, outcome } = await writeRow(strata, 'orders', body, params.orderId, answerOf);
      return answerOf(batch, outcome);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/orders',
    operationId: 'putOrders',
    tag: 'orders',
    scope: 'ingest',
    summary: 'The same for many, all or nothing, or with `partial` the good rows',
    query: z.strictObject({ partial: FlagParameter.default(false) }),
    body: { kind: 'document', schema: OrderBatch },
    answers: { 200: BatchOutcome },
    refusals: ['invalid_rows', 'id_collision'],
    handle: ({ strata, query, body }) => writeBatch(strata, 'orders', body, query.partial),
  }),
  route({
    method: 'GET',
    path: '/v1/orders/:orderId',
    operationId: 'getOrder',
    personal: { of: 'owner' },
    tag: 'orders',
    scope: 'members:read',
    summary: 'One order with its items',
    params: OrderPath,
    fresh: 'write',
    answers: { 200: OrderSchema },
    refusals: ['not_found'],
    handle: async ({ strata, reads, params }) => {
      const order = await readOrder(reads, strata.currency, params.orderId);
      if (order === null) throw orderNotFound(params.orderId);
      return order;
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/orders/:orderId',
    operationId: 'deleteOrder',
    tag: 'orders',
    scope: 'ingest',
    summary: 'Remove an order and evaluate its customer again',
    params: OrderPath,
    answers: { 200: OrderWritten },
    refusals: ['not_found'],
    handle: async ({ strata, caller, params }) => {
      const order = await readOrder(strata.database, strata.currency, params.orderId);
      if (order === null) throw orderNotFound(params.orderId);
      const answerOf = (outcome: WriteOutcome) => {
        const segments = segmentsAfter(caller, outcome, customerKey(order.customerId));
        return { id: order.id, customerId: order.customerId, segments, changes: outcome.changes, token: outcome.token };
      };
      return answerOf(await write(strata, { ...NO_FACTS, deletedOrderIds: [order.id] }, answerOf));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/customers/:customerId/orders',
    operationId: 'listOrders',
    personal: { of: 'path' },
    tag: 'customers',
    scope: 'members:read',
    summary: 'The customer’s orders, newest first',
    params: CustomerPath,
    query: z.strictObject(Page),
    fresh: 'write',
    answers: { 200: listOf(OrderSchema) },
    refusals: ['not_found', 'invalid_cursor'],
    handle: async ({ strata, reads, params, query }) => {
      const place = decodeCursor('orders', query.after, ['instant', 'text']);
      const after = place === null ? null : { atMs: Number(place[0]), id: String(place[1]) };
      const rows = await listOrders(reads, strata.currency, params.customerId, { limit: query.limit + 1, after });
      if (rows.length === 0 && (await readCustomer(reads, params.customerId)) === null) throw customerNotFound(params.customerId);
      return page(
        rows,
        query.limit,
        (order) => order,
        (last) => encodeCursor('orders', [Date.parse(last.placedAt), last.id]),
      );
    },
  }),
];

function orderNotFound(id: string): AppError {
  return new AppError('not_found', `There is no order “${id}”.`);
}
