// In charge of what reports of the customer base look like on the wire: schemas, figures as JSON and as rows of CSV.
import { z } from 'zod';
import type { ReportPeriods } from '../../reports/periods.ts';
import { printAverage, printMoney, ratio } from '../../reports/ratio.ts';
import type { CohortCell } from '../../reports/read-cohorts.ts';
import type { ValueGrid } from '../../reports/read-value-grid.ts';
import type { CsvRow } from './report-csv.ts';
import { Count, Instant, instant, Money, SegmentKey } from './wire.ts';

const Share = z.number().nullable().meta({ description: 'Null: of nothing' });

const NAMED = {
  segment: SegmentKey.nullable().meta({ description: 'null: everybody' }),
  at: Instant.meta({ description: 'The instant that the figures are of' }),
  position: z.int().meta({ description: 'Place in the feed that the figures hold for' }),
  currency: z.string().meta({ description: 'Of all money here' }),
  statuses: z.array(z.string()).nullable().meta({ description: 'null: all orders count' }),
};
const COUNTED = { customers: Count, orders: Count, revenue: Money };

// ---------------------------------------------------------------- value and cycle

const ValueCellSchema = z
  .strictObject({
    valueBand: Count.meta({ description: 'From 0, the least value first' }),
    valueFrom: Money.nullable(),
    valueBelow: Money.nullable(),
    cycleBand: Count.nullable().meta({ description: 'From 0, the shortest cycle first; null: a single order' }),
    cycleFrom: z.number().nullable(),
    cycleBelow: z.number().nullable(),
    ...COUNTED,
    share: Share,
    shareOfRevenue: Share,
  })
  .meta({ id: 'ValueGridCell' });

export const ValueGridSchema = z
  .strictObject({
    ...NAMED,
    customers: Count.meta({ description: 'All of them' }),
    withOrders: Count.meta({ description: 'Those in the grid' }),
    revenue: Money,
    valueCuts: z.array(Money),
    cycleCuts: z.array(z.number()).meta({ description: 'Days' }),
    cells: z.array(ValueCellSchema),
  })
  .meta({ id: 'ValueGrid' });

/** Every cell of the grid, including those that nobody is in. */
export function valueGridOut({ population, valueCuts, cycleCuts, cells }: ValueGrid) {
  const withOrders = cells.reduce((sum, { customers }) => sum + customers, 0);
  const revenue = cells.reduce((sum, cell) => sum + cell.revenue, 0n);
  const amounts = valueCuts.map((cut) => printMoney(BigInt(cut)));
  const days = cycleCuts.map(Number);
  const cycleBands = [...days.map((_, band) => band), days.length, null];
  const known = new Map(cells.map((cell) => [`${cell.valueBand} ${cell.cycleBand}`, cell]));
  return {
    customers: population,
    withOrders,
    revenue: printMoney(revenue),
    valueCuts: amounts,
    cycleCuts: days,
    cells: Array.from({ length: amounts.length + 1 }, (_, valueBand) =>
      cycleBands.map((cycleBand) => {
        const cell = known.get(`${valueBand} ${cycleBand}`) ?? { customers: 0, orders: 0, revenue: 0n };
        return {
          valueBand,
          valueFrom: amounts[valueBand - 1] ?? null,
          valueBelow: amounts[valueBand] ?? null,
          cycleBand,
          cycleFrom: cycleBand === null ? null : (days[cycleBand - 1] ?? null),
          cycleBelow: cycleBand === null ? null : (days[cycleBand] ?? null),
          customers: cell.customers,
          orders: cell.orders,
          revenue: printMoney(cell.revenue),
          share: ratio(cell.customers, withOrders),
          shareOfRevenue: ratio(cell.revenue, revenue),
        };
      }),
    ).flat(),
  };
}

export const VALUE_COLUMNS = [
  ...['valueBand', 'valueFrom', 'valueBelow', 'cycleBand', 'cycleFrom', 'cycleBelow'],
  ...['customers', 'orders', 'revenue', 'share', 'shareOfRevenue'],
];

export function valueRows({ cells }: z.input<typeof ValueGridSchema>): readonly CsvRow[] {
  return cells.map((cell) => [
    ...[cell.valueBand, cell.valueFrom, cell.valueBelow, cell.cycleBand, cell.cycleFrom, cell.cycleBelow],
    ...[cell.customers, cell.orders, cell.revenue, cell.share, cell.shareOfRevenue],
  ]);
}

// ---------------------------------------------------------------- recency, frequency, monetary value

const Score = z.int().min(1);

export const RfmSchema = z
  .strictObject({
    ...NAMED,
    customers: Count.meta({ description: 'All of them' }),
    withOrders: Count.meta({ description: 'Those with scores' }),
    recencyCuts: z.array(z.number()).meta({ description: 'Whole days since the last order: as many or more, a score less' }),
    frequencyCuts: z.array(z.number()).meta({ description: 'Orders: as many or more, a score more' }),
    monetaryCuts: z.array(Money).meta({ description: 'Revenue: as much or more, a score more' }),
    cells: z
      .array(z.strictObject({ recency: Score, frequency: Score, monetary: Score, ...COUNTED }).meta({ id: 'RfmCell' }))
      .meta({ description: 'Those that somebody is in, the best first' }),
  })
  .meta({ id: 'Rfm' });

export const RFM_COLUMNS = ['recency', 'frequency', 'monetary', 'customers', 'orders', 'revenue'];

export function rfmRows({ cells }: z.input<typeof RfmSchema>): readonly CsvRow[] {
  return cells.map(({ recency, frequency, monetary, customers, orders, revenue }) => [
    ...[recency, frequency, monetary],
    ...[customers, orders, revenue],
  ]);
}

// ---------------------------------------------------------------- cohorts

const OF_PERIODS = {
  ...NAMED,
  timeZone: z.string().meta({ description: 'Whose days, weeks, months, quarters and years these are' }),
  unit: z.string(),
};

export const CohortsSchema = z
  .strictObject({
    ...OF_PERIODS,
    cohorts: z.array(
      z
        .strictObject({
          start: Instant.meta({ description: 'The beginning of the period of the first order' }),
          customers: Count,
          periods: z.array(
            z
              .strictObject({
                offset: Count.meta({ description: 'Periods since the cohort’s own, which is 0' }),
                ...COUNTED,
                share: Share.meta({ description: 'Of the cohort: with an order in that period' }),
                revenuePerCustomer: Money.nullable().meta({ description: 'Of the cohort, from its period to the end of that one' }),
              })
              .meta({ id: 'CohortPeriod' }),
          ),
        })
        .meta({ id: 'Cohort' }),
    ),
  })
  .meta({ id: 'Cohorts' });

const NOTHING = { customers: 0, orders: 0, revenue: 0n };

/** A cohort for each period, each with all periods from its own on. */
export function cohortsOut({ unit, startsMs }: ReportPeriods, cells: readonly CohortCell[]) {
  const known = new Map(cells.map((cell) => [`${cell.cohort} ${cell.period}`, cell]));
  return {
    unit,
    cohorts: startsMs.map((startMs, place) => {
      const cohort = place + 1;
      const { customers } = known.get(`${cohort} ${cohort}`) ?? NOTHING;
      let revenue = 0n;
      const periods = startsMs.slice(place).map((_, offset) => {
        const cell = known.get(`${cohort} ${cohort + offset}`) ?? NOTHING;
        revenue += cell.revenue;
        return {
          offset,
          customers: cell.customers,
          orders: cell.orders,
          revenue: printMoney(cell.revenue),
          share: ratio(cell.customers, customers),
          revenuePerCustomer: printAverage(revenue, customers),
        };
      });
      return { start: instant(startMs), customers, periods };
    }),
  };
}

export const COHORT_COLUMNS = ['cohort', 'cohortCustomers', 'offset', 'customers', 'share', 'orders', 'revenue', 'revenuePerCustomer'];

export function cohortRows({ cohorts }: z.input<typeof CohortsSchema>): readonly CsvRow[] {
  return cohorts.flatMap((cohort) =>
    cohort.periods.map(({ offset, customers, share, orders, revenue, revenuePerCustomer }) => [
      ...[cohort.start, cohort.customers, offset],
      ...[customers, share, orders, revenue, revenuePerCustomer],
    ]),
  );
}

// ---------------------------------------------------------------- new and returning

const CountedSchema = z.strictObject(COUNTED).meta({ id: 'CountedOrders' });

export const NewAndReturningSchema = z
  .strictObject({
    ...OF_PERIODS,
    periods: z.array(
      z
        .strictObject({
          start: Instant,
          new: CountedSchema.meta({ description: 'Of those whose first order of all lies in this period' }),
          returning: CountedSchema.meta({ description: 'Of those whose first order came in an earlier one' }),
          shareOfNew: Share.meta({ description: 'Of the period’s revenue' }),
        })
        .meta({ id: 'NewAndReturningPeriod' }),
    ),
  })
  .meta({ id: 'NewAndReturning' });

export function newAndReturningOut({ unit, startsMs }: ReportPeriods, cells: readonly CohortCell[]) {
  const byPeriod = Map.groupBy(cells, ({ period }) => period);
  return {
    unit,
    periods: startsMs.map((startMs, place) => {
      const own = byPeriod.get(place + 1) ?? [];
      const fresh = sumCells(own.filter(({ cohort, period }) => cohort === period));
      const returning = sumCells(own.filter(({ cohort, period }) => cohort < period));
      return {
        start: instant(startMs),
        new: { ...fresh, revenue: printMoney(fresh.revenue) },
        returning: { ...returning, revenue: printMoney(returning.revenue) },
        shareOfNew: ratio(fresh.revenue, fresh.revenue + returning.revenue),
      };
    }),
  };
}

function sumCells(cells: readonly CohortCell[]) {
  return {
    customers: cells.reduce((sum, { customers }) => sum + customers, 0),
    orders: cells.reduce((sum, { orders }) => sum + orders, 0),
    revenue: cells.reduce((sum, { revenue }) => sum + revenue, 0n),
  };
}

export const NEW_COLUMNS = [
  'start',
  ...['new', 'returning'].flatMap((kind) => [`${kind}Customers`, `${kind}Orders`, `${kind}Revenue`]),
  'shareOfNew',
];

export function newRows({ periods }: z.input<typeof NewAndReturningSchema>): readonly CsvRow[] {
  return periods.map(({ start, new: fresh, returning, shareOfNew }) => [
    start,
    ...[fresh, returning].flatMap(({ customers, orders, revenue }) => [customers, orders, revenue]),
    shareOfNew,
  ]);
}
