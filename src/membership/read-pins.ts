// In charge of listing the pins of a segment that are in force now. Pins of given customers inside a decision are store-pins.ts.
import type { Database } from '../db/database.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';

export interface Pin {
  readonly customerKey: CustomerKey;
  readonly customerId: string;
  readonly include: boolean;
  readonly untilMs: number | null;
  readonly reason: string | null;
  readonly actor: string;
  readonly pinnedAtMs: number;
}

interface PinRow {
  key: CustomerKey;
  customer_id: string;
  include: boolean;
  until: number | null;
  reason: string | null;
  actor: string;
  pinned_at: number;
}

/** In order of the customer's key, like members. */
export async function listPins(
  database: Database,
  segmentId: number,
  query: { readonly afterKey?: CustomerKey; readonly include?: boolean; readonly limit: number; readonly asOfIso: string | null },
): Promise<Pin[]> {
  const rows = await database.query<PinRow>({
    name: 'list_pins',
    text: `
      select p.customer_id as key, c.external_id as customer_id, p.include, p.until, p.reason, p.actor, p.pinned_at
      from pins as p
      join customers as c on c.id = p.customer_id
      where p.segment_id = $1 and p.customer_id > coalesce($2::bigint, ${LEAST_KEY})
        and (p.until is null or p.until > coalesce($4::timestamptz, clock_timestamp()))
        and ($5::boolean is null or p.include = $5)
      order by p.customer_id
      limit $3`,
    values: [segmentId, query.afterKey ?? null, query.limit, query.asOfIso, query.include ?? null],
  });
  return rows.map(({ key, customer_id, until, pinned_at, ...row }) => ({
    ...row,
    customerKey: key,
    customerId: customer_id,
    untilMs: until,
    pinnedAtMs: pinned_at,
  }));
}
