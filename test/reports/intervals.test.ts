// Intervals against worked examples that others have published.
import { describe, expect, it } from 'vitest';
import { newcombe, student, welch, wilson } from '../../src/reports/intervals.ts';
import { type Confidence, studentQuantile } from '../../src/reports/student-t.ts';

function sampleOf(values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count: values.length, mean, variance: squares / (values.length - 1) };
}

describe('a share', () => {
  // Newcombe 1998, Statistics in Medicine 17, 857–872, table I, method 3
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('%i of %i', (part, whole, low, high) => {
    const interval = wilson({ part, whole }, '0.95');
    expect(interval?.low).toBeCloseTo(low, 4);
    expect(interval?.high).toBeCloseTo(high, 4);
  });

  it('of nobody has none', () => {
    expect(wilson({ part: 0, whole: 0 }, '0.95')).toBeNull();
    expect(newcombe({ part: 1, whole: 2 }, { part: 0, whole: 0 }, '0.95')).toBeNull();
  });

  it('of all ends at exactly one', () => {
    expect(wilson({ part: 7, whole: 7 }, '0.99')?.high).toBe(1);
  });
});

describe('a difference of shares', () => {
  // Newcombe 1998, Statistics in Medicine 17, 873–890, table II, method 10
  it.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [6, 7, 2, 7, 0.0582, 0.8062],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 20, -0.1611, 0.2775],
    [0, 10, 0, 10, -0.2775, 0.2775],
    [10, 10, 0, 20, 0.6791, 1],
    [10, 10, 0, 10, 0.6075, 1],
  ])('%i of %i and %i of %i', (part, whole, otherPart, otherWhole, low, high) => {
    const interval = newcombe({ part, whole }, { part: otherPart, whole: otherWhole }, '0.95');
    expect(interval?.low).toBeCloseTo(low, 4);
    expect(interval?.high).toBeCloseTo(high, 4);
  });
});

describe('the quantile of t', () => {
  // the table that textbooks print, such as NIST/SEMATECH e-Handbook of Statistical Methods 1.3.6.7.2
  it.each<[Confidence, number, number]>([
    ['0.95', 1, 12.706],
    ['0.95', 2, 4.303],
    ['0.95', 5, 2.571],
    ['0.95', 30, 2.042],
    ['0.99', 2, 9.925],
    ['0.99', 10, 3.169],
    ['0.9', 10, 1.812],
    ['0.8', 3, 1.638],
    ['0.95', 100, 1.984],
    ['0.95', 1e9, 1.96],
  ])('%s with %d degrees', (confidence, degrees, t) => {
    expect(studentQuantile(confidence, degrees)).toBeCloseTo(t, 3);
  });

  it('joins the normal one without a step', () => {
    expect(studentQuantile('0.95', 9.9e6)).toBeCloseTo(studentQuantile('0.95', 1e7), 6);
  });
});

describe('means', () => {
  // Student's sleep data (Biometrika 6, 1908), as in R's help of `t.test(extra ~ group, data = sleep)`
  const first = sampleOf([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2]);
  const second = sampleOf([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]);

  it('differ as R says', () => {
    const interval = welch(first, second, '0.95');
    expect(interval?.low).toBeCloseTo(-3.3654832, 6);
    expect(interval?.high).toBeCloseTo(0.2054832, 6);
  });

  it('lie where R says', () => {
    // t.test of the ten differences: 0.7001142 to 2.4598858
    const interval = student(sampleOf([1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4]), '0.95');
    expect(interval?.low).toBeCloseTo(0.7001142, 6);
    expect(interval?.high).toBeCloseTo(2.4598858, 6);
  });

  it('of one customer have none', () => {
    expect(student({ count: 1, mean: 3, variance: null }, '0.95')).toBeNull();
    expect(welch(first, { count: 1, mean: 3, variance: null }, '0.95')).toBeNull();
  });

  it('of equal values have no width', () => {
    expect(welch({ count: 3, mean: 2, variance: 0 }, { count: 4, mean: 1, variance: 0 }, '0.95')).toEqual({ low: 1, high: 1 });
  });
});
