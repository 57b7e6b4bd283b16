// Rule texts for the tests of the oracle, read by the compiler's front end; a mistake in one fails loudly.
import type { Rule } from '../../src/rules/ast.ts';
import { parseRule } from '../../src/rules/parse-text.ts';

export function parse(text: string): Rule {
  const parsed = parseRule(text);
  if (parsed.ok) return parsed.value;
  throw new Error(`${text}: ${parsed.problems.map((problem) => problem.detail).join('; ')}`);
}
