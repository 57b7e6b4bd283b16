// In charge of what a rule names that not everybody may ask about: segments, and personal fields of the customer. Found in the parsed rule,
// before anything is checked against the catalog, so that a refusal reveals nothing about that.
import { builtInField } from '../catalog/catalog.ts';
import type { Expression, Rule } from './ast.ts';
import { readAnyRule } from './parse-json.ts';

export interface Named {
  readonly segments: ReadonlySet<string>;
  /** as written: `email`, `attributes.tier` */
  readonly personal: ReadonlySet<string>;
}

/** In text or JSON, as far as it can be read. */
export function namedInInput(input: unknown): Named {
  const { rule } = readAnyRule(input);
  return rule === null ? { segments: new Set(), personal: new Set() } : namedInRule(rule);
}

/** Not recursive: a rule that is too deep is refused later, by its depth. */
export function namedInRule(rule: Rule | Expression): Named {
  const segments = new Set<string>();
  const personal = new Set<string>();
  const open: [node: unknown, inRows: boolean][] = [[rule, false]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, inRows] = next;
    if (typeof node !== 'object' || node === null) continue;
    const { kind, name, key } = node as { readonly kind?: unknown; readonly name?: unknown; readonly key?: unknown };
    if (kind === 'segment' && typeof key === 'string') segments.add(key);
    if (kind === 'attribute' && typeof name === 'string') personal.add(`attributes.${name}`);
    if (kind === 'field' && typeof name === 'string' && !inRows && builtInField('customers', name)?.personal === true) personal.add(name);
    // fields inside an aggregate are those of its rows
    for (const inner of Object.values(node)) open.push([inner, inRows || kind === 'aggregate']);
  }
  return { segments, personal };
}
