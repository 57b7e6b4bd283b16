// What the checker hands to the planner: the rule unchanged, with the type of every expression in it.
import type { ValueType } from '../catalog/catalog.ts';
import type { Expression, Rule } from './ast.ts';
import type { Diagnostic } from './diagnostic.ts';

/** What a rule depends on; a write that touches none of it cannot change the rule's answer. */
export interface Reads {
  readonly profile: boolean;
  /** orders or items */
  readonly orders: boolean;
  /** event names; null stands for any event */
  readonly events: ReadonlySet<string | null>;
  readonly segments: ReadonlySet<string>;
}

export interface CheckedRule {
  readonly rule: Rule;
  /**
   * By node identity, for every expression of the rule, also those inside `where`. A property that nobody has sent, and of which only is asked
   * whether it is there, has none: whatever its first value gives it will do.
   */
  readonly types: ReadonlyMap<Expression, ValueType>;
  readonly reads: Reads;
  /** true when the answer can change by the clock alone: any window, relative instant, age, anniversary, or (future rows) any aggregate */
  readonly timeDependent: boolean;
  /** properties nobody has sent yet, whose type was taken from the comparison: [event or null, property, type] */
  readonly assumed: readonly (readonly [event: string | null, property: string, type: ValueType])[];
  readonly warnings: readonly Diagnostic[];
}
