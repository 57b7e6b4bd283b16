// Orders and events as callers write them: amounts, currencies, defaults, and each kind of bad input.
import { describe, expect, it } from 'vitest';
import { printAmount, printQuantity, readRounded } from '../../src/ingest/amount.ts';
import { parseJson } from '../../src/ingest/parse-json.ts';
import { validateEvent } from '../../src/ingest/validate-event.ts';
import { validateOrder } from '../../src/ingest/validate-order.ts';
import { rowContext } from './row-context.ts';

function judge(raw: object) {
  return validateOrder({ id: 'o', customerId: 'c', ...raw }, rowContext(), '');
}

function accepted(raw: object) {
  const result = judge(raw);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

const BAD: readonly [title: string, row: string, pointer: string, code: string, hint: RegExp | null][] = [
  ['a misspelt field', '{"totl":1}', '/totl', 'unknown_field', /"total"/],
  ['a misspelt field of an item', '{"items":[{"unit_price":1}]}', '/items/0/unit_price', 'unknown_field', /"unitPrice"/],
  ['NaN as text', '{"total":"NaN"}', '/total', 'invalid_number', /1234\.5/],
  ['infinity as text', '{"total":"Infinity"}', '/total', 'invalid_number', /1234\.5/],
  ['an exponent as text', '{"total":"1e400"}', '/total', 'invalid_number', /1234\.5/],
  ['a decimal comma', '{"total":"12,50"}', '/total', 'invalid_number', /1234\.5/],
  ['blanks around a number', '{"total":" 12"}', '/total', 'invalid_number', /1234\.5/],
  ['1e400', '{"total":1e400}', '/total', 'invalid_number', /string/],
  ['30 digits', `{"total":${'9'.repeat(30)}}`, '/total', 'invalid_number', /string/],
  ['30 digits as text', `{"total":"${'9'.repeat(30)}"}`, '/total', 'limit_exceeded', /1,000,000,000,000/],
  ['10^12', '{"total":1000000000000}', '/total', 'limit_exceeded', /1,000,000,000,000/],
  ['five decimals', '{"total":1.23456}', '/total', 'invalid_number', /four decimals/],
  ['five decimals as text', '{"total":"1.23456"}', '/total', 'invalid_number', /four decimals/],
  ['a float as text', '{"total":"59.970000000000006"}', '/total', 'invalid_number', /four decimals/],
  ['true as an amount', '{"total":true}', '/total', 'type_mismatch', null],
  ['an unknown currency', '{"currency":"XXQ"}', '/currency', 'unknown_currency', /ISO 4217/],
  ['a small-letter currency', '{"currency":"usd"}', '/currency', 'unknown_currency', /"USD"/],
  ['another currency without rate', '{"currency":"EUR"}', '/exchangeRate', 'missing_exchange_rate', /one EUR is worth in USD/],
  ['a rate of zero', '{"currency":"EUR","exchangeRate":0}', '/exchangeRate', 'invalid_number', /1\.0842/],
  ['a rate for the own currency', '{"exchangeRate":1.1}', '/exchangeRate', 'invalid_number', /leave it out/],
  ['an item that is no object', '{"items":["shoe"]}', '/items/0', 'type_mismatch', null],
  ['items that are no list', '{"items":{"0":{}}}', '/items', 'type_mismatch', null],
  ['a quantity too fine', '{"items":[{"quantity":0.00001}]}', '/items/0/quantity', 'invalid_number', /four decimals/],
  ['quantities past 10^12', '{"total":0,"items":[{"quantity":6e11},{"quantity":6e11}]}', '/items', 'limit_exceeded', null],
  ['a sum past 10^12', '{"items":[{"quantity":1e6,"unitPrice":1e6}]}', '/items', 'limit_exceeded', null],
  ['a conversion past 10^12', '{"currency":"EUR","exchangeRate":10,"total":2e11}', '/total', 'limit_exceeded', null],
  ['a bad coupon', '{"coupons":[{}]}', '/coupons/0', 'type_mismatch', null],
  ['no customer', '{"customerId":null}', '/customerId', 'missing_field', null],
];

describe('validateOrder', () => {
  it.each(BAD)('refuses %s', (_, row, pointer, code, hint) => {
    const result = judge(parseJson(row) as object);
    const problems = result.ok
      ? []
      : result.problems.map((problem) => ({ pointer: problem.pointer, code: problem.code, hint: problem.hint ?? null }));
    expect(problems).toEqual([{ pointer, code, hint: hint === null ? null : expect.stringMatching(hint) }]);
  });

  it('fills in what is absent', () => {
    expect(accepted({ items: [{ productId: 'p', unitPrice: '1.255' }, { quantity: -2, unitPrice: 0.5 }, {}] })).toMatchObject({
      status: null,
      currency: 'USD',
      total: '2550',
      discount: '0',
      coupons: [],
      itemCount: '0',
      placedAtMs: null,
      exchangeRate: null,
      items: [
        { productId: 'p', quantity: '10000', unitPrice: '12550' },
        { quantity: '-20000', unitPrice: '5000' },
        { quantity: '10000', unitPrice: null },
      ],
    });
  });

  it.each([
    [59.970000000000006, '599700'],
    [-0, '0'],
    ['-0', '0'],
    ['-12.50000', '-125000'],
    ['007.5', '75000'],
    [0.1 + 0.2, '3000'],
    [999999999999, '9999999999990000'],
    [123456789.1234, '1234567891234'],
    ['999999999999.9999', '9999999999999999'],
    [1e-7, '0'],
  ])('takes the amount %s', (given, scaled) => {
    expect(accepted({ total: given }).total).toBe(scaled);
  });

  it('rounds a sum once, half to even', () => {
    const half = { quantity: '0.5', unitPrice: '0.0001' };
    expect(accepted({ items: [half] }).total).toBe('0');
    expect(accepted({ items: [half, half, half] }).total).toBe('2');
    expect(accepted({ items: [{ quantity: '-0.5', unitPrice: '0.0003' }] }).total).toBe('-2');
  });

  it('converts once, half to even', () => {
    const order = accepted({ currency: 'EUR', exchangeRate: '1.5', total: '0.0001', discount: '0.0003', items: [{ unitPrice: 2 }] });
    expect(order).toMatchObject({ currency: 'EUR', exchangeRate: '1.5', total: '2', discount: '4', items: [{ unitPrice: '30000' }] });
    expect(accepted({ currency: 'EUR', exchangeRate: 1.5, items: [{ quantity: 3, unitPrice: '0.0001' }] }).total).toBe('4');
  });
});

describe('validateEvent', () => {
  const judgeEvent = (raw: object) => validateEvent(raw, rowContext(), '');

  it('gives an id to one without', () => {
    expect(judgeEvent({ customerId: 'c', name: 'page_view' })).toMatchObject({
      ok: true,
      value: { id: 'fresh', name: 'page_view', occurredAtMs: null, properties: {} },
    });
  });

  it('drops missing properties, nests the others', () => {
    const result = judgeEvent({ id: 'e', customerId: 'c', name: 'x', properties: { a: null, b: '', c: [], d: { e: 1 } } });
    expect(result).toMatchObject({ ok: true, value: { properties: { 'd.e': 1 } } });
  });

  it('refuses one without a name', () => {
    const result = judgeEvent({ customerId: 'c', prperties: {} });
    expect(result.ok ? [] : result.problems).toMatchObject([
      { pointer: '/prperties', code: 'unknown_field', hint: 'did you mean "properties"?' },
      { pointer: '/name', code: 'missing_field' },
    ]);
  });
});

describe('rounding', () => {
  it.each<[given: number | string, decimals: number, read: bigint | string]>([
    ['59.97000122', 2, 599700n],
    [14.3999996, 4, 144000n],
    ['0.125', 2, 1200n],
    ['0.375', 2, 3800n],
    ['-0.125', 2, -1200n],
    ['7.5', 0, 80000n],
    [1e-7, 4, 0n],
    ['12', 3, 120000n],
    ['999999999999.99999', 4, 'too_large'],
    [1e21, 2, 'too_large'],
    [Number.NaN, 2, 'not_decimal'],
    ['1e3', 2, 'not_decimal'],
    [`1.${'3'.repeat(61)}`, 2, 'too_fine'],
  ])('%s to %s decimals', (given, decimals, read) => {
    expect(readRounded(given, decimals)).toBe(read);
  });

  it('leaves weights what they are', () => {
    const raw = { id: 'o', customerId: 'c', items: [{ quantity: '0.12500001', unitPrice: '7.99900007' }] };
    const result = validateOrder(raw, { ...rowContext(), round: 2 }, '');
    expect(result).toMatchObject({ ok: true, value: { total: '10000', items: [{ quantity: '1250', unitPrice: '80000' }] } });
    const exact = validateOrder(raw, { ...rowContext(), round: null }, '');
    expect(exact.ok ? [] : exact.problems.map(({ hint }) => hint)).toEqual(Array(2).fill(expect.stringContaining('`round=4`')));
  });
});

describe('amounts out', () => {
  it.each([
    ['599700', '59.97'],
    ['89950', '8.995'],
    ['100000', '10.00'],
    ['-1', '-0.0001'],
    ['0', '0.00'],
    ['-125000', '-12.50'],
  ])('prints %s as %s', (scaled, printed) => {
    expect(printAmount(scaled)).toBe(printed);
  });

  it.each([
    ['10000', '1'],
    ['1000000', '100'],
    ['-25000', '-2.5'],
    ['0', '0'],
  ])('prints the quantity %s as %s', (scaled, printed) => {
    expect(printQuantity(scaled)).toBe(printed);
  });
});
