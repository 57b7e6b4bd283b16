// In charge of what is declared about every field of the GraphQL schema besides its type: who may read it, and what reading it costs. Not of
// checking a document against it (measure-document.ts).
import type { GraphQLField } from 'graphql';
import type { Scope } from '../../access/scopes.ts';
import type { TokenKind } from '../rest/route.ts';

type Arguments = Readonly<Record<string, unknown>>;

export interface FieldRule {
  /** any one of these scopes opens the field; `parent`: whoever may read the object may read the field */
  readonly scope: readonly Scope[] | 'parent';
  /** null in the answer for keys without `pii:read` */
  readonly personal?: true;
  /** open to the bearers of these tokens, who have no scopes; where it is read, it is limited to their customer and their segments */
  readonly tokens?: readonly TokenKind[];
  /** how many objects it yields for each parent, if it can be several */
  readonly size?: number | ((args: Arguments) => number);
  /** how it reads the database: once for all parents, or once for each of them; absent: not at all */
  readonly reads?: 'once' | 'each' | ((args: Arguments) => 'once' | 'each');
  /** changes something, or computes something large */
  readonly heavy?: true;
}

const PLACE = 'strata';

/** The form in which a rule is kept in a field's `extensions`. */
export function extensionsOf(rule: FieldRule): Readonly<Record<string, unknown>> {
  return { [PLACE]: rule };
}

/** undefined: the field is not ours (introspection) or was declared without a rule, which a test forbids. */
export function ruleOf(field: Pick<GraphQLField<unknown, unknown>, 'extensions'>): FieldRule | undefined {
  return field.extensions[PLACE] as FieldRule | undefined;
}
