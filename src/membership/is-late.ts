// In charge of asking whether the clock has overtaken what is stored about a customer, in SQL: the look at the customer is due, or a segment has
// flipped by a part of its rule that depends on no row, and the run which that sets off has not come to the customer. Not of what follows.
import { LEAST_KEY } from '../ingest/customer-key.ts';

/** A condition, never null. `customer` is a key and `now` an instant, both SQL of our own; what is the same for all customers is asked once. */
export function isLate(customer: string, now: string): string {
  return `(${hasDueLook(customer, now)}
    or ${customer} > coalesce(${flippedBehind(now)}, ${customer}))`;
}

export function hasDueLook(customer: string, now: string): string {
  return `exists (select from rechecks as r where r.customer_id = ${customer} and r.due_at <= ${now})`;
}

/** From the instant on all are late; of an open run (it takes its segment's `due_at` away) those behind its cursor. Null: nobody. */
function flippedBehind(now: string): string {
  return `least(
    (select ${LEAST_KEY} from segments as f where f.due_at <= ${now} and f.status = 'active' limit 1),
    (select min(coalesce(o.cursor, ${LEAST_KEY})) from runs as o where o.status in ('queued', 'running') and o.cause = 'time'))`;
}
