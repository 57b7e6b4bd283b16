// In charge of what a key without `pii:read` gets and may ask: personal fields are left out of its answers, and it cannot search by them. Which
// fields those are is a column of the table of fields (catalog/catalog.ts).
import { allows, type Caller, requireSegments } from '../../access/caller.ts';
import { BUILT_IN_FIELDS } from '../../catalog/catalog.ts';
import { AppError } from '../../errors.ts';
import type { WireCustomer } from '../../ingest/read-customers.ts';
import { namedInInput } from '../../rules/named-in-rule.ts';

/** Their names on the wire, custom attributes as a whole. */
const PERSONAL: ReadonlySet<string> = new Set([
  ...BUILT_IN_FIELDS.filter((field) => field.scope === 'customers' && field.personal === true).map(({ name }) =>
    name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase()),
  ),
  'attributes',
]);

/** For a field of a customer on the wire. */
export function isPersonal(name: string): boolean {
  return PERSONAL.has(name);
}

export function seesPersonal(caller: Caller): boolean {
  return allows(caller, 'pii:read');
}

/** Throws `forbidden`. */
export function requirePersonal(caller: Caller, what: string): void {
  if (!seesPersonal(caller)) throw new AppError('forbidden', `This key lacks the scope \`pii:read\`, which ${what} needs.`);
}

/** Without its personal fields, if the caller may not see them. */
export function customerFor<Customer extends Partial<WireCustomer>>(caller: Caller, customer: Customer): Partial<Customer> {
  if (seesPersonal(caller)) return customer;
  return Object.fromEntries(Object.entries(customer).filter(([name]) => !PERSONAL.has(name))) as Partial<Customer>;
}

/**
 * Throws `forbidden` for a rule that the caller may neither preview nor define: one that names a segment that the caller may not see, or a
 * personal field without `pii:read`, with which somebody could find out values by bisection.
 */
export function requireRule(caller: Caller, rule: unknown): void {
  if (caller.segments === null && seesPersonal(caller)) return;
  const { segments, personal } = namedInInput(rule);
  requireSegments(caller, segments);
  const [field] = personal;
  if (field !== undefined) requirePersonal(caller, `a rule that reads \`${field}\``);
}
