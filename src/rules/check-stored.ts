// In charge of checking a rule that is in force already, against a catalog that has grown since. A rule over any event takes a property to have
// one type; if an event later has the property with another type, that must not break the rule: for it such a value is missing.
import { type Catalog, propertyTypes, type ValueType } from '../catalog/catalog.ts';
import type { Aggregate, Expression, Rule } from './ast.ts';
import { type CheckOutcome, checkRule } from './check-rule.ts';
import type { CheckedRule } from './checked-rule.ts';
import { aggregatesOf } from './walk-rule.ts';

/** If there are more ways to type its properties than this, a rule is refused with what the first check says. */
const WAYS_MOST = 64;

/** Like `checkRule`; if that refuses, the one way to type its properties over any event in which the rule has a meaning. */
export function checkStored(rule: Rule, catalog: Catalog, segmentKey: string): CheckOutcome {
  const check = (ofAnyEvent: NonNullable<Catalog['ofAnyEvent']>) =>
    checkRule(rule, { ...catalog, ofAnyEvent }, { purpose: 'check', segmentKey });
  const names = propertiesOfAnyEvent(rule, () => true);
  if (names.size === 0) return check(new Map());
  // of what events carry with several types it may still be asked whether it is there, and always was
  const unsent = check(new Map([...names].map((name) => [name, null]))).checked;
  const untyped = unsent === null ? new Set<string>() : propertiesOfAnyEvent(rule, (property) => !unsent.types.has(property));
  const present = [...untyped].map((name) => [name, null] as const);
  const strict = check(new Map(present));
  if (strict.checked !== null) return strict;
  const ways = waysToTake(new Set([...names].filter((name) => !untyped.has(name))), catalog).map((way) =>
    check(new Map([...way, ...present])),
  );
  const [only, ...others] = ways.filter(({ checked }) => checked !== null);
  if (only === undefined) return strict;
  return others.some((other) => meaningOf(other.checked) !== meaningOf(only.checked)) ? strict : only;
}

function meaningOf(checked: CheckedRule | null): string {
  return checked === null ? '' : [...checked.types.values()].join();
}

/** Names of properties in aggregates over events of any name, of those that `takes` accepts. */
function propertiesOfAnyEvent(rule: Rule, takes: (property: Expression) => boolean): ReadonlySet<string> {
  const names = new Set<string>();
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { kind, name } = node as { readonly kind?: unknown; readonly name?: unknown };
    if (kind === 'property' && typeof name === 'string' && takes(node as Expression)) names.add(name);
    for (const inner of Object.values(node)) collect(inner);
  };
  const isOverAny = ({ source }: Aggregate) => source.kind === 'events' && source.event === null;
  for (const { field, where } of aggregatesOf(rule).filter(isOverAny)) collect([field, where]);
  return names;
}

/** Each property with each of the types it has in some event, or as if nobody had sent it (null), in every combination. */
function waysToTake(names: ReadonlySet<string>, catalog: Catalog): readonly ReadonlyMap<string, ValueType | null>[] {
  let ways: ReadonlyMap<string, ValueType | null>[] = [new Map()];
  for (const name of names) {
    const types = [...propertyTypes(catalog, name), null];
    ways = ways.flatMap((way) => types.map((type) => new Map([...way, [name, type]])));
    if (ways.length > WAYS_MOST) return [];
  }
  return names.size === 0 ? [] : ways;
}
