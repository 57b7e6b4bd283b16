// What the parts of the checker share while they walk one rule: the catalog, what was found so far, and reporting a mistake.
import type { Catalog, ValueType } from '../catalog/catalog.ts';
import type { Expression, Place, Rule, Source } from './ast.ts';
import type { Diagnostic, DiagnosticCode } from './diagnostic.ts';
import { LIMITS, limitExceeded } from './limits.ts';
import { printExpression } from './print-text.ts';
import { suggestName } from './suggest-name.ts';
import { bindTypes, isVariable, type MaybeType, resolveType, type TypeVariable } from './type-variable.ts';

/** Null: the customer. */
export type RowScope = Source | null;

export interface CheckContext {
  readonly catalog: Catalog;
  readonly broken: ReadonlySet<Rule | Expression>;
  readonly errors: Diagnostic[];
  readonly warnings: Diagnostic[];
  readonly types: Map<Expression, MaybeType>;
  /** by event and property */
  readonly variables: Map<string, TypeVariable>;
  /** every comparison of the rule has been seen, so that what is open now is determined by none */
  readonly allBound: boolean;
  /** kinds of warning already given, by name */
  readonly warned: Set<string>;
  readonly segments: Map<string, Place>;
  readonly events: Set<string | null>;
  conditions: number;
  profile: boolean;
  orders: boolean;
  timeDependent: boolean;
  hintsLeft: number;
}

// a hint costs a walk over all names, and a hostile rule may name hundreds of unknown ones
const HINTS_AT_MOST = 30;

export function openContext(catalog: Catalog, broken: ReadonlySet<Rule | Expression>): CheckContext {
  return {
    catalog,
    broken,
    errors: [],
    warnings: [],
    types: new Map(),
    variables: new Map(),
    allBound: false,
    warned: new Set(),
    segments: new Map(),
    events: new Set(),
    conditions: 0,
    profile: false,
    orders: false,
    timeDependent: false,
    hintsLeft: HINTS_AT_MOST,
  };
}

export function tellError(context: CheckContext, code: DiagnosticCode, detail: string, place: Place, hint?: string): void {
  context.errors.push({ code, detail, place, ...(hint === undefined ? {} : { hint }) });
}

/** The name of an event or a property that nobody need have sent. True after a mistake was told. */
export function refuseName(context: CheckContext, name: string, place: Place): boolean {
  const bytes = Buffer.byteLength(name);
  if (bytes <= LIMITS.nameBytes.atMost) return false;
  context.errors.push(limitExceeded('nameBytes', `${bytes} bytes`, place));
  return true;
}

/** Once for each `about`, however often it occurs in the rule. */
export function warnOnce(context: CheckContext, about: string, code: DiagnosticCode, detail: string, place: Place, hint?: string): void {
  if (context.warned.has(about)) return;
  context.warned.add(about);
  context.warnings.push({ code, detail, place, ...(hint === undefined ? {} : { hint }) });
}

export function nearest(context: CheckContext, name: string, candidates: Iterable<string>): string | null {
  if (context.hintsLeft === 0) return null;
  context.hintsLeft -= 1;
  return suggestName(name, candidates);
}

/** `age` (number), shortened if it is long. */
function describeTyped(expression: Expression, type: ValueType): string {
  return `\`${describeExpression(expression)}\` is a ${typeName(type)}`;
}

export function describeExpression(expression: Expression): string {
  const text = printExpression(expression);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export function typeName(type: ValueType): string {
  return type === 'list' ? 'list of strings' : type;
}

/** Requires one of some types of an operand; an open type becomes `preferred`. */
export function requireType(
  context: CheckContext,
  expression: Expression,
  type: MaybeType,
  allowed: readonly ValueType[],
  preferred: ValueType,
  by: string,
  hint?: (found: ValueType) => string | undefined,
): void {
  const resolved = resolveType(type);
  if (resolved === null) return;
  if (isVariable(resolved)) {
    bindTypes(resolved, preferred);
    return;
  }
  if (allowed.includes(resolved)) return;
  const takes = allowed.map((name) => `${typeName(name)}s`.replace('list of stringss', 'lists')).join(', ');
  tellError(context, 'type_mismatch', `${describeTyped(expression, resolved)}; ${by} takes ${takes}`, expression.place, hint?.(resolved));
}
