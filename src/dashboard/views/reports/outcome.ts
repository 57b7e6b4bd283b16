// The shapes of an outcome that the page reads, and its figures in one form. What each figure means: docs/reports.md.
export interface Figure {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface Share {
  readonly count: number;
  readonly of: number;
  readonly share: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface Amount {
  readonly amount: string | null;
  readonly low: string | null;
  readonly high: string | null;
}

export interface ComparedShare {
  readonly members: Share;
  readonly compared: Share;
  readonly difference: Figure;
}

interface Both<Value> {
  readonly members: Value;
  readonly compared: Value;
}

export interface Outcome {
  readonly at: string;
  readonly currency: string;
  readonly membersAt: string | null;
  readonly enteredFrom: string | null;
  readonly enteredBefore: string | null;
  readonly against: 'others' | 'bucket' | 'segment';
  readonly comparedWith: string | null;
  readonly days: number;
  readonly unit: 'week' | 'month';
  readonly statuses: readonly string[] | null;
  readonly confidence: number;
  readonly customers: Both<number>;
  readonly orders: Both<number>;
  readonly revenue: Both<string>;
  readonly averageOrder: Both<string | null>;
  readonly conversion: ComparedShare;
  readonly repeat: ComparedShare;
  readonly ordersPerCustomer: Both<Figure> & { readonly difference: Figure };
  readonly revenuePerCustomer: Both<Amount> & { readonly difference: Amount };
  readonly addedRevenue: Amount;
  readonly retention: readonly { readonly period: number; readonly active: ComparedShare }[];
  readonly segments: readonly { readonly segment: string; readonly atStart: ComparedShare; readonly atEnd: ComparedShare }[];
}

export interface Compared {
  readonly members: Figure;
  readonly compared: Figure;
  readonly difference: Figure;
}

export function ofShares({ members, compared, difference }: ComparedShare): Compared {
  const figure = ({ share, low, high }: Share) => ({ value: share, low, high });
  return { members: figure(members), compared: figure(compared), difference };
}

export function ofAmounts({ members, compared, difference }: Outcome['revenuePerCustomer']): Compared {
  return { members: figureOf(members), compared: figureOf(compared), difference: figureOf(difference) };
}

/** As a number: for drawing and for printing with two decimals. */
export function figureOf({ amount, low, high }: Amount): Figure {
  const number = (text: string | null) => (text === null ? null : Number(text));
  return { value: number(amount), low: number(low), high: number(high) };
}

/** What an interval says about a difference; `unknown`: there are too few customers. */
export function verdictOf({ low, high }: Figure): 'more' | 'less' | 'unclear' | 'unknown' {
  if (low === null || high === null) return 'unknown';
  if (low > 0) return 'more';
  return high < 0 ? 'less' : 'unclear';
}
