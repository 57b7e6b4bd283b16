// In charge of asking what a rule would give, now or as of a past instant, storing nothing. The same emitted SQL as everywhere.
import type { Database } from '../db/database.ts';
import { inScan } from '../db/transaction.ts';
import type { CheckedRule } from '../rules/checked-rule.ts';
import { emitEvaluation } from '../rules/emit.ts';
import type { Definitions } from '../segments/definitions.ts';

export interface PreviewRequest {
  readonly checked: CheckedRule;
  /** epoch milliseconds of the instant asked about */
  readonly asOfMs: number;
  readonly isPast: boolean;
  /** customers in the sample, 0 to 1,000 */
  readonly sample: number;
  readonly timeZone: string;
}

export interface Preview {
  readonly count: number;
  readonly population: number;
  /** the first by id */
  readonly sampleIds: readonly string[];
}

/** No stored segment has this id. */
const PREVIEWED = 0;
const LEAST_KEY = '-9223372036854775808';
const GREATEST_KEY = '9223372036854775807';

/** Who was created after a past instant is not in the population; facts after it do not exist yet; segments are as they were. */
export async function previewRule(database: Database, definitions: Definitions, request: PreviewRequest): Promise<Preview> {
  const emitted = emitEvaluation({
    segments: [{ id: PREVIEWED, key: '', checked: request.checked }],
    segmentIds: definitions.segmentIds,
    catalog: definitions.catalog,
    narrow: 'range',
    memberships: request.isPast ? 'past' : 'present',
  });
  const values = emitted.bind({
    asOfMs: request.asOfMs,
    timeZone: request.timeZone,
    customers: { afterKey: LEAST_KEY, throughKey: GREATEST_KEY },
  });
  const asOf = `$${values.length + 1}::timestamptz`;
  const sample = `$${values.length + 2}::integer`;
  const { rows } = await inScan(database, (client) =>
    client.query<{ count: string; population: string; sample: string[] | null }>(
      `
      with population as (
        select c.id, c.external_id
        from customers as c
        where c.created_at <= ${asOf}
      ), matching as (
        select p.external_id
        from (${emitted.text}) as e
        join population as p on p.id = e.customer_id
        where cardinality(e.want) > 0
      )
      select (select count(*) from matching) as count,
        (select count(*) from population) as population,
        (
          select array_agg(s.external_id order by s.external_id)
          from (select m.external_id from matching as m order by m.external_id limit ${sample}) as s
        ) as sample`,
      [...values, request.isPast ? new Date(request.asOfMs).toISOString() : 'infinity', request.sample],
    ),
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the preview gave no row');
  return { count: Number(row.count), population: Number(row.population), sampleIds: row.sample ?? [] };
}
