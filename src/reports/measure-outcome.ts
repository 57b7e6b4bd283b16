// In charge of what the counts of an outcome mean: shares and means with their intervals, and the differences between members and those they are
// compared with. Pure.
import { type Interval, newcombe, type Proportion, type Sample, student, welch, wilson } from './intervals.ts';
import { ratio } from './ratio.ts';
import type { Arm, OutcomeArms } from './read-outcome.ts';
import type { Confidence } from './student-t.ts';

/** null: there is nobody */
export interface Figure {
  readonly value: number | null;
  /** null: too few for an interval */
  readonly interval: Interval | null;
}

export interface ShareFigure extends Figure {
  readonly part: number;
  readonly whole: number;
}

export interface ComparedShare {
  readonly members: ShareFigure;
  readonly compared: ShareFigure;
  /** the members' minus the others' */
  readonly difference: Figure;
}

export interface ComparedMean {
  readonly members: Figure;
  readonly compared: Figure;
  readonly difference: Figure;
}

export interface MeasuredOutcome {
  readonly conversion: ComparedShare;
  readonly repeat: ComparedShare;
  readonly retention: readonly ComparedShare[];
  readonly ordersPerCustomer: ComparedMean;
  /** in ten-thousandths */
  readonly revenuePerCustomer: ComparedMean;
  readonly segments: readonly { readonly atStart: ComparedShare; readonly atEnd: ComparedShare }[];
  /** in ten-thousandths: what the members brought in beyond what the same number of the others did */
  readonly addedRevenue: Figure;
}

export function measureOutcome({ members, compared }: OutcomeArms, confidence: Confidence): MeasuredOutcome {
  const share = (partOf: (arm: Arm) => number, wholeOf: (arm: Arm) => number = ({ customers }) => customers) =>
    compareShares({ part: partOf(members), whole: wholeOf(members) }, { part: partOf(compared), whole: wholeOf(compared) }, confidence);
  const mean = (sumOf: (arm: Arm) => number, varianceOf: (arm: Arm) => number | null) =>
    compareMeans(sampleOf(members, sumOf, varianceOf), sampleOf(compared, sumOf, varianceOf), confidence);
  const revenuePerCustomer = mean(
    ({ revenue }) => Number(revenue),
    ({ revenueVariance }) => revenueVariance,
  );
  return {
    conversion: share(({ buyers }) => buyers),
    repeat: share(
      ({ repeaters }) => repeaters,
      ({ buyers }) => buyers,
    ),
    retention: members.active.map((_, place) => share(({ active }) => active[place] ?? 0)),
    ordersPerCustomer: mean(
      ({ orders }) => orders,
      ({ ordersVariance }) => ordersVariance,
    ),
    revenuePerCustomer,
    segments: members.segments.map((_, place) => ({
      atStart: share(({ segments }) => segments[place]?.atStart ?? 0),
      atEnd: share(({ segments }) => segments[place]?.atEnd ?? 0),
    })),
    addedRevenue: times(revenuePerCustomer.difference, members.customers),
  };
}

function compareShares(members: Proportion, compared: Proportion, confidence: Confidence): ComparedShare {
  const figure = (one: Proportion) => ({ ...one, value: ratio(one.part, one.whole), interval: wilson(one, confidence) });
  const ofMembers = figure(members);
  const ofCompared = figure(compared);
  return {
    members: ofMembers,
    compared: ofCompared,
    difference: { value: minus(ofMembers.value, ofCompared.value), interval: newcombe(members, compared, confidence) },
  };
}

/** The mean is 0 if there is nobody, and then nobody asks for it. */
function sampleOf(arm: Arm, sumOf: (arm: Arm) => number, varianceOf: (arm: Arm) => number | null): Sample {
  return { count: arm.customers, mean: ratio(sumOf(arm), arm.customers) ?? 0, variance: varianceOf(arm) };
}

function compareMeans(members: Sample, compared: Sample, confidence: Confidence): ComparedMean {
  const figure = (one: Sample) => ({ value: one.count === 0 ? null : one.mean, interval: student(one, confidence) });
  const ofMembers = figure(members);
  const ofCompared = figure(compared);
  return {
    members: ofMembers,
    compared: ofCompared,
    difference: { value: minus(ofMembers.value, ofCompared.value), interval: welch(members, compared, confidence) },
  };
}

function minus(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one - other;
}

function times({ value, interval }: Figure, count: number): Figure {
  return {
    value: value === null ? null : value * count,
    interval: interval === null ? null : { low: interval.low * count, high: interval.high * count },
  };
}
