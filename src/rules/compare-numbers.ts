// In charge of the comparison operators between two known numbers. What is missing or unknown is the caller's business.
import { unreachable } from '../base/assert.ts';
import type { ComparisonOperator } from './ast.ts';

export function compareNumbers(left: number, op: ComparisonOperator, right: number): boolean {
  switch (op) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    default:
      return unreachable(op);
  }
}
