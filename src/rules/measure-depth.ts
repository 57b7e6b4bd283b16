// Finds where a rule's tree is deeper than the limit. Runs before anything else walks a rule, so that no walk overflows the stack.
import { unreachable } from '../base/assert.ts';
import type { Expression, Place, Rule } from './ast.ts';
import type { Diagnostic } from './diagnostic.ts';
import { LIMITS, limitExceeded } from './limits.ts';
import { sidesOf } from './walk-rule.ts';

/** The refusal of a rule that is too deep, or null. */
export function checkDepth(rule: Rule): Diagnostic | null {
  const place = placeTooDeep(rule, 1);
  return place === null ? null : limitExceeded('treeDepth', `more than ${LIMITS.treeDepth.atMost} levels`, place);
}

function placeTooDeep(node: Rule | Expression, level: number): Place | null {
  if (level > LIMITS.treeDepth.atMost) return node.place;
  for (const child of childrenOf(node)) {
    const place = placeTooDeep(child, level + 1);
    if (place !== null) return place;
  }
  return null;
}

/** The rules and expressions directly below a node; the literals of lists and the instants of windows are leaves, and left out. */
function childrenOf(node: Rule | Expression): readonly (Rule | Expression)[] {
  switch (node.kind) {
    case 'and':
    case 'or':
      return node.rules;
    case 'not':
      return [node.rule];
    case 'comparison':
    case 'between':
    case 'in':
    case 'text':
    case 'has':
    case 'missing':
    case 'within':
    case 'anniversary':
    case 'everyone':
    case 'segment':
      return sidesOf(node);
    case 'arithmetic':
      return [node.left, node.right];
    case 'aggregate':
      return [...(node.field === null ? [] : [node.field]), ...(node.where === null ? [] : [node.where])];
    case 'days_between':
      return [node.from, node.to];
    case 'string':
    case 'number':
    case 'boolean':
    case 'date':
    case 'timestamp':
    case 'now':
    case 'today':
    case 'ago':
    case 'from_now':
    case 'field':
    case 'attribute':
    case 'property':
    case 'consent':
    case 'bucket':
      return [];
    default:
      return unreachable(node);
  }
}
