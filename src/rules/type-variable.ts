// The type of something that nobody has sent yet: open until a comparison gives it one, the same wherever the property is named.
import type { ValueType } from '../catalog/catalog.ts';

/** Mutable on purpose: binding it in one place binds it in all. */
export interface TypeVariable {
  readonly kind: 'variable';
  readonly event: string | null;
  readonly property: string;
  bound: ValueType | TypeVariable | null;
  /** with another open type: nothing says which it is, but the answer depends on it */
  compared: boolean;
}

/** Null: unknown because of a mistake already told; goes with everything, so that one mistake is told once. */
export type MaybeType = ValueType | TypeVariable | null;

export function makeVariable(event: string | null, property: string): TypeVariable {
  return { kind: 'variable', event, property, bound: null, compared: false };
}

/** The type as far as it is known now. */
export function resolveType(type: MaybeType): MaybeType {
  let resolved = type;
  while (resolved !== null && typeof resolved === 'object' && resolved.bound !== null) resolved = resolved.bound;
  return resolved;
}

export function isVariable(type: MaybeType): type is TypeVariable {
  return type !== null && typeof type === 'object';
}

/** Whether the rule asks of it only if it is there, whatever its type. */
export function isOnlyPresence(type: MaybeType): boolean {
  const resolved = resolveType(type);
  return isVariable(resolved) && !resolved.compared;
}

/** Gives an open type another one, open or not; does nothing where neither is open. */
export function bindTypes(one: MaybeType, other: MaybeType): void {
  const left = resolveType(one);
  const right = resolveType(other);
  if (left === null || right === null || left === right) return;
  if (isVariable(left)) left.bound = right;
  else if (isVariable(right)) right.bound = left;
}
