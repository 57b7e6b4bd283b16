// In charge of the single form in which fields, types and arguments are passed to Pothos: its own types are meant for schemas written by hand,
// and most of ours are made from the table of routes. Nothing else calls Pothos.
import SchemaBuilder from '@pothos/core';
import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import type { GraphqlContext } from './context.ts';
import { extensionsOf, type FieldRule } from './field-rule.ts';
import { SCALARS, type ScalarName } from './scalars.ts';

/** A named type that has been or will be defined. */
export interface TypeRef {
  readonly name: string;
}

export interface Shape {
  readonly type: ScalarName | TypeRef;
  readonly isList: boolean;
  readonly isNullable: boolean;
}

export interface ArgumentSpec {
  readonly shape: Shape;
  readonly description?: string | undefined;
  readonly defaultValue?: unknown;
}

export type Resolve = (parent: never, args: never, context: GraphqlContext) => unknown;

export interface FieldSpec {
  readonly shape: Shape;
  readonly rule: FieldRule;
  readonly description?: string | undefined;
  readonly args?: Readonly<Record<string, ArgumentSpec>>;
  /** absent: the property of the parent with the field's name */
  readonly resolve?: Resolve;
  /** for a subscription: where its events come from */
  readonly subscribe?: Resolve;
}

export type FieldSpecs = Readonly<Record<string, FieldSpec>>;

type Dynamic = (...given: unknown[]) => unknown;
type Maker = Readonly<Record<string, Dynamic>> & { readonly arg: Dynamic };

/** The parts of Pothos that are used, without types for a schema that it cannot know. */
interface Pothos {
  addScalarType(name: string, type: unknown): unknown;
  enumType(name: string, options: unknown): TypeRef;
  objectRef(name: string): TypeRef & { implement(options: unknown): unknown };
  inputRef(name: string): TypeRef & { implement(options: unknown): unknown };
  objectFields(type: unknown, fields: (maker: Maker) => unknown): void;
  queryType(options: unknown): void;
  mutationType(options: unknown): void;
  subscriptionType(options: unknown): void;
  toSchema(): GraphQLSchema;
}

export class SchemaMaker {
  readonly #pothos = new SchemaBuilder<{ Context: GraphqlContext }>({}) as unknown as Pothos;

  constructor() {
    for (const [name, scalar] of Object.entries(SCALARS)) this.#pothos.addScalarType(name, scalar);
  }

  enumOf(name: string, values: readonly string[], description?: string): TypeRef {
    return this.#pothos.enumType(name, { description, values: Object.fromEntries(values.map((value) => [value, { value }])) });
  }

  /** `fields` is called when the schema is made, so that types may name each other. */
  object(name: string, fields: () => FieldSpecs, description?: string): TypeRef {
    const ref = this.#pothos.objectRef(name);
    ref.implement({ description, fields: (maker: Maker) => addFields(maker, fields()) });
    return ref;
  }

  input(name: string, fields: () => Readonly<Record<string, ArgumentSpec>>, description?: string): TypeRef {
    const ref = this.#pothos.inputRef(name);
    ref.implement({ description, fields: (maker: Maker) => mapValues(fields(), (spec) => maker['field']?.(inputOptions(spec))) });
    return ref;
  }

  roots(query: FieldSpecs, mutation: FieldSpecs, subscription: FieldSpecs): void {
    this.#pothos.queryType({ fields: (maker: Maker) => addFields(maker, query) });
    this.#pothos.mutationType({ fields: (maker: Maker) => addFields(maker, mutation) });
    this.#pothos.subscriptionType({ fields: (maker: Maker) => addFields(maker, subscription) });
  }

  /** Fields that are plain properties lose their resolver: the compiled executor then reads them without a call, twice as fast. */
  finish(): GraphQLSchema {
    const schema = this.#pothos.toSchema();
    for (const type of Object.values(schema.getTypeMap())) {
      if (!('getFields' in type) || type.name.startsWith('__')) continue;
      for (const field of Object.values(type.getFields())) if ('resolve' in field && field.resolve === readProperty) delete field.resolve;
    }
    return schema;
  }
}

const readProperty = defaultFieldResolver;

function addFields(maker: Maker, specs: FieldSpecs): unknown {
  return mapValues(specs, (spec) =>
    maker['field']?.({
      type: typeOf(spec.shape),
      nullable: spec.shape.isNullable,
      description: spec.description,
      extensions: extensionsOf(spec.rule),
      args: mapValues(spec.args ?? {}, (arg) => maker.arg(inputOptions(arg))),
      resolve: spec.resolve ?? readProperty,
      ...(spec.subscribe === undefined ? {} : { subscribe: spec.subscribe }),
    }),
  );
}

function inputOptions({ shape, description, defaultValue }: ArgumentSpec): object {
  return { type: typeOf(shape), required: !shape.isNullable, description, ...(defaultValue === undefined ? {} : { defaultValue }) };
}

function typeOf({ type, isList }: Shape): unknown {
  return isList ? [type] : type;
}

function mapValues<In, Out>(record: Readonly<Record<string, In>>, make: (value: In) => Out): Record<string, Out> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, make(value)]));
}
