// In charge of the routes of erasure: erase a customer, read a receipt again, ask whether an id has been erased.
import { z } from 'zod';
import { isUuid } from '../../base/uuid.ts';
import { findReceipts, type Receipt, readReceipt } from '../../changes/erasures.ts';
import { AppError } from '../../errors.ts';
import { readCustomer } from '../../ingest/read-customers.ts';
import { erase } from '../../pipeline.ts';
import { type Route, route } from './route.ts';
import { Count, CustomerId, CustomerPath, Instant, instant, instantOrNull, Token } from './wire.ts';

const Hex = z.string().regex(/^[0-9a-f]+$/);

const receiptFields = {
  receiptId: z.uuid(),
  erasedAt: Instant,
  changes: Count.meta({ description: 'How many segments the customer was in: as many exits with cause `erasure` are in the feed' }),
  exitsUntil: Instant.meta({ description: 'Until then the exits can be read in the feed; then they are tombstones too' }),
  blankedAt: Instant.nullable().meta({
    description: 'When they became tombstones and the last trace of the id was removed; null: not yet',
  }),
  salt: Hex.meta({ description: '32 random bytes' }),
  hash: Hex.meta({
    description: 'SHA-256 of the salt’s bytes followed by the id’s UTF-8: whoever knows the id can check that it is meant',
  }),
};

const ReceiptSchema = z.strictObject(receiptFields).meta({ id: 'ErasureReceipt', description: 'Proof of an erasure that names nobody' });
const ErasedSchema = z.strictObject({ ...receiptFields, token: Token }).meta({ id: 'Erased' });

const CheckInput = z.strictObject({ id: CustomerId });
const CheckSchema = z
  .strictObject({
    exists: z.boolean().meta({ description: 'A customer of this id is stored now, perhaps one who came after the erasures' }),
    receipts: z.array(ReceiptSchema).meta({ description: 'Every erasure of this id, oldest first' }),
  })
  .meta({ id: 'ErasureCheck' });

const ReceiptPath = z.strictObject({ receiptId: z.string().meta({ description: 'As in the answer to the erasure' }) });
function receiptOut(receipt: Receipt): z.input<typeof ReceiptSchema> {
  return {
    receiptId: receipt.id,
    erasedAt: instant(receipt.erasedAtMs),
    changes: receipt.changes,
    exitsUntil: instant(receipt.blankAtMs),
    blankedAt: instantOrNull(receipt.blankedAtMs),
    salt: receipt.salt.toString('hex'),
    hash: receipt.hash.toString('hex'),
  };
}

export const erasureRoutes: readonly Route[] = [
  route({
    method: 'DELETE',
    path: '/v1/customers/:customerId',
    operationId: 'eraseCustomer',
    tag: 'customers',
    scope: 'ingest',
    summary: 'Erase a customer everywhere: profile, orders, events, memberships, history',
    description:
      'At once nothing is left but exits with cause `erasure` in the feed, for consumers to follow, and tombstones (`erased`) in place of older changes; after some days (`exitsUntil`) the exits are tombstones too. The same id written again is a new customer without a past. A second erasure answers 404; receipts can be read again, also by the id.',
    params: CustomerPath,
    answers: { 200: ErasedSchema },
    refusals: ['not_found', 'conflict'],
    handle: async ({ strata, params }) => {
      const { receipt, token } = await erase(strata, params.customerId);
      return { ...receiptOut(receipt), token };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/erasures/:receiptId',
    operationId: 'getErasure',
    tag: 'customers',
    scope: ['ingest', 'members:read'],
    summary: 'A receipt again',
    params: ReceiptPath,
    fresh: 'write',
    answers: { 200: ReceiptSchema },
    refusals: ['not_found'],
    handle: async ({ strata, params }) => {
      const receipt = isUuid(params.receiptId) ? await readReceipt(strata.database, params.receiptId) : null;
      if (receipt === null) throw new AppError('not_found', 'There is no such receipt.');
      return receiptOut(receipt);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/erasures/check',
    operationId: 'checkErasure',
    heavy: true,
    readsOnly: true,
    tag: 'customers',
    scope: ['ingest', 'members:read'],
    summary: 'Whether an id has been erased, by the hashes of the receipts',
    body: { kind: 'schema', schema: CheckInput },
    answers: { 200: CheckSchema },
    handle: async ({ strata, body }) => {
      const receipts = await findReceipts(strata.database, body.id);
      const customer = await readCustomer(strata.database, body.id);
      return { exists: customer !== null, receipts: receipts.map(receiptOut) };
    },
  }),
];
