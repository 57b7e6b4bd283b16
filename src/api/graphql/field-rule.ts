// In charge of what is declared on every field of the GraphQL schema beside its type: who may read it, and what reading it costs.
// Not of holding a document against it (measure-document.ts).
import type { GraphQLField } from 'graphql';
import type { Scope } from '../../access/scopes.ts';
import type { TokenKind } from '../rest/route.ts';

type Arguments = Readonly<Record<string, unknown>>;

export interface FieldRule {
  /** any of them opens the field; `parent`: whoever may read the object may read the field */
  readonly scope: readonly Scope[] | 'parent';
  /** null in the answer for keys without `pii:read` */
  readonly personal?: true;
  /** open to the bearers of these, who have no scopes; what they see is held to their customer and segments where it is read */
  readonly tokens?: readonly TokenKind[];
  /** how many objects it yields for each parent, where it yields several */
  readonly size?: number | ((args: Arguments) => number);
  /** what it asks the database: once for all parents, or for each of them; absent: nothing */
  readonly reads?: 'once' | 'each' | ((args: Arguments) => 'once' | 'each');
  /** changes something, or computes something large */
  readonly heavy?: true;
}

const PLACE = 'strata';

/** The form in which a rule stands in a field's `extensions`. */
export function extensionsOf(rule: FieldRule): Readonly<Record<string, unknown>> {
  return { [PLACE]: rule };
}

/** undefined: the field is not ours (introspection) or has been declared without one, which a test forbids. */
export function ruleOf(field: Pick<GraphQLField<unknown, unknown>, 'extensions'>): FieldRule | undefined {
  return field.extensions[PLACE] as FieldRule | undefined;
}
