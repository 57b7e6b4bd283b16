// In charge of endpoints when the database's clock was set back: what was to be tried at, or was held until, an instant of the clock that ran
// ahead would otherwise stand still until that instant came again.
import type { Clock } from '../base/clock.ts';
import { fixedIso } from '../db/as-of.ts';
import type { Queryable } from '../db/database.ts';
import { LEASE_MS } from './lease.ts';
import { NOW } from './webhook.ts';

/** Waiting tries are moved earlier by as much as the clock went back; leases end as if they were taken now, and last turns, as if they ended now. */
export async function setEndpointsBack(database: Queryable, clock: Clock, byMs: number): Promise<void> {
  await database.query({
    text: `
      update webhooks as w
      set retry_at = w.retry_at - $2::double precision * interval '1 millisecond',
        leased_until = least(w.leased_until, ${NOW} + case when w.lease_id is null then 0 else ${LEASE_MS} end * interval '1 millisecond')
      where w.retry_at > ${NOW} or w.leased_until > ${NOW}`,
    values: [fixedIso(clock), byMs],
  });
}
