// The shapes of the reports that the page reads. What each figure means: docs/reports.md.
/** A number of members, compared with everybody. */
export interface Part {
  readonly members: number;
  readonly share: number | null;
  readonly everybody: number;
  readonly shareOfEverybody: number | null;
  readonly lift: number | null;
}

/** Both bounds null: the customers for whom there is nothing to measure. */
export interface Band extends Part {
  readonly from: number | null;
  readonly to: number | null;
}

export interface Sales {
  readonly customers: number;
  readonly buyers: number;
  readonly orders: number;
  readonly revenue: string;
  readonly averageOrder: string | null;
  readonly ordersPerBuyer: number | null;
  readonly revenuePerCustomer: string | null;
  readonly repeatShare: number | null;
}

export interface SalesOfBoth {
  readonly members: Sales;
  readonly everybody: Sales;
  readonly shareOfOrders: number | null;
  readonly shareOfRevenue: number | null;
}

export interface Averages {
  readonly members: number | null;
  readonly everybody: number | null;
}

export type Stage = 'never ordered' | 'new' | 'active' | 'slowing' | 'lapsed';

export interface Value {
  readonly period: SalesOfBoth;
  readonly lifetime: SalesOfBoth;
  readonly recencyDays: Averages;
  readonly byOrders: readonly Band[];
  readonly byRevenue: readonly Band[];
  readonly byAverageOrder: readonly Band[];
  readonly byRecency: readonly Band[];
  readonly lifecycle: readonly (Part & { readonly stage: Stage })[];
}

export interface Distribution {
  readonly field: string;
  readonly values: readonly (Part & { readonly value: string })[];
  readonly missing: Part;
  readonly others: Part | null;
}

export interface Good {
  readonly value: string;
  readonly name: string | null;
  readonly revenue: string;
  readonly share: number | null;
  readonly lift: number | null;
}

export interface GoodsOf {
  readonly byShare: readonly Good[];
  readonly byLift: readonly Good[];
}

export interface Goods {
  readonly products: GoodsOf;
  readonly categories: GoodsOf;
  readonly brands: GoodsOf;
}

export interface Engagement {
  readonly events: readonly (Part & { readonly event: string })[];
  readonly active: Part;
  readonly activeDays: Averages;
  readonly byActiveDays: readonly Band[];
}

export interface GroupMix {
  readonly group: string;
  readonly name: string;
  readonly segments: readonly (Part & { readonly segment: string; readonly name: string })[];
}

/** A part that was not asked for is null. */
export interface SegmentReport {
  readonly at: string;
  readonly currency: string;
  readonly members: number;
  readonly everybody: number;
  readonly share: number | null;
  readonly profile: readonly Distribution[] | null;
  readonly value: Value | null;
  readonly goods: Goods | null;
  readonly engagement: Engagement | null;
  readonly mix: readonly GroupMix[] | null;
}

export interface Overlap {
  readonly at: string;
  readonly inAny: number;
  readonly sizes: readonly { readonly segment: string; readonly members: number }[];
  readonly pairs: readonly {
    readonly left: string;
    readonly right: string;
    readonly both: number;
    readonly jaccard: number | null;
    readonly shareOfLeft: number | null;
    readonly shareOfRight: number | null;
    readonly lift: number | null;
  }[];
  readonly intersections: readonly { readonly segments: readonly string[]; readonly customers: number }[];
  readonly intersectionCount: number;
}

export interface Compared {
  readonly segment: string;
  readonly members: number;
  readonly share: number | null;
  readonly entered: number;
  readonly left: number;
  readonly value: Value;
  readonly profile: readonly Distribution[];
}

export interface Comparison {
  readonly at: string;
  readonly currency: string;
  readonly everybody: number;
  readonly segments: readonly Compared[];
}

/** What every report of the customer base says first. */
interface OfBase {
  readonly at: string;
  readonly currency: string;
  /** null: all orders count */
  readonly statuses: readonly string[] | null;
}

export interface CohortPeriod {
  readonly offset: number;
  readonly customers: number;
  readonly share: number | null;
  readonly revenue: string;
  readonly revenuePerCustomer: string | null;
}

export interface Cohorts extends OfBase {
  readonly timeZone: string;
  readonly cohorts: readonly { readonly start: string; readonly customers: number; readonly periods: readonly CohortPeriod[] }[];
}

export interface ValueGrid extends OfBase {
  readonly customers: number;
  readonly withOrders: number;
  readonly revenue: string;
  readonly cells: readonly {
    readonly valueBand: number;
    readonly valueFrom: string | null;
    readonly valueBelow: string | null;
    readonly cycleBand: number | null;
    readonly cycleFrom: number | null;
    readonly cycleBelow: number | null;
    readonly customers: number;
    readonly share: number | null;
    readonly shareOfRevenue: number | null;
  }[];
}

export interface RfmCell {
  readonly recency: number;
  readonly frequency: number;
  readonly monetary: number;
  readonly customers: number;
  readonly orders: number;
  readonly revenue: string;
}

export interface Rfm extends OfBase {
  readonly customers: number;
  readonly withOrders: number;
  readonly recencyCuts: readonly number[];
  readonly frequencyCuts: readonly number[];
  readonly monetaryCuts: readonly string[];
  /** those that somebody is in, best first */
  readonly cells: readonly RfmCell[];
}

export interface Counted {
  readonly customers: number;
  readonly orders: number;
  readonly revenue: string;
}

export interface NewAndReturningPeriod {
  readonly start: string;
  readonly new: Counted;
  readonly returning: Counted;
  readonly shareOfNew: number | null;
}

export interface NewAndReturning extends OfBase {
  readonly timeZone: string;
  readonly periods: readonly NewAndReturningPeriod[];
}

export interface Flow {
  /** null: none of them, or not a customer yet */
  readonly from: string | null;
  readonly to: string | null;
  readonly customers: number;
  readonly share: number | null;
}

export interface Flows {
  readonly at: string;
  readonly from: string;
  readonly to: string;
  readonly segments: readonly { readonly segment: string; readonly before: number; readonly after: number }[];
  readonly flows: readonly Flow[];
}
