// In charge of the schemas of the report of a segment, which other reports use too. What each figure means: docs/reports.md.
import { z } from 'zod';
import { STAGES } from '../../reports/read-value.ts';
import { Lift, ReportFrameFields, Share } from './report-request.ts';
import { Count, Instant, Money, SegmentKey } from './wire.ts';

const PartFields = {
  members: Count,
  share: Share.meta({ description: 'Of all members' }),
  everybody: Count,
  shareOfEverybody: Share.meta({ description: 'Of all customers' }),
  lift: Lift,
};

const PartSchema = z.strictObject(PartFields).meta({ id: 'ReportPart', description: 'So many members, against everybody' });

const BandSchema = z
  .strictObject({
    from: z.number().nullable().meta({ description: 'Inclusive; null: no lower bound' }),
    to: z
      .number()
      .nullable()
      .meta({ description: 'Exclusive; null: no upper bound. Both null: those of whom there is nothing to measure' }),
    ...PartFields,
  })
  .meta({ id: 'ReportBand' });

const Average = z.number().nullable().meta({ description: 'null: there is nothing to divide by' });
const MoneyOrNull = Money.nullable();

const SalesSchema = z
  .strictObject({
    customers: Count,
    buyers: Count.meta({ description: 'Customers with an order' }),
    orders: Count,
    revenue: Money,
    averageOrder: MoneyOrNull.meta({ description: 'Revenue by orders' }),
    ordersPerBuyer: Average,
    revenuePerCustomer: MoneyOrNull,
    repeatShare: Share.meta({ description: 'Buyers with a second order, of all buyers' }),
  })
  .meta({ id: 'ReportSales' });

const SalesOfBoth = z
  .strictObject({ members: SalesSchema, everybody: SalesSchema, shareOfOrders: Share, shareOfRevenue: Share })
  .meta({ id: 'ReportSalesOfBoth' });

const AverageOfBoth = z.strictObject({ members: Average, everybody: Average }).meta({ id: 'ReportAverages' });

const ValueSchema = z
  .strictObject({
    period: SalesOfBoth,
    lifetime: SalesOfBoth,
    recencyDays: AverageOfBoth.meta({ description: 'Days since the last order, of those with one, on average' }),
    byOrders: z.array(BandSchema).meta({ description: 'Customers by orders to date' }),
    byRevenue: z.array(BandSchema).meta({ description: 'By revenue to date' }),
    byAverageOrder: z.array(BandSchema).meta({ description: 'By their average order' }),
    byRecency: z.array(BandSchema).meta({ description: 'By whole days since their last order' }),
    lifecycle: z.array(z.strictObject({ stage: z.enum(STAGES), ...PartFields }).meta({ id: 'ReportStage' })),
  })
  .meta({ id: 'ReportValue' });

const DistributionSchema = z
  .strictObject({
    field: z.string(),
    values: z.array(z.strictObject({ value: z.string(), ...PartFields }).meta({ id: 'ReportValueOfField' })),
    missing: PartSchema.meta({ description: 'Customers without a value' }),
    others: PartSchema.nullable().meta({ description: 'With other values; null: of a list, of which a customer may have several' }),
  })
  .meta({ id: 'ReportDistribution' });

const GoodSchema = z
  .strictObject({
    value: z.string(),
    name: z.string().nullable(),
    lines: Count,
    quantity: z.string(),
    revenue: Money,
    share: Share.meta({ description: 'Of what members spent on items' }),
    revenueOfEverybody: Money,
    shareOfEverybody: Share,
    lift: Lift,
  })
  .meta({ id: 'ReportGood' });

const GoodsOfSchema = z.strictObject({ byShare: z.array(GoodSchema), byLift: z.array(GoodSchema) }).meta({ id: 'ReportGoodsOf' });

const GoodsSchema = z
  .strictObject({
    revenue: Money,
    revenueOfEverybody: Money,
    products: GoodsOfSchema,
    categories: GoodsOfSchema,
    brands: GoodsOfSchema,
  })
  .meta({ id: 'ReportGoods', description: 'Items of the period' });

const EngagementSchema = z
  .strictObject({
    events: z.array(
      z.strictObject({ event: z.string(), ...PartFields, times: Count, timesOfEverybody: Count }).meta({ id: 'ReportEvent' }),
    ),
    active: PartSchema.meta({ description: 'Customers with an event in the period' }),
    activeDays: AverageOfBoth.meta({ description: 'Days with an event, of those with any, on average' }),
    byActiveDays: z.array(BandSchema),
  })
  .meta({ id: 'ReportEngagement' });

const GroupMixSchema = z
  .strictObject({
    group: z.string().meta({ description: 'Key of the group' }),
    name: z.string(),
    segments: z.array(z.strictObject({ segment: SegmentKey, name: z.string(), ...PartFields }).meta({ id: 'ReportMixPart' })),
  })
  .meta({ id: 'ReportGroupMix' });

const Causes = z.record(z.string(), z.strictObject({ entered: Count, left: Count }));
export const PointSchema = z
  .strictObject({ at: Instant, size: Count, entered: Count, left: Count, causes: Causes })
  .meta({ id: 'ReportPoint', description: 'The beginning of the period, members at its end, and who entered and left in it' });

export const UnnumberedField = {
  unnumbered: Count.meta({ description: 'Changes that are in and have no place in the feed yet; 0: everything is as of the position' }),
};

export const SegmentReportSchema = z
  .strictObject({
    segment: SegmentKey,
    ...ReportFrameFields,
    ...UnnumberedField,
    from: Instant.meta({ description: 'Where the period begins; it ends with `at`' }),
    timeZone: z.string(),
    currency: z.string(),
    members: Count,
    everybody: Count.meta({ description: 'All customers' }),
    share: Share,
    trend: z
      .strictObject({ points: z.array(PointSchema), entered: Count, left: Count })
      .meta({ id: 'ReportTrend', description: 'By day of the period' }),
    profile: z.array(DistributionSchema).nullable(),
    value: ValueSchema.nullable(),
    goods: GoodsSchema.nullable(),
    engagement: EngagementSchema.nullable(),
    mix: z.array(GroupMixSchema).nullable(),
  })
  .meta({ id: 'SegmentReport', description: 'A part that was not asked for is null' });

const ComparedSchema = z
  .strictObject({
    segment: SegmentKey,
    members: Count,
    share: Share,
    entered: Count,
    left: Count,
    value: ValueSchema,
    profile: z.array(DistributionSchema),
  })
  .meta({ id: 'ComparedSegment' });

export const ComparisonSchema = z
  .strictObject({
    ...ReportFrameFields,
    ...UnnumberedField,
    from: Instant,
    currency: z.string(),
    everybody: Count,
    segments: z.array(ComparedSchema),
  })
  .meta({ id: 'ComparisonReport' });

export const OverlapSchema = z
  .strictObject({
    ...ReportFrameFields,
    everybody: Count,
    inAny: Count.meta({ description: 'Customers in at least one' }),
    sizes: z.array(z.strictObject({ segment: SegmentKey, members: Count }).meta({ id: 'OverlapSize' })),
    pairs: z.array(
      z
        .strictObject({
          left: SegmentKey,
          right: SegmentKey,
          both: Count,
          either: Count,
          jaccard: Share.meta({ description: 'Both by either' }),
          shareOfLeft: Share,
          shareOfRight: Share,
          lift: Lift.meta({ description: 'Both by what would be expected if they had nothing to do with each other' }),
        })
        .meta({ id: 'OverlapPair' }),
    ),
    intersections: z
      .array(
        z
          .strictObject({ segments: z.array(SegmentKey).meta({ description: 'In these, and in none of the others' }), customers: Count })
          .meta({ id: 'OverlapIntersection' }),
      )
      .meta({ description: 'Largest first' }),
    intersectionCount: Count.meta({ description: 'How many there are, those behind `most` too' }),
  })
  .meta({ id: 'OverlapReport' });

export const FlowSchema = z
  .strictObject({
    ...ReportFrameFields,
    from: Instant,
    to: Instant,
    segments: z.array(z.strictObject({ segment: SegmentKey, before: Count, after: Count }).meta({ id: 'FlowSegment' })),
    flows: z.array(
      z
        .strictObject({
          from: SegmentKey.nullable().meta({ description: 'null: in none of them, or not a customer yet' }),
          to: SegmentKey.nullable(),
          customers: Count,
          share: Share.meta({ description: 'Of those who stood in `from`' }),
        })
        .meta({ id: 'Flow' }),
    ),
  })
  .meta({ id: 'FlowReport' });

export const SizesReportSchema = z
  .strictObject({
    ...ReportFrameFields,
    resolution: z.enum(['hour', 'day', 'week', 'month']),
    timeZone: z.string(),
    segments: z.array(z.strictObject({ segment: SegmentKey, points: z.array(PointSchema) }).meta({ id: 'SizesOfSegment' })),
  })
  .meta({ id: 'SizesReport' });
