// In charge of who is a customer at an instant, as one condition in SQL: whoever was created by then, or has an order or an event by then. A
// profile that came without `createdAt` has the instant at which it was written instead, which may be years after the orders that an import
// brings later.

/** SQL: the customer's key, when it was created, and the instant. */
export interface Presence {
  readonly customer: string;
  readonly createdAt: string;
  readonly at: string;
}

export function wasThere({ customer, createdAt, at }: Presence): string {
  return `(
    ${createdAt} <= ${at}
    or exists (select from orders as wo where wo.customer_id = ${customer} and wo.placed_at <= ${at})
    or exists (select from events as we where we.customer_id = ${customer} and we.occurred_at <= ${at})
  )`;
}
