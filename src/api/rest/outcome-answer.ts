// In charge of what an outcome looks like on the wire: its schema, its figures as JSON and as rows of CSV. Not of what is asked.
import { z } from 'zod';
import { type ComparedMean, type ComparedShare, type Figure, measureOutcome, type ShareFigure } from '../../reports/measure-outcome.ts';
import { printAverage, printMoney } from '../../reports/ratio.ts';
import type { Arm, OutcomeArms } from '../../reports/read-outcome.ts';
import type { Confidence } from '../../reports/student-t.ts';
import type { CsvRow } from './report-csv.ts';
import { Count, Instant, Money, SegmentKey } from './wire.ts';

const Share = z.number().min(0).max(1).nullable();
const Signed = z.number().nullable();
const Amount = Money.nullable();

const ShareSchema = z
  .strictObject({ count: Count, of: Count, share: Share, low: Share, high: Share })
  .meta({ id: 'OutcomeShare', description: 'So many of so many, and the interval of the share; null: of nobody' });
const FigureSchema = z
  .strictObject({ value: Signed, low: Signed, high: Signed })
  .meta({ id: 'OutcomeFigure', description: 'A mean or a difference with its interval; null: of too few' });
const AmountSchema = z
  .strictObject({ amount: Amount, low: Amount, high: Amount })
  .meta({ id: 'OutcomeAmount', description: 'A mean or a difference of money with its interval; null: of too few' });
const COMPARED = 'Of members, of those they are compared with, and the one minus the other';
const ComparedShareSchema = z
  .strictObject({ members: ShareSchema, compared: ShareSchema, difference: FigureSchema })
  .meta({ id: 'ComparedShare', description: COMPARED });
const ComparedFigureSchema = z
  .strictObject({ members: FigureSchema, compared: FigureSchema, difference: FigureSchema })
  .meta({ id: 'ComparedFigure', description: COMPARED });
const ComparedAmountSchema = z
  .strictObject({ members: AmountSchema, compared: AmountSchema, difference: AmountSchema })
  .meta({ id: 'ComparedAmount', description: COMPARED });
const both = <Schema extends z.ZodType>(schema: Schema) => z.strictObject({ members: schema, compared: schema });

export const OutcomeSchema = z
  .strictObject({
    segment: SegmentKey,
    at: Instant.meta({ description: 'The instant that the report was made' }),
    position: z.int().meta({ description: 'Place in the feed that the figures hold for' }),
    currency: z.string().meta({ description: 'Of all money here' }),
    membersAt: Instant.nullable(),
    enteredFrom: Instant.nullable(),
    enteredBefore: Instant.nullable(),
    against: z.enum(['others', 'bucket', 'segment']),
    comparedWith: SegmentKey.nullable(),
    salt: z.string().nullable(),
    below: z.number().nullable(),
    days: z.int(),
    unit: z.enum(['week', 'month']),
    statuses: z.array(z.string()).nullable(),
    confidence: z.number(),
    methods: z.strictObject({
      share: z.literal('wilson'),
      shareDifference: z.literal('newcombe'),
      mean: z.literal('student'),
      meanDifference: z.literal('welch'),
    }),
    customers: both(Count),
    orders: both(Count),
    revenue: both(Money),
    averageOrder: both(Amount),
    conversion: ComparedShareSchema,
    repeat: ComparedShareSchema,
    ordersPerCustomer: ComparedFigureSchema,
    revenuePerCustomer: ComparedAmountSchema,
    addedRevenue: AmountSchema,
    retention: z.array(z.strictObject({ period: z.int().min(1), active: ComparedShareSchema }).meta({ id: 'OutcomeRetention' })),
    segments: z.array(
      z.strictObject({ segment: SegmentKey, atStart: ComparedShareSchema, atEnd: ComparedShareSchema }).meta({ id: 'OutcomeSegment' }),
    ),
  })
  .meta({ id: 'Outcome' });

export function figuresOut(arms: OutcomeArms, confidence: Confidence, segments: readonly string[]) {
  const measured = measureOutcome(arms, confidence);
  const each = <Value>(of: (arm: Arm) => Value) => ({ members: of(arms.members), compared: of(arms.compared) });
  return {
    customers: each(({ customers }) => customers),
    orders: each(({ orders }) => orders),
    revenue: each(({ revenue }) => printMoney(revenue)),
    averageOrder: each(({ revenue, orders }) => printAverage(revenue, orders)),
    conversion: sharesOut(measured.conversion),
    repeat: sharesOut(measured.repeat),
    ordersPerCustomer: meansOut(measured.ordersPerCustomer, figureOut),
    revenuePerCustomer: meansOut(measured.revenuePerCustomer, amountOut),
    addedRevenue: amountOut(measured.addedRevenue),
    retention: measured.retention.map((active, place) => ({ period: place + 1, active: sharesOut(active) })),
    segments: measured.segments.map(({ atStart, atEnd }, place) => ({
      segment: segments[place] ?? '',
      atStart: sharesOut(atStart),
      atEnd: sharesOut(atEnd),
    })),
  };
}

function sharesOut({ members, compared: others, difference }: ComparedShare) {
  return { members: shareOut(members), compared: shareOut(others), difference: figureOut(difference) };
}

function meansOut<Out>({ members, compared: others, difference }: ComparedMean, out: (figure: Figure) => Out) {
  return { members: out(members), compared: out(others), difference: out(difference) };
}

function shareOut({ part, whole, value, interval }: ShareFigure) {
  return { count: part, of: whole, share: value, low: interval?.low ?? null, high: interval?.high ?? null };
}

function figureOut({ value, interval }: Figure) {
  return { value, low: interval?.low ?? null, high: interval?.high ?? null };
}

/** To four decimals: an interval is not an exact sum. */
function amountOut({ value, interval }: Figure) {
  const print = (scaled: number | undefined | null) =>
    scaled === null || scaled === undefined ? null : printMoney(BigInt(Math.round(scaled)));
  return { amount: print(value), low: print(interval?.low), high: print(interval?.high) };
}

// ---------------------------------------------------------------- CSV

export const OUTCOME_COLUMNS = [
  'figure',
  'of',
  ...['members', 'compared'].flatMap((arm) => [arm, `${arm}Low`, `${arm}High`, `${arm}Count`, `${arm}Of`]),
  ...['difference', 'differenceLow', 'differenceHigh'],
];

type Answer = z.input<typeof OutcomeSchema>;
type SharesOut = ReturnType<typeof sharesOut>;
type Cells = readonly (string | number | null)[];
const NO_INTERVAL = [null, null] as const;
const NO_COUNTS = [null, null] as const;

export function toRows(answer: Answer): readonly CsvRow[] {
  const plain = (figure: string, { members, compared: others }: { members: string | number | null; compared: string | number | null }) => [
    ...[figure, null, members, ...NO_INTERVAL, ...NO_COUNTS, others, ...NO_INTERVAL, ...NO_COUNTS],
    ...[null, null, null],
  ];
  const mean = (figure: string, cellsOf: readonly [Cells, Cells, Cells]) => [
    figure,
    null,
    ...cellsOf[0],
    ...NO_COUNTS,
    ...cellsOf[1],
    ...NO_COUNTS,
    ...cellsOf[2],
  ];
  const numbers = ({ value, low, high }: { value: number | null; low: number | null; high: number | null }) => [value, low, high];
  const amounts = ({ amount, low, high }: { amount: string | null; low: string | null; high: string | null }) => [amount, low, high];
  const { ordersPerCustomer: orders, revenuePerCustomer: revenue } = answer;
  return [
    plain('customers', answer.customers),
    plain('orders', answer.orders),
    plain('revenue', answer.revenue),
    plain('averageOrder', answer.averageOrder),
    shareRow('conversion', null, answer.conversion),
    shareRow('repeat', null, answer.repeat),
    mean('ordersPerCustomer', [numbers(orders.members), numbers(orders.compared), numbers(orders.difference)]),
    mean('revenuePerCustomer', [amounts(revenue.members), amounts(revenue.compared), amounts(revenue.difference)]),
    mean('addedRevenue', [[null, null, null], [null, null, null], amounts(answer.addedRevenue)]),
    ...answer.retention.map(({ period, active }) => shareRow('retention', period, active)),
    ...answer.segments.flatMap(({ segment, atStart, atEnd }) => [
      shareRow('segmentAtStart', segment, atStart),
      shareRow('segmentAtEnd', segment, atEnd),
    ]),
  ];
}

function shareRow(figure: string, of: string | number | null, { members, compared: others, difference }: SharesOut): CsvRow {
  const cells = ({ share, low, high, count, of: whole }: SharesOut['members']) => [share, low, high, count, whole];
  return [figure, of, ...cells(members), ...cells(others), difference.value, difference.low, difference.high];
}
