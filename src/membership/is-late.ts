// In charge of asking, in SQL, whether what is stored about a customer is out of date by the clock: the customer's look is due, or a segment has
// flipped by a part of its rule that depends on no row and the resulting run has not reached the customer yet. Not of what follows.
import { LEAST_KEY } from '../ingest/customer-key.ts';

/** A condition that is never null. `customer` is a key and `now` an instant, both our own SQL; what is the same for all customers is read once. */
export function isLate(customer: string, now: string): string {
  return `(${hasDueLook(customer, now)}
    or ${customer} > coalesce(${flippedBehind(now)}, ${customer}))`;
}

export function hasDueLook(customer: string, now: string): string {
  return `exists (select from rechecks as r where r.customer_id = ${customer} and r.due_at <= ${now})`;
}

/**
 * The key after which customers are late: all of them once a segment's instant has come; with an open run (which clears its segment's `due_at`),
 * those after its cursor. Null: nobody.
 */
function flippedBehind(now: string): string {
  return `least(
    (select ${LEAST_KEY} from segments as f where f.due_at <= ${now} and f.status = 'active' limit 1),
    (select min(coalesce(o.cursor, ${LEAST_KEY})) from runs as o where o.status in ('queued', 'running') and o.cause = 'time'))`;
}
