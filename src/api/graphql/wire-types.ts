// In charge of making the types of GraphQL from the schemas of REST, so that the two interfaces cannot drift apart: named schemas become named
// types, and fields keep their names and meanings. Not of the fields that only GraphQL has (links.ts).
import type { JsonSchema } from '../rest/json-schema.ts';
import type { ArgumentSpec, FieldSpec, FieldSpecs, Resolve, SchemaMaker, Shape, TypeRef } from './builder.ts';
import type { GraphqlContext } from './context.ts';
import type { FieldRule } from './field-rule.ts';
import type { ScalarName } from './scalars.ts';

const REF = '#/components/schemas/';
const NAME = /^[A-Za-z]\w*$/;
const KEY_PATTERN = '^[a-z0-9]';
const WITH_PARENT: FieldRule = { scope: 'parent' };

/** Names of enums by their values, since REST gives them none; one that is not listed is named after the place where it occurs first. */
const ENUM_NAMES: Readonly<Record<string, string>> = {
  'rule manual': 'SegmentKind',
  'draft building active paused failed archiving archived': 'SegmentStatus',
  'queued running done failed cancelled superseded': 'RunStatus',
  'definition refresh time repair archive group move': 'RunCause',
  'entered exited': 'ChangeType',
  'entered exited erased': 'FeedChangeType',
  'entered exited pinned_in pinned_out released': 'PastChangeType',
  'rule pin manual': 'MembershipSource',
  'data time definition pin move group unpin refresh repair erasure archive': 'ChangeCause',
  'string number boolean date timestamp list': 'ValueType',
  'hour day week month': 'Resolution',
};

/** Objects without a name of their own that deserve a better one than the place where they occur. */
const OBJECT_NAMES: Readonly<Record<string, string>> = { CustomerSegmentsSegment: 'Membership' };

/** Where an answer names another thing by its id or key, GraphQL offers the thing too. */
export type LinksOf = (type: string, property: string, schema: JsonSchema, isNullable: boolean) => FieldSpecs;

export interface WireTypesOptions {
  readonly maker: SchemaMaker;
  /** the named schemas of the document */
  readonly definitions: Readonly<Record<string, JsonSchema>>;
  readonly linksOf: LinksOf;
  /** fields that a type has only in GraphQL */
  readonly moreOf: (type: string) => FieldSpecs;
  readonly isPersonal: (type: string, property: string) => boolean;
}

export class WireTypes {
  readonly #options: WireTypesOptions;
  readonly #outputs = new Map<string, TypeRef>();
  readonly #inputs = new Map<string, TypeRef>();
  readonly #enums = new Map<string, TypeRef>();

  constructor(options: WireTypesOptions) {
    this.#options = options;
  }

  /** The type of a named schema. */
  named(name: string): TypeRef {
    const known = this.#outputs.get(name);
    if (known !== undefined) return known;
    const definition = this.#options.definitions[name];
    if (definition === undefined) throw new Error(`there is no schema ${name}`);
    return this.#object(name, definition);
  }

  /** `hint` names what has no name of its own. */
  output(schema: JsonSchema, hint: string): Shape {
    const { inner, isNullable } = withoutNull(schema);
    const { items } = inner as { items?: JsonSchema };
    if (inner['type'] === 'array' && items !== undefined && !isNested(items)) {
      return { ...this.output(items, hint.replace(/s$/, '')), isList: true, isNullable };
    }
    return { type: this.#outputType(inner, hint), isList: false, isNullable };
  }

  #outputType(schema: JsonSchema, hint: string): ScalarName | TypeRef {
    const name = refName(schema);
    if (name !== undefined) {
      const definition = this.#options.definitions[name] ?? {};
      return hasFields(definition) ? this.#defined(name.startsWith('__') ? hint : name, definition) : this.#leaf(definition, hint);
    }
    return hasFields(schema) ? this.#defined(OBJECT_NAMES[hint] ?? hint, schema) : this.#leaf(schema, hint);
  }

  #defined(name: string, definition: JsonSchema): TypeRef {
    return this.#outputs.get(name) ?? this.#object(name, definition);
  }

  #object(name: string, definition: JsonSchema): TypeRef {
    const ref = this.#options.maker.object(
      name,
      () => ({ ...this.fieldsOf(name, definition), ...this.#options.moreOf(name) }),
      textOf(definition),
    );
    this.#outputs.set(name, ref);
    return ref;
  }

  /** The fields that an object has by its schema; whoever may read the object may read them. */
  fieldsOf(type: string, schema: JsonSchema): FieldSpecs {
    const specs: Record<string, FieldSpec> = {};
    const required = new Set((schema['required'] as readonly string[] | undefined) ?? []);
    for (const [property, inner] of Object.entries(propertiesOf(schema))) {
      if (!NAME.test(property)) continue;
      const shape = this.output(inner, `${type}${pascal(property)}`);
      const isPersonal = this.#options.isPersonal(type, property);
      const isNullable = shape.isNullable || !required.has(property) || isPersonal || shape.type === 'JSON'; // which may itself be null
      const rule: FieldRule = { ...WITH_PARENT, ...(isPersonal ? { personal: true } : {}), ...(shape.isList ? { size: 10 } : {}) };
      const withheld = isPersonal ? { resolve: personalField(property) } : {};
      const field: FieldSpec = {
        ...withheld,
        shape: { ...shape, type: special(property, inner) ?? shape.type, isNullable },
        rule,
        description: textOf(inner),
      };
      const links = this.#options.linksOf(type, property, inner, isNullable);
      if (links[property] === undefined) specs[property] = field;
      else specs[keyName(property)] = { ...field, resolve: (parent: Readonly<Record<string, unknown>>) => parent[property] } as FieldSpec;
      Object.assign(specs, links);
    }
    return specs;
  }

  input(schema: JsonSchema, hint: string): Shape {
    const { inner, isNullable } = withoutNull(schema);
    const { items } = inner as { items?: JsonSchema };
    if (inner['type'] === 'array' && items !== undefined && !isNested(items)) {
      return { ...this.input(items, hint.replace(/s$/, '')), isList: true, isNullable };
    }
    const name = refName(inner);
    const definition = name === undefined ? inner : (this.#options.definitions[name] ?? {});
    if (name === 'Rule') return { type: 'Rule', isList: false, isNullable };
    if (!hasFields(definition)) return { type: this.#leaf(definition, hint), isList: false, isNullable };
    const typeName = name === undefined ? hint : name;
    return { type: this.#inputObject(typeName.endsWith('Input') ? typeName : `${typeName}Input`, definition), isList: false, isNullable };
  }

  #inputObject(name: string, definition: JsonSchema): TypeRef {
    const known = this.#inputs.get(name);
    if (known !== undefined) return known;
    const ref = this.#options.maker.input(name, () => this.argumentsOf(definition, name), textOf(definition));
    this.#inputs.set(name, ref);
    return ref;
  }

  /** What an object takes, as arguments or as fields of an input. */
  argumentsOf(schema: JsonSchema, hint: string): Readonly<Record<string, ArgumentSpec>> {
    const required = new Set((schema['required'] as readonly string[] | undefined) ?? []);
    const specs = Object.entries(propertiesOf(schema)).map(([property, inner]): [string, ArgumentSpec] => {
      const shape = this.input(inner, `${hint.replace(/Input$/, '')}${pascal(property)}`);
      const isNullable = shape.isNullable || !required.has(property);
      return [property, { shape: { ...shape, type: special(property, inner) ?? shape.type, isNullable }, description: textOf(inner) }];
    });
    return Object.fromEntries(specs);
  }

  #leaf(schema: JsonSchema, hint: string): ScalarName | TypeRef {
    const { type, format } = schema;
    if (Array.isArray(schema['enum'])) return this.#enum(schema['enum'].filter((value) => value !== null) as string[], hint);
    if (Array.isArray(type) && type.includes('number') && type.includes('string')) return 'Decimal';
    if (type === 'string' && format === 'date-time') return 'DateTime';
    if (type === 'string' && format === 'date') return 'Date';
    if (type === 'string') return textOf(schema)?.startsWith('Decimal string') === true ? 'Decimal' : 'String';
    if (type === 'integer') return 'Int';
    if (type === 'number') return 'Float';
    if (type === 'boolean') return 'Boolean';
    return 'JSON';
  }

  #enum(values: readonly string[], hint: string): ScalarName | TypeRef {
    if (!values.every((value) => typeof value === 'string' && NAME.test(value) && !['true', 'false', 'null'].includes(value)))
      return 'String';
    const id = values.join(' ');
    const known = this.#enums.get(id);
    if (known !== undefined) return known;
    const made = this.#options.maker.enumOf(ENUM_NAMES[id] ?? hint, values);
    this.#enums.set(id, made);
    return made;
  }
}

export function refName(schema: JsonSchema): string | undefined {
  const { $ref } = schema;
  return typeof $ref === 'string' && $ref.startsWith(REF) ? $ref.slice(REF.length) : undefined;
}

export function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return (schema['properties'] as Readonly<Record<string, JsonSchema>> | undefined) ?? {};
}

/** Whether the property names a segment, alone or in a list. */
export function isSegmentKey(schema: JsonSchema): boolean {
  const { inner } = withoutNull(schema);
  const one = inner['type'] === 'array' ? (inner['items'] as JsonSchema) : inner;
  return typeof one['pattern'] === 'string' && one['pattern'].startsWith(KEY_PATTERN);
}

export function pascal(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** `segment` → `segmentKey`, `segments` → `segmentKeys` */
function keyName(property: string): string {
  return property.endsWith('s') ? `${property.slice(0, -1)}Keys` : `${property}Key`;
}

function special(property: string, schema: JsonSchema): ScalarName | undefined {
  const { inner } = withoutNull(schema);
  const one = inner['type'] === 'array' ? (inner['items'] as JsonSchema) : inner;
  if (property === 'position' && one['type'] === 'integer') return 'Position';
  if (one['type'] === 'string' && one['enum'] === undefined && (property === 'id' || /Ids?$/.test(property))) return 'ID';
  return undefined;
}

function withoutNull(schema: JsonSchema): { readonly inner: JsonSchema; readonly isNullable: boolean } {
  const { anyOf, type } = schema;
  if (Array.isArray(type) && type.includes('null')) {
    const rest = type.filter((each) => each !== 'null');
    return { inner: { ...schema, type: rest.length === 1 ? rest[0] : rest }, isNullable: true };
  }
  if (!Array.isArray(anyOf)) return { inner: schema, isNullable: false };
  const rest = (anyOf as JsonSchema[]).filter((each) => each['type'] !== 'null');
  const [only] = rest;
  if (rest.length === anyOf.length) return { inner: schema, isNullable: false };
  return { inner: rest.length === 1 && only !== undefined ? only : { ...schema, anyOf: rest }, isNullable: true };
}

/** A list of lists stays JSON. */
function isNested(items: JsonSchema): boolean {
  return items['type'] === 'array' || items['items'] !== undefined;
}

/** REST leaves it out; here it is null, whichever way the customer was reached. */
function personalField(property: string): Resolve {
  return (parent: Readonly<Record<string, unknown>>, _args: object, { seesPersonal }: GraphqlContext) =>
    seesPersonal ? parent[property] : null;
}

function hasFields(schema: JsonSchema): boolean {
  return schema['type'] === 'object' && Object.keys(propertiesOf(schema)).length > 0 && isClosed(schema);
}

function isClosed(schema: JsonSchema): boolean {
  return schema['additionalProperties'] === false || schema['additionalProperties'] === undefined;
}

function textOf(schema: JsonSchema): string | undefined {
  return typeof schema['description'] === 'string' ? schema['description'] : undefined;
}
