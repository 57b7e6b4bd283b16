// In charge of the amounts with which an order in another currency was sent, kept beside those in the service's currency, which everything else
// counts with: their form, reading them back when an order is sent as it was read, and whether they still agree with the order's amounts. Pure.
import { divideRounded, type Rate } from './amount.ts';
import type { RowContext } from './ingest-context.ts';
import { isObject, type Problems, pointer, quote } from './problem.ts';
import { readCurrency, readExchangeRate, readScaled } from './read-field.ts';

/** As decimal text, in the order's own currency. */
export interface OriginalAmounts {
  /** if it was left out, the sum of the items, with up to eight decimals */
  readonly total: string;
  readonly discount: string;
  readonly items: readonly { readonly unitPrice: string | null }[];
}

export interface Original {
  readonly currency: string;
  readonly rate: Rate;
  /** null: they are not known (orders from before they were kept) */
  readonly amounts: OriginalAmounts | null;
}

/** In ten-thousandths of the service's currency. */
export interface OrderAmounts {
  readonly total: bigint;
  readonly discount: bigint;
  readonly unitPrices: readonly (bigint | null)[];
}

const UNIT = 10_000n;
const FINE = /^(-?)(\d{1,16})(?:\.(\d{1,8}))?$/;

/** Ten-thousandths in the service's currency, rounded once, half to even. `fine`: hundred-millionths in the other currency. */
export function convertFine(fine: bigint, rate: Rate | null): bigint {
  return divideRounded(fine * (rate?.numerator ?? 1n), UNIT * (rate?.denominator ?? 1n));
}

export function convert(scaled: bigint, rate: Rate | null): bigint {
  return rate === null ? scaled : divideRounded(scaled * rate.numerator, rate.denominator);
}

/** Hundred-millionths as text: two to eight decimals. */
export function printFine(fine: bigint): string {
  const digits = (fine < 0n ? -fine : fine).toString().padStart(9, '0');
  const fraction = digits.slice(-8).replace(/0{1,6}$/, '');
  return `${fine < 0n ? '-' : ''}${digits.slice(0, -8)}.${fraction}`;
}

function readFine(text: string): bigint | null {
  const match = FINE.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = ''] = match;
  const fine = BigInt(whole + fraction.padEnd(8, '0'));
  return sign === '-' ? -fine : fine;
}

/** The first of its amounts that does not come to the order's amount at this rate; null: all of them do. */
export function disagreementOf(amounts: OriginalAmounts, rate: Rate, order: OrderAmounts): string | null {
  const comesTo = (text: string | null, wanted: bigint | null) => {
    if (text === null || wanted === null) return text === wanted;
    const fine = readFine(text);
    return fine !== null && convertFine(fine, rate) === wanted;
  };
  if (!comesTo(amounts.total, order.total)) return '/total';
  if (!comesTo(amounts.discount, order.discount)) return '/discount';
  if (amounts.items.length !== order.unitPrices.length) return '/items';
  const at = amounts.items.findIndex(({ unitPrice }, index) => !comesTo(unitPrice, order.unitPrices[index] ?? null));
  return at === -1 ? null : `/items/${at}/unitPrice`;
}

const FIELDS: ReadonlySet<string> = new Set(['currency', 'exchangeRate', 'total', 'discount', 'items']);

/** Reads `original` of an order that is sent as it was read. null: there is none; undefined: problems were added. */
export function readOriginal(raw: unknown, context: RowContext, at: string, problems: Problems): Original | null | undefined {
  if (raw === null || raw === undefined || raw === '') return null;
  if (!isObject(raw)) return problems.addWrongType(at, 'an object', raw);
  for (const name of Object.keys(raw)) if (!FIELDS.has(name)) problems.addUnknown(pointer(at, name), name, FIELDS);
  const currency = readCurrency(raw['currency'], `${at}/currency`, problems);
  const rate = readExchangeRate(raw['exchangeRate'], `${at}/exchangeRate`, problems);
  const amounts = readAmounts(raw, at, problems);
  if (currency === null || currency === context.currency)
    return problems.add(
      `${at}/currency`,
      'unknown_currency',
      `the order came in another currency than ${context.currency}, or there is no original`,
    );
  if (rate === null) return problems.add(`${at}/exchangeRate`, 'missing_exchange_rate', 'the rate that it was converted with is needed');
  return currency === undefined || rate === undefined || amounts === undefined ? undefined : { currency, rate, amounts };
}

function readAmounts(raw: Readonly<Record<string, unknown>>, at: string, problems: Problems): OriginalAmounts | null | undefined {
  const { total = null, discount = null, items = null } = raw;
  if (total === null && discount === null && items === null) return null;
  const before = problems.count;
  const read = {
    total: readText(total, `${at}/total`, problems),
    discount: readText(discount, `${at}/discount`, problems),
    items: readPrices(items, `${at}/items`, problems),
  };
  return problems.count > before ? undefined : read;
}

function readText(value: unknown, at: string, problems: Problems): string {
  const fine = typeof value === 'string' ? readFine(value) : null;
  if (fine !== null) return printFine(fine);
  const scaled = readScaled(value, at, problems); // adds a problem if it is wrong
  if (scaled === null) problems.add(at, 'missing_field', 'the amounts of the original are given all or none');
  return typeof scaled === 'bigint' ? printFine(scaled * UNIT) : '';
}

function readPrices(value: unknown, at: string, problems: Problems): OriginalAmounts['items'] {
  if (!Array.isArray(value)) {
    problems.addWrongType(at, 'a list of items', value);
    return [];
  }
  return value.map((item: unknown, index) => {
    const place = pointer(at, index);
    if (!isObject(item)) {
      problems.addWrongType(place, 'an item as an object', item);
      return { unitPrice: null };
    }
    for (const name of Object.keys(item)) if (name !== 'unitPrice') problems.addUnknown(pointer(place, name), name, ['unitPrice']);
    const { unitPrice = null } = item;
    return { unitPrice: unitPrice === null ? null : readText(unitPrice, `${place}/unitPrice`, problems) };
  });
}

/** Adds a problem if `original` disagrees with the order. */
export function refuseDisagreement(original: Original, order: OrderAmounts, at: string, problems: Problems): void {
  const place = original.amounts === null ? null : disagreementOf(original.amounts, original.rate, order);
  if (place === null) return;
  const detail = `this does not come to the order’s at ${quote(original.rate.text)}`;
  const hint = `to change the order leave \`original\` out, or send its amounts in ${original.currency} with currency and exchangeRate`;
  problems.add(`${at}${place}`, 'invalid_number', detail, hint);
}

/** The amounts kept for an order that is sent in another currency. */
export function amountsAsSent(order: {
  /** hundred-millionths */
  readonly total: bigint;
  readonly discount: bigint;
  readonly unitPrices: readonly (bigint | null)[];
}): OriginalAmounts {
  return {
    total: printFine(order.total),
    discount: printFine(order.discount * UNIT),
    items: order.unitPrices.map((price) => ({ unitPrice: price === null ? null : printFine(price * UNIT) })),
  };
}
