// A bracket may open a rule or an expression: the parser carries either, and says here which of the two was needed. What is
// wrong is noted, and a stand-in goes on in its place.
import type { Expression, Place, Rule } from './ast.ts';
import { startsWindow } from './parse-window.ts';
import { suggestName } from './suggest-name.ts';
import { isKeyword, isSymbol, note, peek, stopAt, type TextReader } from './text-reader.ts';
import type { Token } from './tokens.ts';

export type Node = Rule | Expression;

const RULE_KINDS: ReadonlySet<string> = new Set<Rule['kind']>([
  'and',
  'or',
  'not',
  'everyone',
  'segment',
  'comparison',
  'between',
  'in',
  'text',
  'has',
  'missing',
  'within',
  'anniversary',
]);

export function isRule(node: Node): node is Rule {
  return RULE_KINDS.has(node.kind);
}

export function standIn(reader: TextReader, place: Place): Expression {
  const expression: Expression = { kind: 'boolean', value: true, place };
  reader.broken.add(expression);
  return expression;
}

export function asRule(reader: TextReader, node: Node): Rule {
  if (isRule(node)) return node;
  const rule: Rule = { kind: 'everyone', place: node.place };
  if (!reader.broken.has(node)) {
    const hint = node.kind === 'boolean' ? 'write `everyone` or `not everyone`' : 'compare it with something, as in `consent.email = true`';
    // a value that something else follows: what is missing is the operator between them
    const next = peek(reader);
    const ends =
      next.kind === 'end' || isSymbol(reader, ')') || isKeyword(reader, 'and') || isKeyword(reader, 'or') || startsWindow(reader);
    if (!ends) stopAt(reader, 'an operator', missingOperatorHint(next));
    note(reader, 'type_mismatch', 'a condition is needed here, this is only a value', node.place, hint);
  }
  reader.broken.add(rule);
  return rule;
}

function missingOperatorHint(next: Token): string | undefined {
  if (next.kind !== 'word') return undefined;
  const near = suggestName(next.text, ['between', 'contains', 'starts', 'ends', 'has', 'anniversary', 'since', 'before', 'missing']);
  return near === null || near === next.keyword ? undefined : `did you mean \`${near}\`?`;
}

export function asExpression(reader: TextReader, node: Node): Expression {
  if (!isRule(node)) return node;
  note(
    reader,
    'type_mismatch',
    'a value is needed here, this is a condition',
    node.place,
    'conditions are joined by `and`, `or` and `not`',
  );
  return standIn(reader, node.place);
}
