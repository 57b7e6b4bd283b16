// In charge of what a caller may see of an explanation: without `pii:read` no value of a personal field, with a key for named segments
// nothing about others. Whether the conditions of the segment asked about hold is always shown: together they are the membership that it explains.
import { allowsSegment, type Caller } from '../../access/caller.ts';
import { unreachable } from '../../base/assert.ts';
import type { ExplainedSegment, MembershipExplanation } from '../../membership/explanation.ts';
import { conditionsIn, type ExplainedCondition, type ExplainedNode } from '../../rules/explain-rule.ts';
import type { Missing } from '../../rules/missing.ts';
import { namedInRule } from '../../rules/named-in-rule.ts';
import { seesPersonal } from './personal.ts';

export function explanationFor(full: MembershipExplanation, caller: Caller): MembershipExplanation {
  if (caller.segments === null && seesPersonal(caller)) return full;
  return { ...full, ...segmentFor(full, caller), next: nextFor(full, caller) };
}

/** Why part of a condition is withheld; null: nothing is. */
function secretOf({ condition }: ExplainedCondition, caller: Caller): 'segment' | 'personal' | null {
  if (condition.kind === 'segment') return allowsSegment(caller, condition.key) ? null : 'segment';
  return !seesPersonal(caller) && namedInRule(condition).personal.size > 0 ? 'personal' : null;
}

function segmentFor(explained: ExplainedSegment, caller: Caller): ExplainedSegment {
  const { tree, missing, nested, group } = explained;
  const secrets = new Map((tree === null ? [] : conditionsIn(tree)).map((condition) => [condition.index, secretOf(condition, caller)]));
  const seen = [...nested].filter(([, { key }]) => allowsSegment(caller, key));
  return {
    ...explained,
    tree: tree === null ? null : nodeFor(tree, secrets),
    nested: new Map(seen.map(([index, inner]) => [index, segmentFor(inner, caller)])),
    missing: missingFor(missing, secrets),
    group:
      group === null
        ? null
        : {
            ...group,
            segments: group.segments.filter(({ key }) => allowsSegment(caller, key)),
            otherwise: group.otherwise !== null && allowsSegment(caller, group.otherwise) ? group.otherwise : null,
          },
  };
}

type Secrets = ReadonlyMap<number, 'segment' | 'personal' | null>;

function nodeFor(node: ExplainedNode, secrets: Secrets): ExplainedNode {
  switch (node.kind) {
    case 'and':
    case 'or':
      return { ...node, parts: node.parts.map((part) => nodeFor(part, secrets)) };
    case 'not':
      return { ...node, part: nodeFor(node.part, secrets) };
    case 'condition':
      return conditionFor(node, secrets.get(node.index) ?? null);
    default:
      return unreachable(node);
  }
}

function conditionFor(condition: ExplainedCondition, secret: 'segment' | 'personal' | null): ExplainedCondition {
  if (secret === null) return condition;
  if (secret === 'segment') return { ...condition, holds: null, seen: null };
  const { asked } = condition; // what it is compared with may be another personal field; a literal is in the rule's text anyway
  return { ...condition, seen: null, asked: { ...asked, values: asked.values.map((value) => ({ ...value, value: null })) } };
}

function missingFor(missing: readonly Missing[], secrets: Secrets): readonly Missing[] {
  return missing.flatMap((each): Missing[] => {
    if (each.kind === 'any') {
      const alternatives = each.alternatives.map((parts) => missingFor(parts, secrets)).filter((parts) => parts.length > 0);
      return alternatives.length === 0 ? [] : [{ kind: 'any', alternatives }];
    }
    switch (secrets.get(each.index)) {
      case 'segment':
        return [];
      case 'personal':
        return [{ ...each, have: null, need: null, short: null, unit: null, sentence: each.condition }];
      default:
        return [each];
    }
  });
}

/** When a condition about a birthday flips, the instant is the birthday. */
function nextFor({ next, tree, atMs }: MembershipExplanation, caller: Caller): MembershipExplanation['next'] {
  if (next.kind !== 'change' || tree === null) return next;
  const flips = conditionsIn(tree).filter(({ index }) => next.before[index] !== next.after[index]);
  const secrets = flips.map((condition) => secretOf(condition, caller));
  return secrets.includes('personal') ? { kind: 'unknown', afterMs: atMs } : withoutSegments(next, flips, secrets);
}

function withoutSegments(
  next: Extract<MembershipExplanation['next'], { kind: 'change' }>,
  flips: readonly ExplainedCondition[],
  secrets: readonly ('segment' | 'personal' | null)[],
): MembershipExplanation['next'] {
  const after = [...next.after];
  for (const [at, { index }] of flips.entries()) if (secrets[at] === 'segment') after[index] = next.before[index] ?? false; // said as if it did not flip
  return { ...next, after };
}
