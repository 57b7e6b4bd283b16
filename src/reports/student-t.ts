// In charge of the quantiles from which intervals are made: of the normal distribution, for the few levels there are, and of Student's t. Pure
// arithmetic in doubles.

/** Two-sided levels, each with the quantile of the standard normal distribution that leaves half of the rest on either side. */
export const CONFIDENCES = {
  '0.8': 1.2815515655446004,
  '0.9': 1.6448536269514722,
  '0.95': 1.959963984540054,
  '0.99': 2.5758293035489004,
} as const;
export type Confidence = keyof typeof CONFIDENCES;

const PRECISION = 1e-14;
const MOST_STEPS = 300;
/** From this number on, t and the normal quantile agree to seven digits. */
const NEARLY_NORMAL = 1e7;

/**
 * The value within which a variable of Student's t-distribution with this many degrees of freedom (possibly a fraction) stays with that
 * probability.
 */
export function studentQuantile(confidence: Confidence, degrees: number): number {
  if (degrees >= NEARLY_NORMAL) return CONFIDENCES[confidence];
  const outside = 1 - Number(confidence);
  let low = 0;
  let high = 1;
  while (outsideOf(high, degrees) > outside) high *= 2;
  while (high - low > high * PRECISION) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (outsideOf(middle, degrees) > outside) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(|T| > t), by the incomplete beta function: Abramowitz and Stegun 26.7.1. */
function outsideOf(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/**
 * I_x(a, b), regularised: Abramowitz and Stegun 26.5.8, with its continued fraction evaluated by Lentz's method as modified by Thompson and
 * Barnett.
 */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a); // the fraction converges slowly here
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  let c = 1;
  let d = notZero(1 - ((a + b) * x) / (a + 1)) ** -1;
  let fraction = d;
  for (let m = 1; m <= MOST_STEPS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let step = 1;
    for (const term of [even, odd]) {
      d = notZero(1 + term * d) ** -1;
      c = notZero(1 + term / c);
      step = c * d;
      fraction *= step;
    }
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return front * fraction;
}

function notZero(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value;
}

/** Lanczos' approximation with g = 7 and nine terms (P. Godfrey's coefficients), good to 15 digits for positive values. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

function logGamma(value: number): number {
  const x = value - 1;
  const sum = LANCZOS.reduce((all, term, index) => (index === 0 ? term : all + term / (x + index)), 0);
  const t = x + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(t) - t + Math.log(sum);
}
