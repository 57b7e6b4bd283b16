// In charge of the routes of customers: write one or many, read one, list.
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import { listCustomers, readCustomer } from '../../ingest/read-customers.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import { BatchOutcome, CustomerBatch, CustomerInput, CustomerSchema, CustomerWritten } from './fact-schemas.ts';
import { customerFor, requirePersonal } from './personal.ts';
import { type Route, route } from './route.ts';
import { CustomerPath, FlagParameter, listOf, Page, storableText } from './wire.ts';
import { segmentsAfter, writeBatch, writeRow } from './write-rows.ts';

export const customerRoutes: readonly Route[] = [
  route({
    method: 'PUT',
    path: '/v1/customers/:customerId',
    operationId: 'putCustomer',
    tag: 'customers',
    scope: 'ingest',
    summary: 'Create a customer, or change the fields given',
    description: 'A merge, per attribute and consent too: what is absent stays, null clears; tags are replaced whole.',
    params: CustomerPath,
    body: { kind: 'document', schema: CustomerInput },
    answers: { 200: CustomerWritten },
    refusals: ['id_collision', 'not_found'],
    handle: async ({ strata, caller, params, body }) => {
      const { outcome } = await writeRow(strata, 'customers', body, params.customerId);
      const customer = await readCustomer(strata.database, params.customerId);
      if (customer === null) throw customerNotFound(params.customerId); // erased in between
      return {
        customer: customerFor(caller, customer),
        segments: segmentsAfter(caller, outcome, customerKey(params.customerId)),
        token: outcome.token,
      };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/customers',
    operationId: 'putCustomers',
    tag: 'customers',
    scope: 'ingest',
    summary: 'The same for many, all or nothing, or with `partial` the good rows',
    query: z.strictObject({ partial: FlagParameter.default(false) }),
    body: { kind: 'document', schema: CustomerBatch },
    answers: { 200: BatchOutcome },
    refusals: ['invalid_rows', 'id_collision'],
    handle: ({ strata, query, body }) => writeBatch(strata, 'customers', body, query.partial),
  }),
  route({
    method: 'GET',
    path: '/v1/customers',
    operationId: 'listCustomers',
    personal: { of: 'rows', fields: true },
    tag: 'customers',
    scope: 'members:read',
    summary: 'Customers in order of id',
    query: z.strictObject({ ...Page, email: storableText(1024).optional().meta({ description: 'Only those with exactly this one' }) }),
    fresh: 'write',
    answers: { 200: listOf(CustomerSchema) },
    refusals: ['invalid_cursor'],
    handle: async ({ reads, caller, query }) => {
      if (query.email !== undefined) requirePersonal(caller, 'asking by `email`');
      const [after = null] = decodeCursor('customers', query.after, ['text']) ?? [];
      const rows = await listCustomers(reads, { limit: query.limit + 1, after, email: query.email ?? null });
      return page(
        rows,
        query.limit,
        (customer) => customerFor(caller, customer),
        (last) => encodeCursor('customers', [last.id]),
      );
    },
  }),
  route({
    method: 'GET',
    path: '/v1/customers/:customerId',
    operationId: 'getCustomer',
    personal: { of: 'path', fields: true },
    tag: 'customers',
    scope: 'members:read',
    summary: 'One customer',
    params: CustomerPath,
    fresh: 'write',
    answers: { 200: CustomerSchema },
    refusals: ['not_found'],
    handle: async ({ reads, caller, params }) => {
      const customer = await readCustomer(reads, params.customerId);
      if (customer === null) throw customerNotFound(params.customerId);
      return customerFor(caller, customer);
    },
  }),
];

export function customerNotFound(id: string): AppError {
  return new AppError('not_found', `There is no customer “${id}”.`);
}
