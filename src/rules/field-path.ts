// How a dotted path becomes a field of the AST and how a field is written again; text and JSON share it.
import type { FieldExpression, Place } from './ast.ts';
import { isIdentifier } from './vocabulary.ts';

const PREFIXES = { attributes: 'attribute', properties: 'property', consent: 'consent' } as const;

/** `attributes.a.b` and `attributes."a.b"` are one name. */
export function fieldOfPath(path: readonly string[], place: Place): FieldExpression {
  const [first = '', ...rest] = path;
  if (rest.length > 0 && Object.hasOwn(PREFIXES, first))
    return { kind: PREFIXES[first as keyof typeof PREFIXES], name: rest.join('.'), place };
  return { kind: 'field', name: path.join('.'), place };
}

/** The path with its dots, unquoted: `attributes.loyalty-tier`. */
export function pathOfField(field: FieldExpression): string {
  switch (field.kind) {
    case 'field':
      return field.name;
    case 'attribute':
      return `attributes.${field.name}`;
    case 'property':
      return `properties.${field.name}`;
    case 'consent':
      return `consent.${field.name}`;
  }
}

/** As text; names that are not identifiers are quoted, piece by piece. */
export function printPath(field: FieldExpression): string {
  const [first, ...rest] = pathOfField(field).split('.');
  return [first, ...rest.map((name) => (isIdentifier(name) ? name : printString(name)))].join('.');
}

export function printString(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}
