// In charge of saying how a rule has changed: which of its conditions were added, removed, changed. Conditions are compared as they print,
// so spelling, brackets and comments make no difference. Not of who enters or leaves because of it (evaluation/impact.ts).
import { unreachable } from '../base/assert.ts';
import type { Expression, Rule } from './ast.ts';
import { printRule } from './print-text.ts';

export interface RulesDiff {
  readonly added: readonly { readonly text: string }[];
  readonly removed: readonly { readonly text: string }[];
  /** the same thing asked differently: another threshold, window, value; or the same conditions joined differently */
  readonly changed: readonly { readonly before: string; readonly after: string }[];
}

/** `before` null: there was no rule, so everything is added. */
export function diffRules(before: Rule | null, after: Rule): RulesDiff {
  const found = before === null ? addOnly(after) : compare(toNode(before), toNode(after));
  return {
    added: found.added.map((text) => ({ text })),
    removed: found.removed.map((text) => ({ text })),
    changed: found.changed,
  };
}

/** A rule with its text, printed once. A condition (also a negated group) has no `inner`. */
interface Node {
  readonly text: string;
  readonly joined: 'and' | 'or' | null;
  readonly inner: readonly Node[];
  /** what a condition is about: conditions of one subject may be one another's earlier form */
  readonly subject: string;
}

interface Found {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { readonly before: string; readonly after: string }[];
}

function toNode(rule: Rule): Node {
  const text = printRule(rule);
  if (rule.kind === 'and' || rule.kind === 'or') return { text, joined: rule.kind, inner: rule.rules.map(toNode), subject: '' };
  return { text, joined: null, inner: [], subject: subjectOf(rule) };
}

function subjectOf(rule: Rule): string {
  switch (rule.kind) {
    case 'not':
      return subjectOf(rule.rule);
    case 'and':
    case 'or':
      return 'a negated group';
    case 'everyone':
      return 'everyone';
    case 'segment':
      return `segment ${rule.key}`;
    case 'comparison':
    case 'between':
    case 'in':
    case 'text':
    case 'has':
    case 'missing':
    case 'within':
    case 'anniversary':
      return subjectOfExpression(rule.left);
    default:
      return unreachable(rule);
  }
}

/** An aggregate is about its source and field; its filter and window are what changes. */
function subjectOfExpression(expression: Expression): string {
  const bare: Expression = expression.kind === 'aggregate' ? { ...expression, where: null, window: null } : expression;
  return printRule({ kind: 'missing', left: bare, place: expression.place });
}

function addOnly(rule: Rule): Found {
  const node = toNode(rule);
  return { added: (node.joined === 'and' ? node.inner : [node]).map(({ text }) => text), removed: [], changed: [] };
}

function compare(before: Node, after: Node): Found {
  if (before.text === after.text) return { added: [], removed: [], changed: [] };
  if (before.joined === null && after.joined === null) return compareAll([before], [after]);
  if (before.joined === after.joined) return compareAll(before.inner, after.inner);
  if (before.joined === null) return compareAll([before], after.inner); // it became one condition among others
  if (after.joined === null) return compareAll(before.inner, [after]);
  const whole: Found = { added: [], removed: [], changed: [{ before: before.text, after: after.text }] };
  const others = [compareAll([before], after.inner), compareAll(before.inner, [after])];
  return others.reduce((best, found) => (weightOf(found) < weightOf(best) ? found : best), whole);
}

/** How much there is to read, in characters; the fewer entries the better. */
const ENTRY_WEIGHT = 10;

function weightOf(found: Found): number {
  const texts = [...found.added, ...found.removed, ...found.changed.flatMap(({ before, after }) => [before, after])];
  return texts.reduce((sum, text) => sum + ENTRY_WEIGHT + text.length, 0);
}

/** Sides of one connective, whose order means nothing: equal ones go, groups meet groups, conditions meet conditions of their subject. */
function compareAll(before: readonly Node[], after: readonly Node[]): Found {
  const left = without(before, after);
  const right = without(after, before);
  const pairs = pairUp(left, right);
  const found = pairs.map(([from, to]) =>
    from.joined === null ? { added: [], removed: [], changed: [{ before: from.text, after: to.text }] } : compare(from, to),
  );
  const paired = new Set(pairs.flat());
  return {
    added: [...right.filter((node) => !paired.has(node)).map(({ text }) => text), ...found.flatMap(({ added }) => added)],
    removed: [...left.filter((node) => !paired.has(node)).map(({ text }) => text), ...found.flatMap(({ removed }) => removed)],
    changed: found.flatMap(({ changed }) => changed),
  };
}

/** Those that the others do not have, each as often as it occurs more. */
function without(nodes: readonly Node[], others: readonly Node[]): Node[] {
  const counts = new Map<string, number>();
  for (const { text } of others) counts.set(text, (counts.get(text) ?? 0) + 1);
  return nodes.filter(({ text }) => {
    const count = counts.get(text) ?? 0;
    counts.set(text, count - 1);
    return count <= 0;
  });
}

/** Greedy: the most similar first. */
function pairUp(left: readonly Node[], right: readonly Node[]): [Node, Node][] {
  const candidates = left
    .flatMap((from) => right.map((to) => ({ from, to, kinship: kinshipOf(from, to) })))
    .filter(({ kinship }) => kinship > 0)
    .sort((one, other) => other.kinship - one.kinship);
  const taken = new Set<Node>();
  const pairs: [Node, Node][] = [];
  for (const { from, to } of candidates) {
    if (taken.has(from) || taken.has(to)) continue;
    taken.add(from).add(to);
    pairs.push([from, to]);
  }
  return pairs;
}

/** 0: nothing in common. Between 1 and 2 for conditions of one subject, by words they share; up to 1 for groups, by conditions they share. */
function kinshipOf(from: Node, to: Node): number {
  if (from.joined !== to.joined) return 0;
  if (from.joined === null) return from.subject === to.subject ? 1 + shareOf(from.text.split(' '), to.text.split(' ')) : 0;
  const share = shareOf(
    from.inner.map(({ text }) => text),
    to.inner.map(({ text }) => text),
  );
  const subjects = shareOf(
    from.inner.map(({ subject }) => subject),
    to.inner.map(({ subject }) => subject),
  );
  return (share + subjects) / 2;
}

function shareOf(one: readonly string[], other: readonly string[]): number {
  const known = new Set(other);
  return one.filter((text) => known.has(text)).length / Math.max(one.length, other.length);
}
