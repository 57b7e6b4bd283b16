// In charge of one order with its items as callers write it: everything wrong is reported, and amounts are converted to the service's currency.
import { failed, ok, type Result } from '../base/result.ts';
import type { ErrorDetail } from '../errors.ts';
import { isAmount, printQuantity, type Rate } from './amount.ts';
import { customerKey } from './customer-key.ts';
import type { ItemFact, OrderFact } from './facts.ts';
import type { RowContext } from './ingest-context.ts';
import { ITEMS_MAX } from './limits.ts';
import { amountsAsSent, convert, convertFine, type OrderAmounts, readOriginal, refuseDisagreement } from './original-amounts.ts';
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
  'itemCount',
  'original',
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
  const problems = new Problems(context.near);
  if (!isObject(raw)) {
    problems.addWrongType(base, 'an order as an object', raw);
    return failed(problems.list, problems.more);
  }
  for (const name of Object.keys(raw)) if (!ORDER_FIELDS.has(name)) problems.addUnknown(pointer(base, name), name, ORDER_FIELDS);
  const id = readId(raw['id'], 'the order id', `${base}/id`, problems);
  const customerId = readId(raw['customerId'], 'the customer id', `${base}/customerId`, problems);
  const status = readText(raw['status'], `${base}/status`, problems);
  const channel = readText(raw['channel'], `${base}/channel`, problems);
  const coupons = readList(raw['coupons'], `${base}/coupons`, problems);
  const placedAtMs = readInstant(raw['placedAt'], `${base}/placedAt`, problems);
  const total = readScaled(raw['total'], `${base}/total`, problems, context.round);
  const discount = readScaled(raw['discount'], `${base}/discount`, problems, context.round);
  const currency = readCurrency(raw['currency'], `${base}/currency`, problems);
  const given = readExchangeRate(raw['exchangeRate'], `${base}/exchangeRate`, problems);
  const rate = rateOf(currency ?? context.currency, given, context, base, problems);
  const items = readItems(raw['items'], context, `${base}/items`, problems);
  const itemCount = (items ?? []).reduce((sum, item) => sum + item.quantity, 0n);
  const count = readScaled(raw['itemCount'], `${base}/itemCount`, problems);
  const original = readOriginal(raw['original'], context, `${base}/original`, problems);
  if (problems.list.length > 0 || id === undefined || customerId === undefined || items === undefined)
    return failed(problems.list, problems.more);

  if (!isAmount(itemCount)) problems.add(`${base}/items`, 'limit_exceeded', 'the quantities together are 10^12 or more');
  if (typeof count === 'bigint' && count !== itemCount) {
    const detail = `the quantities of the items together are ${printQuantity(itemCount.toString())}`;
    problems.add(`${base}/itemCount`, 'invalid_number', detail, 'leave itemCount out: it follows from the items');
  }
  const sent = {
    total: typeof total === 'bigint' ? total * ONE : sumOfItems(items),
    discount: discount ?? 0n,
    unitPrices: items.map(({ unitPrice }) => unitPrice),
  };
  const inService = convertAmounts(sent, rate, typeof total === 'bigint' ? 'total' : 'items', base, problems);
  if (original && rate !== null)
    problems.add(
      `${base}/original`,
      'unknown_field',
      `an order in ${currency} is its own original`,
      'leave `original` out, or `currency` and `exchangeRate`',
    );
  else if (original) refuseDisagreement(original, inService, `${base}/original`, problems);
  if (problems.list.length > 0) return failed(problems.list, problems.more);

  return ok({
    id,
    customerKey: customerKey(customerId),
    customerId,
    status: status ?? null,
    channel: channel ?? null,
    currency: original?.currency ?? currency ?? context.currency,
    total: inService.total.toString(),
    discount: inService.discount.toString(),
    coupons: coupons ?? [],
    itemCount: itemCount.toString(),
    placedAtMs: placedAtMs ?? null,
    exchangeRate: original?.rate.text ?? rate?.text ?? null,
    original: original?.amounts ?? (rate === null ? null : amountsAsSent(sent)),
    items: items.map((item, index) => ({
      ...item.texts,
      quantity: item.quantity.toString(),
      unitPrice: inService.unitPrices[index]?.toString() ?? null,
    })),
  });
}

/** Null if the order is in the service's currency. */
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

/** In ten-thousandths of the service's currency, each half to even once. `sent.total` is in hundred-millionths, and comes from that field. */
function convertAmounts(sent: OrderAmounts, rate: Rate | null, totalFrom: string, base: string, problems: Problems): OrderAmounts {
  const checked = (amount: bigint, at: string): bigint => {
    if (!isAmount(amount)) problems.add(at, 'limit_exceeded', 'the amount in the service’s currency is 10^12 or more');
    return amount;
  };
  return {
    total: checked(convertFine(sent.total, rate), `${base}/${totalFrom}`),
    discount: checked(convert(sent.discount, rate), `${base}/discount`),
    unitPrices: sent.unitPrices.map((price, index) => price && checked(convert(price, rate), `${base}/items/${index}/unitPrice`)),
  };
}

/** In hundred-millionths: quantity × unit price has eight decimals. */
function sumOfItems(items: readonly Item[]): bigint {
  return items.reduce((sum, item) => (item.unitPrice === null ? sum : sum + item.quantity * item.unitPrice), 0n);
}

function readItems(value: unknown, { round }: RowContext, at: string, problems: Problems): readonly Item[] | undefined {
  if (value === null || value === undefined || value === '') return [];
  if (!Array.isArray(value)) return problems.addWrongType(at, 'a list of items', value);
  if (value.length > ITEMS_MAX) {
    return problems.add(at, 'limit_exceeded', `at most ${ITEMS_MAX} items are taken in one order, this has ${value.length}`);
  }
  const finest = typeof round === 'number' ? 4 : round; // of a weight of 0.125 no cents are to be made
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
      quantity: readScaled(raw['quantity'], `${base}/quantity`, problems, finest) ?? ONE,
      unitPrice: readScaled(raw['unitPrice'], `${base}/unitPrice`, problems, round) ?? null,
    });
  });
  return items;
}
