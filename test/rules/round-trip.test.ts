// Text, JSON and the tree say the same: whatever is written in one form comes back from the others unchanged.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkDepth } from '../../src/rules/measure-depth.ts';
import { parseJsonRule } from '../../src/rules/parse-json.ts';
import { parseRule } from '../../src/rules/parse-text.ts';
import { ruleToJson } from '../../src/rules/print-json.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { ruleJsonSchema } from '../../src/rules/rule-json-schema.ts';
import { arbitraryTree, withoutPlaces } from './arbitrary-tree.ts';
import { accepts } from './schema-validator.ts';

const trees = arbitraryTree.filter((rule) => checkDepth(rule) === null && printRule(rule).length < 8000);
const runs = { numRuns: 1000 };

test('a tree comes back from its text', () => {
  fc.assert(
    fc.property(trees, (rule) => {
      const parsed = parseRule(printRule(rule));
      expect(parsed.ok ? withoutPlaces(parsed.value) : parsed.problems).toEqual(withoutPlaces(rule));
    }),
    runs,
  );
});

test('a tree comes back from its JSON', () => {
  fc.assert(
    fc.property(trees, (rule) => {
      const parsed = parseJsonRule(JSON.parse(JSON.stringify(ruleToJson(rule))));
      expect(parsed.ok ? withoutPlaces(parsed.value) : parsed.problems).toEqual(withoutPlaces(rule));
    }),
    runs,
  );
});

test('formatting twice changes nothing', () => {
  fc.assert(
    fc.property(trees, (rule) => {
      const text = printRule(rule);
      const parsed = parseRule(text);
      expect(parsed.ok && printRule(parsed.value)).toBe(text);
    }),
    runs,
  );
});

test('the schema accepts what the printer writes', () => {
  const schema = ruleJsonSchema();
  fc.assert(
    fc.property(trees, (rule) => accepts(schema, ruleToJson(rule))),
    runs,
  );
});
