// In charge of previews: whom a rule would hold for, now or at a past instant, storing nothing. By the same emitted SQL as everything else.

import type { Clock } from '../base/clock.ts';
import { readAsOf } from '../db/as-of.ts';
import { fitTo } from '../db/citus.ts';
import type { Database } from '../db/database.ts';
import { inScan } from '../db/transaction.ts';
import { GREATEST_KEY, LEAST_KEY } from '../ingest/customer-key.ts';
import type { CheckedRule } from '../rules/checked-rule.ts';
import { emitEvaluation } from '../rules/emit.ts';
import type { Definitions } from '../segments/definitions.ts';
import { wasThere } from './was-there.ts';

export interface PreviewRequest {
  readonly checked: CheckedRule;
  /** the past instant asked about, in epoch milliseconds; null: now */
  readonly pastMs: number | null;
  /** customers in the sample, 0 to 1,000 */
  readonly sample: number;
  readonly timeZone: string;
  /** after which the statement is cancelled (57014) */
  readonly timeoutMs: number;
}

export interface Preview {
  readonly asOfMs: number;
  readonly count: number;
  /** customers there were then */
  readonly population: number;
  /** the first by id */
  readonly sampleIds: readonly string[];
}

/** No stored segment has this id. */
const PREVIEWED = 0;

/** At a past instant, customers who came later (`wasThere`) are not in the population, later facts do not exist yet, and segments are as they were. */
export async function previewRule(database: Database, clock: Clock, definitions: Definitions, request: PreviewRequest): Promise<Preview> {
  const emitted = emitEvaluation({
    segments: [{ id: PREVIEWED, key: '', checked: request.checked }],
    segmentIds: definitions.segmentIds,
    catalog: definitions.catalog,
    narrow: 'range',
    memberships: request.pastMs === null ? 'present' : 'past',
  });
  return inScan(database, async (client) => {
    const asOfMs = request.pastMs ?? (await readAsOf(client, clock));
    await client.query(`select set_config('statement_timeout', $1, true)`, [String(request.timeoutMs)]);
    const customers = { afterKey: LEAST_KEY, throughKey: GREATEST_KEY };
    const values = emitted.bind({ asOfMs, timeZone: request.timeZone, customers });
    const were =
      request.pastMs === null
        ? 'true'
        : wasThere({ customer: 'c.id', createdAt: 'c.created_at', at: `$${values.push(new Date(asOfMs).toISOString())}::timestamptz` });
    const sample = `$${values.push(request.sample)}::integer`;
    const { rows } = await client.query<{ count: string; population: string; sample: string[] | null }>(
      `
      with population as (
        select c.id, c.external_id
        from customers as c
        where ${were}
      ), matching as (
        select p.external_id
        from (${await fitTo(client, emitted.text)}) as e
        join population as p on p.id = e.customer_id
        where cardinality(e.want) > 0
      )
      select (select count(*) from matching) as count,
        (select count(*) from population) as population,
        (
          select array_agg(s.external_id order by s.external_id)
          from (select m.external_id from matching as m order by m.external_id limit ${sample}) as s
        ) as sample`,
      values,
    );
    const [row] = rows;
    if (row === undefined) throw new Error('the preview gave no row');
    return { asOfMs, count: Number(row.count), population: Number(row.population), sampleIds: row.sample ?? [] };
  });
}
