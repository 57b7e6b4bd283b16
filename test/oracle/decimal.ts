// Exact decimals for the oracle: a whole coefficient and how many of its digits come after the point. Not a production type.

/** The number is coefficient / 10^scale; scale is never negative. */
export interface Decimal {
  readonly coefficient: bigint;
  readonly scale: number;
}

const SIGNIFICANT_DIGITS = 20;

export function decimal(text: string): Decimal {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) throw new Error(`not a decimal: ${text}`);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  return withScale(BigInt(`${sign}${whole}${fraction}`), fraction.length - Number(exponent));
}

/** Ten-thousandths, as money and quantities are stored. */
export function fromScaled(text: string): Decimal {
  return { coefficient: BigInt(text), scale: 4 };
}

export function fromInteger(value: number | bigint): Decimal {
  return { coefficient: BigInt(value), scale: 0 };
}

export function add(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  return { coefficient: atScale(left, scale) + atScale(right, scale), scale };
}

export function subtract(left: Decimal, right: Decimal): Decimal {
  return add(left, { coefficient: -right.coefficient, scale: right.scale });
}

export function multiply(left: Decimal, right: Decimal): Decimal {
  return { coefficient: left.coefficient * right.coefficient, scale: left.scale + right.scale };
}

/** To 20 significant digits, half to even; null where the divisor is zero. */
export function divide(left: Decimal, right: Decimal): Decimal | null {
  if (right.coefficient === 0n) return null;
  if (left.coefficient === 0n) return fromInteger(0);
  const negative = left.coefficient < 0n !== right.coefficient < 0n;
  const dividend = magnitude(left.coefficient);
  const divisor = magnitude(right.coefficient);
  for (let shift = SIGNIFICANT_DIGITS + digits(divisor) - digits(dividend); ; shift -= 1) {
    const numerator = shift >= 0 ? dividend * 10n ** BigInt(shift) : dividend;
    const denominator = shift >= 0 ? divisor : divisor * 10n ** BigInt(-shift);
    const quotient = numerator / denominator;
    if (digits(quotient) > SIGNIFICANT_DIGITS) continue; // one digit too many: shift less
    const twice = 2n * (numerator % denominator);
    const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
    const rounded = up ? quotient + 1n : quotient;
    return withScale(negative ? -rounded : rounded, shift + left.scale - right.scale);
  }
}

export function compare(left: Decimal, right: Decimal): number {
  const difference = subtract(left, right).coefficient;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** One text for one number: equal numbers have equal texts. */
export function toText(value: Decimal): string {
  let { coefficient, scale } = value;
  while (scale > 0 && coefficient % 10n === 0n) {
    coefficient /= 10n;
    scale -= 1;
  }
  const digitsOnly = magnitude(coefficient)
    .toString()
    .padStart(scale + 1, '0');
  const whole = digitsOnly.slice(0, digitsOnly.length - scale);
  const fraction = digitsOnly.slice(digitsOnly.length - scale);
  return `${coefficient < 0n ? '-' : ''}${whole}${scale > 0 ? `.${fraction}` : ''}`;
}

function withScale(coefficient: bigint, scale: number): Decimal {
  return scale >= 0 ? { coefficient, scale } : { coefficient: coefficient * 10n ** BigInt(-scale), scale: 0 };
}

function atScale(value: Decimal, scale: number): bigint {
  return value.coefficient * 10n ** BigInt(scale - value.scale);
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function digits(value: bigint): number {
  return value.toString().length;
}
