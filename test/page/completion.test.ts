// What is offered at a place of a rule's text: `|` is the caret.
import { expect, test } from 'vitest';
import { complete } from '../../src/dashboard/views/editor/completion.ts';
import type { CatalogEntry, Scope, ValueType } from '../../src/dashboard/views/editor/rule-json.ts';

function entry(scope: Scope, path: string, type: ValueType, values: readonly string[] = [], event: string | null = null): CatalogEntry {
  const operators = type === 'list' ? ['has_any', 'missing'] : ['=', '!=', 'in', 'missing'];
  return { scope, path, kind: 'field', name: path, event, type, operators, values };
}
const VOCABULARY = {
  entries: [
    entry('customers', 'country', 'string', ['DE', 'GB']),
    entry('customers', 'tags', 'list', ['vip']),
    entry('customers', 'consent.email', 'boolean'),
    entry('orders', 'status', 'string', ['paid', 'returned']),
    entry('orders', 'total', 'number'),
    entry('events', 'properties.path', 'string', ['/sale'], 'page_view'),
  ],
  segments: [{ key: 'vip', name: 'Very important' }],
};

function offered(marked: string): string[] {
  const caret = marked.indexOf('|');
  return complete(marked.replace('|', ''), caret, VOCABULARY)?.items.map(({ insert }) => insert) ?? [];
}

test.each([
  ['coun|', 'country'],
  ['coun|', 'count('],
  ['country |', '='],
  ['country = |', '"DE"'],
  ['country = "D|"', '"DE"'],
  ['country in ("DE", |', '"GB"'],
  ['tags has any (|', '"vip"'],
  ['consent.email = |', 'true'],
  ['country = "DE" an|', 'and'],
  ['in segment |', '"vip"'],
  ['count(|', 'orders'],
  ['sum(orders.|', 'orders.total'],
  ['count(orders |', 'where'],
  ['count(orders where st|', 'status'],
  ['count(orders where status = "|', '"paid"'],
  ['count(orders where status = "paid" |', 'in the last 30 days'],
  ['count(orders) |', '>='],
  ['count(events |', '"page_view"'],
  ['count(events "page_view" where prop|', 'properties.path'],
])('%s offers %s', (marked, wanted) => {
  expect(offered(marked)).toContain(wanted);
});

test.each(['country = "DE" and|', '-- a comm|', 'country = "DE" -- x |', ''])('“%s” offers nothing', (marked) => {
  expect(marked === '' ? complete('xyzzy', 5, VOCABULARY) : complete(marked.replace('|', ''), marked.indexOf('|'), VOCABULARY)).toBeNull();
});

test('a choice takes the place of the word', () => {
  const { from, to } = complete('age < 3 and coun', 16, VOCABULARY) ?? { from: 0, to: 0 };
  expect([from, to]).toEqual([12, 16]);
});

test('a choice takes the closing mark along', () => {
  const { from, to } = complete('country = "D"', 12, VOCABULARY) ?? { from: 0, to: 0 };
  expect([from, to]).toEqual([10, 13]);
});
