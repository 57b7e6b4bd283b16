// In charge of confidence intervals for shares, means and their differences. All are closed forms, so that the same figures give the same
// interval; each names its source. Pure.
import { CONFIDENCES, type Confidence, studentQuantile } from './student-t.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** How many, out of how many. */
export interface Proportion {
  readonly part: number;
  readonly whole: number;
}

/** The figures of a sample. */
export interface Sample {
  readonly count: number;
  readonly mean: number;
  /** with n − 1 below; null: fewer than two values */
  readonly variance: number | null;
}

/**
 * The score interval of a share: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927) 209–212;
 * method 3 of R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998) 857–872. Without
 * continuity correction. null: the share is of nobody.
 */
export function wilson({ part, whole }: Proportion, confidence: Confidence): Interval | null {
  if (whole === 0) return null;
  const z = CONFIDENCES[confidence];
  const share = part / whole;
  const middle = share + (z * z) / (2 * whole);
  const reach = z * Math.sqrt((share * (1 - share)) / whole + (z * z) / (4 * whole * whole));
  const below = 1 + (z * z) / whole;
  // at the ends the formula gives 0 and 1 exactly, which rounding may miss
  return { low: part === 0 ? 0 : (middle - reach) / below, high: part === whole ? 1 : (middle + reach) / below };
}

/**
 * The difference of two independent shares, one minus other: method 10 of R. G. Newcombe, Interval estimation for the difference between
 * independent proportions, Statistics in Medicine 17 (1998) 873–890, from the Wilson intervals of both.
 */
export function newcombe(one: Proportion, other: Proportion, confidence: Confidence): Interval | null {
  const oneIs = wilson(one, confidence);
  const otherIs = wilson(other, confidence);
  if (oneIs === null || otherIs === null) return null;
  const oneShare = one.part / one.whole;
  const otherShare = other.part / other.whole;
  const difference = oneShare - otherShare;
  return {
    low: difference - Math.hypot(oneShare - oneIs.low, otherIs.high - otherShare),
    high: difference + Math.hypot(oneIs.high - oneShare, otherShare - otherIs.low),
  };
}

/** The mean of a sample: Student (W. S. Gosset), The probable error of a mean, Biometrika 6 (1908) 1–25. null: fewer than two values. */
export function student({ count, mean, variance }: Sample, confidence: Confidence): Interval | null {
  if (count < 2 || variance === null) return null;
  const reach = studentQuantile(confidence, count - 1) * Math.sqrt(variance / count);
  return { low: mean - reach, high: mean + reach };
}

/**
 * The difference of the means of two samples of unequal variances, one minus other: B. L. Welch, The generalization of “Student's” problem when
 * several different population variances are involved, Biometrika 34 (1947) 28–35, with the degrees of freedom of F. E. Satterthwaite,
 * Biometrics Bulletin 2 (1946) 110–114. null: either has fewer than two values.
 */
export function welch(one: Sample, other: Sample, confidence: Confidence): Interval | null {
  if (one.count < 2 || other.count < 2 || one.variance === null || other.variance === null) return null;
  const ofOne = one.variance / one.count;
  const ofOther = other.variance / other.count;
  const difference = one.mean - other.mean;
  if (ofOne + ofOther === 0) return { low: difference, high: difference };
  const degrees = (ofOne + ofOther) ** 2 / (ofOne ** 2 / (one.count - 1) + ofOther ** 2 / (other.count - 1));
  const reach = studentQuantile(confidence, degrees) * Math.sqrt(ofOne + ofOther);
  return { low: difference - reach, high: difference + reach };
}
