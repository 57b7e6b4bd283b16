// In charge of how customers, orders and events look on the wire: the document. Input is checked by the ingest stage, which is
// the authority; these schemas describe what it accepts.
import { z } from 'zod';
import { Count, CustomerId, ErrorDetailSchema, EventId, Instant, Money, OrderId, SegmentKey, Token } from './wire.ts';

const text = (description?: string) =>
  z
    .string()
    .nullish()
    .meta(description === undefined ? {} : { description });
const AmountInput = z.union([z.number(), z.string()]).meta({ description: 'Number or decimal string; at most four decimals' });
const Attributes = z.record(z.string(), z.unknown());
const DateText = z.string().meta({ format: 'date' });

const profileInput = {
  email: text(),
  phone: text(),
  firstName: text(),
  lastName: text(),
  gender: text(),
  birthday: DateText.nullish(),
  country: text(),
  region: text(),
  city: text(),
  postalCode: text(),
  language: text(),
  source: text(),
  tags: z.array(z.string()).nullish().meta({ description: 'Replaced whole' }),
  consent: z.record(z.string(), z.boolean().nullable()).optional().meta({ description: 'By purpose; merged; null clears one' }),
  attributes: Attributes.optional().meta({
    description: 'Custom attributes; merged by name; null clears one; objects nest into dotted names',
  }),
  createdAt: Instant.optional(),
};

export const CustomerInput = z.strictObject(profileInput).meta({ id: 'CustomerInput', description: 'What is absent stays, null clears' });
const CustomerRow = z.strictObject({ id: CustomerId, ...profileInput }).meta({ id: 'CustomerRow' });

/** Left out for a key without `pii:read`. */
const personal = <Field extends z.ZodType>(field: Field) => field.optional().meta({ description: 'With the scope `pii:read`' });

export const CustomerSchema = z
  .strictObject({
    id: z.string(),
    email: personal(z.string().nullable()),
    phone: personal(z.string().nullable()),
    firstName: personal(z.string().nullable()),
    lastName: personal(z.string().nullable()),
    gender: z.string().nullable(),
    birthday: personal(DateText.nullable()),
    country: z.string().nullable(),
    region: z.string().nullable(),
    city: z.string().nullable(),
    postalCode: personal(z.string().nullable()),
    language: z.string().nullable(),
    source: z.string().nullable(),
    tags: z.array(z.string()),
    consent: z.record(z.string(), z.boolean()),
    attributes: personal(Attributes),
    createdAt: Instant,
  })
  .meta({ id: 'Customer' });

const itemInput = {
  productId: text(),
  sku: text(),
  name: text(),
  category: text(),
  brand: text(),
  quantity: AmountInput.nullish().meta({ description: 'Default 1; returns may be negative' }),
  unitPrice: AmountInput.nullish(),
};

const OriginalInput = z
  .strictObject({
    currency: z.string(),
    exchangeRate: AmountInput,
    total: AmountInput.nullish(),
    discount: AmountInput.nullish(),
    items: z.array(z.strictObject({ unitPrice: AmountInput.nullish() }).meta({ id: 'OriginalItemInput' })).nullish(),
  })
  .meta({ id: 'OriginalInput' });

const orderInput = {
  customerId: CustomerId.meta({ description: 'An unknown customer is created' }),
  status: text(),
  channel: text(),
  currency: z.string().nullish().meta({ description: 'Of all amounts, ISO 4217; the service’s when absent' }),
  exchangeRate: AmountInput.nullish().meta({
    description: 'Needed with another currency than the service’s: what one unit of it is worth in the service’s',
  }),
  total: AmountInput.optional().meta({ description: 'The sum of the items when absent' }),
  discount: AmountInput.optional().meta({ description: 'Default 0' }),
  coupons: z.array(z.string()).nullish(),
  placedAt: Instant.optional().meta({ description: 'The instant of the first write when absent' }),
  items: z.array(z.strictObject(itemInput).meta({ id: 'ItemInput' })).nullish(),
  itemCount: AmountInput.nullish().meta({ description: 'As it is read; nothing but the sum of the quantities is taken' }),
  original: OriginalInput.nullish().meta({
    description: 'As it is read, beside amounts in the service’s currency, which it has to come to; not to be made by hand',
  }),
};

export const OrderInput = z.strictObject(orderInput).meta({ id: 'OrderInput', description: 'Replaces whatever order of this id there is' });
const OrderRow = z.strictObject({ id: OrderId, ...orderInput }).meta({ id: 'OrderRow' });

const ItemSchema = z
  .strictObject({
    productId: z.string().nullable(),
    sku: z.string().nullable(),
    name: z.string().nullable(),
    category: z.string().nullable(),
    brand: z.string().nullable(),
    quantity: z.string(),
    unitPrice: Money.nullable(),
  })
  .meta({ id: 'Item' });

const OriginalSchema = z
  .strictObject({
    currency: z.string(),
    exchangeRate: z.string().meta({ description: 'What one unit of `currency` was worth in the service’s' }),
    total: z.string().nullable().meta({ description: 'Decimal string; null, with the others, of orders from before it was kept' }),
    discount: z.string().nullable().meta({ description: 'Decimal string' }),
    items: z
      .array(z.strictObject({ unitPrice: z.string().nullable().meta({ description: 'Decimal string' }) }).meta({ id: 'OriginalItem' }))
      .nullable()
      .meta({ description: 'In the order of the items' }),
  })
  .meta({ id: 'Original', description: 'What an order in another currency was sent with' });

export const OrderSchema = z
  .strictObject({
    id: z.string(),
    customerId: z.string(),
    status: z.string().nullable(),
    channel: z.string().nullable(),
    currency: z.string().meta({ description: 'Of the amounts here: the service’s, in which rules and reports count' }),
    exchangeRate: z
      .string()
      .nullable()
      .meta({ description: 'Null: the amounts are in the service’s currency; what they were converted with is in `original`' }),
    total: Money,
    discount: Money,
    coupons: z.array(z.string()),
    itemCount: z.string(),
    placedAt: Instant,
    items: z.array(ItemSchema),
    original: OriginalSchema.nullable().meta({ description: 'Of an order that came in another currency; null: it came in the service’s' }),
  })
  .meta({ id: 'Order', description: 'Can be sent back as it is' });

const EventRow = z
  .strictObject({
    id: EventId.optional(),
    customerId: CustomerId.meta({ description: 'An unknown customer is created' }),
    name: z.string(),
    occurredAt: Instant.optional().meta({ description: 'The instant of the write when absent' }),
    properties: Attributes.nullish(),
  })
  .meta({ id: 'EventRow' });

export const EventSchema = z
  .strictObject({ id: z.string(), customerId: z.string(), name: z.string(), occurredAt: Instant, properties: Attributes })
  .meta({ id: 'Event' });

function batchOf(row: z.ZodType, id: string) {
  return z
    .strictObject({ data: z.array(row).max(1000) })
    .meta({ id, description: 'At most 1,000 rows, and none is no mistake; rows of one id apply in their order' });
}

export const CustomerBatch = batchOf(CustomerRow, 'CustomerBatch');
export const OrderBatch = batchOf(OrderRow, 'OrderBatch');
export const EventBatch = batchOf(EventRow, 'EventBatch');

export const BatchOutcome = z
  .strictObject({
    accepted: Count.meta({ description: 'Rows taken, those repeated among them' }),
    repeated: Count.meta({
      description: 'Rows whose id came again later in the batch; of events also those whose event was stored before: they stay as they are',
    }),
    rejected: z.array(ErrorDetailSchema).meta({
      description:
        'With `partial`: what is wrong, by row; these rows were not written. Behind the first 1,000 mistakes, one for each further row',
    }),
    changes: Count.meta({ description: 'Memberships entered or left' }),
    token: Token,
  })
  .meta({ id: 'BatchOutcome' });

const segments = z.array(SegmentKey).meta({ description: 'The segments that the customer is in now, with this write' });

export const CustomerWritten = z.strictObject({ customer: CustomerSchema, segments, token: Token }).meta({ id: 'CustomerWritten' });
export const OrderWritten = z
  .strictObject({
    id: z.string(),
    customerId: z.string(),
    segments,
    changes: Count.meta({ description: 'Memberships entered or left, also of a customer who had the order before' }),
    token: Token,
  })
  .meta({ id: 'OrderWritten' });
