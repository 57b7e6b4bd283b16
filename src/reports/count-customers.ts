// In charge of how many customers there are, and how many of them are in each combination of some segments.
import type { ReportSource } from './in-report.ts';
import { type Amounts, type OfMask, selectMasks, sumUp } from './masks.ts';

export interface CustomerCount extends OfMask {
  readonly customers: string;
}

/** One row for each combination that somebody is in; no row for customers in none of the segments. */
export function readCombinations({ database }: ReportSource, segmentIds: readonly number[]): Promise<CustomerCount[]> {
  return database.query<CustomerCount & { mask: number; customers: string }>({
    text: `
      select m.mask, count(*) as customers
      from (${selectMasks(segmentIds.length, '$1')}) as m
      group by m.mask
      order by m.mask`,
    values: [segmentIds],
  });
}

export async function countCustomers(source: ReportSource, segmentIds: readonly number[]): Promise<Amounts> {
  const { inside } = sumUp(await readCombinations(source, segmentIds), segmentIds.length, ({ customers }) => customers);
  const [all] = await source.database.query<{ customers: string }>({ text: 'select count(*) as customers from customers as c' });
  return { inside, everybody: BigInt(all?.customers ?? 0) };
}
