// In charge of amounts: money and quantities as exact whole ten-thousandths (bigint), from numbers or strings. Pure, no float in between.

const UNIT = 10_000n;
const LIMIT = 1_000_000_000_000n * UNIT; // |amount| < 10^12
/** How far a JSON number may be from its four decimals: what sums of floats leave behind (59.970000000000006). */
const SLACK = 1e-6;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

export type AmountProblem = 'not_decimal' | 'too_fine' | 'too_large';

/** Whole ten-thousandths, or why not. A number may be off by 10⁻⁶, a string must be exact. */
export function readAmount(value: number | string): bigint | AmountProblem {
  return typeof value === 'number' ? fromNumber(value) : fromText(value);
}

function fromNumber(value: number): bigint | AmountProblem {
  if (!Number.isFinite(value)) return 'not_decimal';
  if (Math.abs(value) >= 1e12) return 'too_large';
  const rounded = Math.round(value * 10_000);
  if (Math.abs(rounded) < 1e12) return Math.abs(rounded / 10_000 - value) > SLACK ? 'too_fine' : BigInt(rounded);
  const fixed = value.toFixed(4); // from 10^8 on `value * 10_000` itself may be off
  return Math.abs(Number(fixed) - value) > SLACK ? 'too_fine' : fromText(fixed);
}

function fromText(text: string): bigint | AmountProblem {
  const match = DECIMAL.exec(text);
  if (match === null) return 'not_decimal';
  const [, sign, whole = '', decimals = ''] = match;
  const fraction = decimals.replace(/0+$/, '');
  const significant = whole.replace(/^0+/, '');
  if (significant.length > 12) return 'too_large';
  if (fraction.length > 4) return 'too_fine';
  const scaled = BigInt(significant + fraction.padEnd(4, '0'));
  return sign === '-' ? -scaled : scaled;
}

/** More digits no export writes, and taking them apart costs their square. */
const ROUNDED_DIGITS = 60;

/** The same of what may be finer: rounded to so many decimals (0 to 4), half to even. */
export function readRounded(value: number | string, decimals: number): bigint | AmountProblem {
  if (typeof value === 'number' && Math.abs(value) >= 1e12) return Number.isFinite(value) ? 'too_large' : 'not_decimal';
  const match = DECIMAL.exec(typeof value === 'number' ? decimalText(value) : value);
  if (match === null) return 'not_decimal';
  const [, sign, whole = '', fraction = ''] = match;
  const significant = whole.replace(/^0+/, '');
  if (significant.length > 12) return 'too_large';
  if (fraction.length > ROUNDED_DIGITS) return 'too_fine';
  const exact = BigInt(significant + fraction.padEnd(decimals, '0'));
  const rounded = divideRounded(exact, 10n ** BigInt(Math.max(0, fraction.length - decimals))) * 10n ** BigInt(4 - decimals);
  if (!isAmount(rounded)) return 'too_large';
  return sign === '-' ? -rounded : rounded;
}

export function isAmount(scaled: bigint): boolean {
  return scaled < LIMIT && scaled > -LIMIT;
}

/** Rounds half to even. */
export function divideRounded(numerator: bigint, divisor: bigint): bigint {
  const quotient = numerator / divisor; // towards zero
  const rest = numerator % divisor;
  if (rest === 0n) return quotient;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  const away = twice > divisor || (twice === divisor && quotient % 2n !== 0n);
  return away ? quotient + (numerator < 0n ? -1n : 1n) : quotient;
}

/** A rate as a fraction whose denominator is a power of ten. */
export interface Rate {
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly text: string;
}

/** A positive decimal with at most 12 digits on either side, from a string or a number as JavaScript prints it; undefined: it is not one. */
export function readRate(value: number | string): Rate | undefined {
  const match = /^0*(\d{1,12})(?:\.(\d{1,12}))?$/.exec(typeof value === 'number' ? decimalText(value) : value);
  if (match === null) return undefined;
  const [, whole = '', fraction = ''] = match;
  const decimals = fraction.replace(/0+$/, '');
  const numerator = BigInt(whole + decimals);
  if (numerator === 0n) return undefined;
  return { numerator, denominator: 10n ** BigInt(decimals.length), text: decimals === '' ? whole : `${whole}.${decimals}` };
}

/** A number written out, without an exponent. */
function decimalText(value: number): string {
  const text = String(value);
  return text.includes('e-') ? value.toFixed(12) : text;
}

/** An amount as it is answered: a plain decimal with two to four places ("10.00", "8.995"). */
export function printAmount(scaled: string): string {
  const negative = scaled.startsWith('-');
  const digits = (negative ? scaled.slice(1) : scaled).padStart(5, '0');
  const fraction = digits.slice(-4).replace(/0{1,2}$/, '');
  return `${negative ? '-' : ''}${digits.slice(0, -4)}.${fraction}`;
}

/** A quantity as it is answered: a plain decimal without trailing zeros ("1", "2.5"). */
export function printQuantity(scaled: string): string {
  return printAmount(scaled).replace(/\.?0+$/, '');
}
