// In charge of the scalars of GraphQL: texts with a meaning, which are checked by the same checks as in REST, and JSON. They pass on what they
// are given, so that a mistake is answered as in REST, with its place.
import { GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { parseJson } from '../../ingest/parse-json.ts';
import { UnusableJson } from '../../ingest/problem.ts';

/**
 * A literal as the JSON that it stands for. Refused while the document is validated: numbers that JavaScript would change, and variables inside
 * it, which the compiled executor does not see.
 */
function literalToJson(node: ValueNode): unknown {
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.INT:
    case Kind.FLOAT:
      return exactNumber(node.value);
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value;
    case Kind.LIST:
      return node.values.map((value) => literalToJson(value));
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, literalToJson(value)]));
    case Kind.VARIABLE:
      throw new TypeError('Inside of a JSON literal there are no variables: send the whole value as one.');
  }
}

function exactNumber(text: string): unknown {
  const value = parseJson(text);
  if (value instanceof UnusableJson) throw new TypeError(`${value.detail}; send it as a string.`);
  return value;
}

function textOnly(name: string) {
  return (value: unknown): unknown => {
    if (typeof value === 'string') return value;
    throw new TypeError(`${name} is a text.`);
  };
}

function textScalar(name: string, description: string, serialize: (value: unknown) => unknown = (value) => value): GraphQLScalarType {
  const parse = textOnly(name);
  return new GraphQLScalarType({
    name,
    description,
    serialize,
    parseValue: parse,
    parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : undefined),
  });
}

function jsonScalar(name: string, description: string): GraphQLScalarType {
  return new GraphQLScalarType({
    name,
    description,
    serialize: (value) => value,
    parseValue: (value) => value,
    parseLiteral: (node) => literalToJson(node),
  });
}

/** Number or text: the numbers of a document keep their digits. */
const decimal = new GraphQLScalarType({
  name: 'Decimal',
  description: 'An exact decimal: a string in answers; a string or a number as input',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value === 'string' || typeof value === 'number' || value instanceof UnusableJson) return value;
    throw new TypeError('Decimal is a string or a number.');
  },
  parseLiteral: (node) => {
    if (node.kind === Kind.STRING || node.kind === Kind.INT || node.kind === Kind.FLOAT) return node.value;
    throw new TypeError('Decimal is a string or a number.');
  },
});

export const SCALARS = {
  DateTime: textScalar('DateTime', 'RFC 3339; answers are UTC with milliseconds'),
  Date: textScalar('Date', 'YYYY-MM-DD'),
  Decimal: decimal,
  Position: textScalar('Position', 'A place in the feed: an integer as a string, dense', String),
  JSON: jsonScalar('JSON', 'Any JSON value'),
  Rule: jsonScalar('Rule', 'A rule as text, or an object in its JSON form (`GET /v1/rules/schema`)'),
} as const;

export type ScalarName = keyof typeof SCALARS | 'ID' | 'String' | 'Int' | 'Float' | 'Boolean';
