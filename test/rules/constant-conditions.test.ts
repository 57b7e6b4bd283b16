// Conditions that depend on the clock alone (`today >= 2026-12-01`) flip exactly when the naive evaluator says so.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_CATALOG } from '../../src/catalog/catalog.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { checkRule } from '../../src/rules/check-rule.ts';
import { nextConstantFlip } from '../../src/rules/emit.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { constantCondition } from '../oracle/arbitrary-rule.ts';
import { evaluateRule } from '../oracle/evaluate.ts';
import { flipCandidates } from '../oracle/flip-candidates.ts';
import { parse } from '../oracle/parse.ts';
import { EMPTY_SHOP, type ShopCustomer } from '../oracle/shop.ts';
import { MOMENTS, type Moment } from '../oracle/world.ts';

const ANYBODY: ShopCustomer = {
  key: '1',
  id: 'anybody',
  profile: {},
  tags: [],
  attributes: {},
  consents: {},
  createdAtMs: 0,
  createdAtGivenMs: null,
};
/** Instants tried before the flip. */
const INSTANTS_TRIED = 40;
/** A condition that has not flipped after so many steps is looked at again, flip or not. */
const MANY_STEPS_MS = 300 * 86_400_000;

function nextFlip(rule: Rule, { asOfMs, timeZone }: Moment): number | null {
  const { checked, errors } = checkRule(rule, EMPTY_CATALOG, { purpose: 'publish' });
  if (checked === null) throw new Error(`${printRule(rule)}: ${errors.map((error) => error.detail).join()}`);
  return nextConstantFlip(checked, asOfMs, timeZone);
}

test('a flip comes when it is said to', () => {
  fc.assert(
    fc.property(constantCondition, fc.constantFrom(...MOMENTS), (rule, moment) => {
      const holdsAt = (atMs: number) => evaluateRule(rule, ANYBODY, EMPTY_SHOP, atMs, moment.timeZone, () => false);
      const now = holdsAt(moment.asOfMs);
      const flipMs = nextFlip(rule, moment);
      const said = `${printRule(rule)} at ${new Date(moment.asOfMs).toISOString()} ${moment.timeZone}`;
      const candidates = flipCandidates([rule], ANYBODY, EMPTY_SHOP, moment, flipMs ?? Number.POSITIVE_INFINITY);
      const step = Math.max(1, Math.floor(candidates.length / INSTANTS_TRIED));
      for (const atMs of candidates.filter((_, place) => place % step === 0 || place < INSTANTS_TRIED / 2)) {
        expect(holdsAt(atMs), `${said}, before ${new Date(atMs).toISOString()}`).toBe(now);
      }
      if (flipMs === null) return;
      expect(flipMs).toBeGreaterThan(moment.asOfMs);
      if (flipMs - moment.asOfMs < MANY_STEPS_MS) expect(holdsAt(flipMs), said).toBe(!now);
    }),
    { seed: 20_261_121, numRuns: 200 },
  );
});

test('of several conditions the first flip counts', () => {
  const moment: Moment = { timeZone: 'UTC', asOfMs: Date.parse('2026-11-21T12:00:00Z') };
  const flipOf = (text: string) => nextFlip(parse(text), moment);
  const december = Date.parse('2026-12-01T00:00:00Z');
  expect(flipOf('today >= 2026-12-24 or not today >= 2026-12-01')).toBe(december);
  expect(flipOf('count(orders where today >= 2026-12-01) > 0 and today < 2027-01-01')).toBe(december);
  expect(flipOf('country = "CN" and today > 2026-11-20')).toBeNull();
});
