// The form of an explanation (GET /v1/customers/{id}/segments/{key}/explanation), as far as the page shows it.
export interface Value {
  readonly text: string;
  readonly type: 'string' | 'number' | 'boolean' | 'date' | 'timestamp' | 'list';
  readonly value: string | boolean | readonly string[] | null;
}

export interface Node {
  readonly kind: 'and' | 'or' | 'not' | 'condition';
  readonly holds: boolean | null;
  readonly parts?: readonly Node[];
  readonly text?: string;
  readonly seen?: Value | null;
  readonly rows?: readonly { readonly aggregate: string; readonly count: number; readonly lastAt: string | null }[];
}

export interface Missing {
  readonly condition: string | null;
  readonly have: Value | null;
  readonly need: { readonly operator: string; readonly value: Value } | null;
  readonly short: string | null;
  readonly unit: 'number' | 'days' | 'seconds' | null;
  readonly sentence: string | null;
  readonly anyOf: readonly (readonly Missing[])[] | null;
}

export interface HandPin {
  readonly include: boolean;
  readonly until: string | null;
  readonly reason: string | null;
  readonly actor: string;
  readonly pinnedAt: string;
}

export interface Explanation {
  readonly member: boolean;
  readonly since: string | null;
  readonly because: 'rule' | 'pin' | 'group' | 'manual';
  readonly tree: Node | null;
  readonly missing: readonly Missing[];
  readonly pins: readonly HandPin[];
  readonly group: {
    readonly key: string;
    readonly name: string;
    readonly segments: readonly { readonly key: string; readonly member: boolean }[];
    readonly otherwise: string | null;
  } | null;
  readonly note: string | null;
  readonly nextChangeAt: string | null;
  readonly next: {
    readonly kind: 'none' | 'change' | 'unknown';
    readonly after: string | null;
    readonly type: 'entered' | 'exited' | null;
  };
}

/** Conditions of the tree that hold and so support the membership; under `not`, those that do not hold. */
export function holding(node: Node, wanted = true): readonly Node[] {
  if (node.kind === 'condition') return node.holds === wanted ? [node] : [];
  const parts = node.parts ?? [];
  return parts.flatMap((part) => holding(part, node.kind === 'not' ? !wanted : wanted));
}
