// Checks a rule against the catalog: names, types, limits. Reports everything that is wrong at once, and what the rule reads.
import type { Catalog, ValueType } from '../catalog/catalog.ts';
import type { Expression, Rule } from './ast.ts';
import { checkCondition } from './check-condition.ts';
import { type CheckContext, openContext, type RowScope } from './check-context.ts';
import { checkSegments, type Purpose } from './check-segments.ts';
import type { CheckedRule } from './checked-rule.ts';
import type { Diagnostic } from './diagnostic.ts';
import { capDiagnostics, LIMITS, limitExceeded } from './limits.ts';
import { checkDepth } from './measure-depth.ts';
import { readAnyRule } from './parse-json.ts';
import { printRule } from './print-text.ts';
import { isOnlyPresence, type MaybeType, resolveType } from './type-variable.ts';

export interface CheckOptions {
  readonly purpose: Purpose;
  /** the segment that the rule defines, for cycles */
  readonly segmentKey?: string;
}

export interface CheckOutcome {
  /** null when there are errors */
  readonly checked: CheckedRule | null;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

export function checkRule(rule: Rule, catalog: Catalog, options: CheckOptions): CheckOutcome {
  return check(rule, catalog, options, [], new Set());
}

/** Parses and checks in one go, so that mistakes of both kinds are reported together. Text if it is a string, JSON otherwise. */
export function checkInput(input: unknown, catalog: Catalog, options: CheckOptions): CheckOutcome {
  const { rule, problems, broken } = readAnyRule(input);
  if (rule === null) return { checked: null, errors: capDiagnostics(problems), warnings: [] };
  return check(rule, catalog, options, problems, broken);
}

function check(
  rule: Rule,
  catalog: Catalog,
  options: CheckOptions,
  problems: readonly Diagnostic[],
  broken: ReadonlySet<Rule | Expression>,
): CheckOutcome {
  const tooDeep = checkDepth(rule);
  if (tooDeep !== null) return { checked: null, errors: [...problems, tooDeep], warnings: [] };
  const context = openContext(catalog, broken);
  checkNode(context, rule, null);
  if (context.conditions > LIMITS.conditions.atMost) {
    // first, since the list of mistakes may be cut
    context.errors.unshift(limitExceeded('conditions', `${context.conditions} conditions`, rule.place));
  }
  if (problems.length === 0 && context.errors.length === 0) checkBound(context, rule);
  checkSegments(context, options.purpose, options.segmentKey);
  checkTextLength(context, rule);
  const errors = [...problems, ...context.errors].sort(byPlace);
  const warnings = capDiagnostics(context.warnings.sort(byPlace));
  if (errors.length > 0) return { checked: null, errors: capDiagnostics(errors), warnings };
  return { checked: finish(context, rule, warnings), errors: [], warnings };
}

/** A type that a later part of the rule determined must also do where the walk had passed already: the rule is walked once more with what is bound. */
function checkBound(context: CheckContext, rule: Rule): void {
  if (context.variables.size === 0) return;
  const again = { ...openContext(context.catalog, context.broken), variables: context.variables, allBound: true };
  checkNode(again, rule, null);
  context.errors.push(...again.errors);
}

/** In the order of the text; pointers stay in the order in which they were found. */
function byPlace(one: Diagnostic, other: Diagnostic): number {
  return 'start' in one.place && 'start' in other.place ? one.place.start - other.place.start : 0;
}

/** What is accepted can be printed and read again. */
function checkTextLength(context: CheckContext, rule: Rule): void {
  const bytes = Buffer.byteLength(printRule(rule));
  if (bytes > LIMITS.textBytes.atMost) context.errors.push(limitExceeded('textBytes', `${bytes} bytes`, rule.place));
}

function finish(context: CheckContext, rule: Rule, warnings: readonly Diagnostic[]): CheckedRule {
  const types = new Map<Expression, ValueType>();
  for (const [expression, type] of context.types) {
    if (expression.kind !== 'property' || !isOnlyPresence(type)) types.set(expression, settle(type));
  }
  return {
    rule,
    types,
    reads: {
      profile: context.profile,
      orders: context.orders,
      events: context.events,
      segments: new Set(context.segments.keys()),
    },
    timeDependent: context.timeDependent,
    assumed: [...context.variables.values()]
      .filter((variable) => !isOnlyPresence(variable))
      .map((variable) => [variable.event, variable.property, settle(variable)] as const),
    warnings,
  };
}

/** What nobody has sent is a string if it is compared with nothing but its like. */
function settle(type: MaybeType): ValueType {
  const resolved = resolveType(type);
  return typeof resolved === 'string' ? resolved : 'string';
}

function checkNode(context: CheckContext, rule: Rule, scope: RowScope): void {
  if (context.broken.has(rule)) return;
  switch (rule.kind) {
    case 'and':
    case 'or':
      for (const inner of rule.rules) checkNode(context, inner, scope);
      return;
    case 'not':
      checkNode(context, rule.rule, scope);
      return;
    default:
      context.conditions += 1;
      // beyond the limit they are only counted
      if (context.conditions > LIMITS.conditions.atMost) return;
      checkCondition(context, rule, scope, (where, source) => checkNode(context, where, source));
      return;
  }
}
