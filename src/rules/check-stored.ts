// In charge of checking a rule that is in force already, against a catalog that has grown since. A rule over any event takes a property to have
// one type; if an event later has the property with another type, that must not break the rule: for it such a value is missing.
import { type Catalog, propertyTypes, type ValueType } from '../catalog/catalog.ts';
import type { Aggregate, Rule } from './ast.ts';
import { type CheckOutcome, checkRule } from './check-rule.ts';
import type { CheckedRule } from './checked-rule.ts';
import { aggregatesOf } from './walk-rule.ts';

/** If there are more ways to type its properties than this, a rule is refused with what the first check says. */
const WAYS_MOST = 64;

/** Like `checkRule`; if that refuses, the one way to type its properties over any event in which the rule has a meaning. */
export function checkStored(rule: Rule, catalog: Catalog, segmentKey: string): CheckOutcome {
  const check = (ofAnyEvent: Catalog['ofAnyEvent']) =>
    checkRule(rule, ofAnyEvent === undefined ? catalog : { ...catalog, ofAnyEvent }, { purpose: 'check', segmentKey });
  const strict = check(undefined);
  if (strict.checked !== null) return strict;
  const ways = waysToTake(propertiesOfAnyEvent(rule), catalog).map(check);
  const [only, ...others] = ways.filter(({ checked }) => checked !== null);
  if (only === undefined) return strict;
  return others.some((other) => meaningOf(other.checked) !== meaningOf(only.checked)) ? strict : only;
}

function meaningOf(checked: CheckedRule | null): string {
  return checked === null ? '' : [...checked.types.values()].join();
}

/** Names of properties in aggregates over events of any name. */
function propertiesOfAnyEvent(rule: Rule): ReadonlySet<string> {
  const names = new Set<string>();
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { kind, name } = node as { readonly kind?: unknown; readonly name?: unknown };
    if (kind === 'property' && typeof name === 'string') names.add(name);
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
