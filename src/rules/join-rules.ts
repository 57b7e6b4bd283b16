// Joins rules by `and` or `or` in their canonical shape: the same connective is never nested directly, one alone is itself.
import type { Place, Rule } from './ast.ts';

export function joinRules(kind: 'and' | 'or', rules: readonly Rule[], place: Place): Rule {
  const [first] = rules;
  if (rules.length === 1 && first !== undefined) return first;
  return { kind, rules: rules.flatMap((rule) => (rule.kind === kind ? rule.rules : [rule])), place };
}
