// In charge of one order with its items as callers write it: everything wrong is told, amounts come out in the service's currency.
import { failed, ok, type Result } from '../base/result.ts';
import type { ErrorDetail } from '../errors.ts';
import { divideRounded, isAmount, type Rate } from './amount.ts';
import { customerKey } from './customer-key.ts';
import type { ItemFact, OrderFact } from './facts.ts';
import type { RowContext } from './ingest-context.ts';
import { ITEMS_MAX } from './limits.ts';
import { isObject, Problems, pointer } from './problem.ts';
import { readCurrency, readExchangeRate, readId, readInstant, readList, readScaled, readText } from './read-field.ts';

export const ORDER_FIELDS: ReadonlySet<string> = new Set([
  'id',
  'customerId',
  'status',
  'currency',
  'total',
  'discount',
  'channel',
  'coupons',
  'placedAt',
  'exchangeRate',
  'items',
]);

export const ITEM_FIELDS: ReadonlySet<string> = new Set(['productId', 'sku', 'name', 'category', 'brand', 'quantity', 'unitPrice']);

interface Item {
  readonly texts: Pick<ItemFact, 'productId' | 'sku' | 'name' | 'category' | 'brand'>;
  readonly quantity: bigint;
  readonly unitPrice: bigint | null;
}

const ONE = 10_000n;

/** `base`: the JSON pointer of the row ('' for a body that is the row). */
export function validateOrder(raw: unknown, context: RowContext, base: string): Result<OrderFact, ErrorDetail> {
  const problems = new Problems();
  if (!isObject(raw)) {
    problems.addWrongType(base, 'an order as an object', raw);
    return failed(problems.list);
  }
  for (const name of Object.keys(raw)) if (!ORDER_FIELDS.has(name)) problems.addUnknown(pointer(base, name), name, ORDER_FIELDS);
  const id = readId(raw['id'], 'the order id', `${base}/id`, problems);
  const customerId = readId(raw['customerId'], 'the customer id', `${base}/customerId`, problems);
  const status = readText(raw['status'], `${base}/status`, problems);
  const channel = readText(raw['channel'], `${base}/channel`, problems);
  const coupons = readList(raw['coupons'], `${base}/coupons`, problems);
  const placedAtMs = readInstant(raw['placedAt'], `${base}/placedAt`, problems);
  const total = readScaled(raw['total'], `${base}/total`, problems);
  const discount = readScaled(raw['discount'], `${base}/discount`, problems);
  const currency = readCurrency(raw['currency'], `${base}/currency`, problems);
  const given = readExchangeRate(raw['exchangeRate'], `${base}/exchangeRate`, problems);
  const rate = rateOf(currency ?? context.currency, given, context, base, problems);
  const items = readItems(raw['items'], `${base}/items`, problems);
  if (problems.list.length > 0 || id === undefined || customerId === undefined || items === undefined) return failed(problems.list);

  const convert = (amount: bigint, at: string): bigint => inService(amount, ONE, rate, at, problems);
  const itemCount = items.reduce((sum, item) => sum + item.quantity, 0n);
  if (!isAmount(itemCount)) problems.add(`${base}/items`, 'limit_exceeded', 'the quantities together are 10^12 or more');
  const fact: OrderFact = {
    id,
    customerKey: customerKey(customerId),
    customerId,
    status: status ?? null,
    channel: channel ?? null,
    currency: currency ?? context.currency,
    total: (typeof total === 'bigint'
      ? convert(total, `${base}/total`)
      : inService(sumOfItems(items), ONE * ONE, rate, `${base}/items`, problems)
    ).toString(),
    discount: convert(discount ?? 0n, `${base}/discount`).toString(),
    coupons: coupons ?? [],
    itemCount: itemCount.toString(),
    placedAtMs: placedAtMs ?? null,
    exchangeRate: rate?.text ?? null,
    items: items.map((item, index) => ({
      ...item.texts,
      quantity: item.quantity.toString(),
      unitPrice: item.unitPrice === null ? null : convert(item.unitPrice, `${base}/items/${index}/unitPrice`).toString(),
    })),
  };
  return problems.list.length > 0 ? failed(problems.list) : ok(fact);
}

/** Null where the order is in the service's currency. */
function rateOf(currency: string, given: Rate | null | undefined, context: RowContext, base: string, problems: Problems): Rate | null {
  if (currency !== context.currency) {
    if (given === null) {
      const hint = `send exchangeRate: what one ${currency} is worth in ${context.currency}`;
      problems.add(`${base}/exchangeRate`, 'missing_exchange_rate', `an order in ${currency} needs a rate to ${context.currency}`, hint);
    }
    return given ?? null;
  }
  if (given !== null && given !== undefined && given.text !== '1') {
    const hint = `leave it out, or say the order's currency`;
    problems.add(`${base}/exchangeRate`, 'invalid_number', `an order in ${currency}, the service's own currency, has no rate but 1`, hint);
  }
  return null;
}

/** Ten-thousandths in the service's currency, half to even once. `scale`: how many of the given units make one ten-thousandth, times ten thousand. */
function inService(amount: bigint, scale: bigint, rate: Rate | null, at: string, problems: Problems): bigint {
  const divisor = (scale / ONE) * (rate?.denominator ?? 1n);
  const converted = divisor === 1n && rate === null ? amount : divideRounded(amount * (rate?.numerator ?? 1n), divisor);
  if (!isAmount(converted)) problems.add(at, 'limit_exceeded', 'the amount in the service’s currency is 10^12 or more');
  return converted;
}

/** In hundred-millionths: quantity × unit price has eight decimals. */
function sumOfItems(items: readonly Item[]): bigint {
  return items.reduce((sum, item) => (item.unitPrice === null ? sum : sum + item.quantity * item.unitPrice), 0n);
}

function readItems(value: unknown, at: string, problems: Problems): readonly Item[] | undefined {
  if (value === null || value === undefined || value === '') return [];
  if (!Array.isArray(value)) return problems.addWrongType(at, 'a list of items', value);
  if (value.length > ITEMS_MAX) {
    return problems.add(at, 'limit_exceeded', `at most ${ITEMS_MAX} items are taken in one order, this has ${value.length}`);
  }
  const items: Item[] = [];
  value.forEach((raw: unknown, index) => {
    const base = pointer(at, index);
    if (!isObject(raw)) {
      problems.addWrongType(base, 'an item as an object', raw);
      return;
    }
    for (const name of Object.keys(raw)) if (!ITEM_FIELDS.has(name)) problems.addUnknown(pointer(base, name), name, ITEM_FIELDS);
    items.push({
      texts: {
        productId: readText(raw['productId'], `${base}/productId`, problems) ?? null,
        sku: readText(raw['sku'], `${base}/sku`, problems) ?? null,
        name: readText(raw['name'], `${base}/name`, problems) ?? null,
        category: readText(raw['category'], `${base}/category`, problems) ?? null,
        brand: readText(raw['brand'], `${base}/brand`, problems) ?? null,
      },
      quantity: readScaled(raw['quantity'], `${base}/quantity`, problems) ?? ONE,
      unitPrice: readScaled(raw['unitPrice'], `${base}/unitPrice`, problems) ?? null,
    });
  });
  return items;
}
