// In charge of the routes of what rules may name: the catalog, declared attributes and event properties.
import { z } from 'zod';
import type { Caller } from '../../access/caller.ts';
import type { DeclaredType } from '../../catalog/declare-type.ts';
import { listAttributes } from '../../catalog/declare-type.ts';
import { type CatalogEntry, catalogEntries } from '../../catalog/load-catalog.ts';
import { AppError } from '../../errors.ts';
import { operatorsFor } from '../../rules/operators.ts';
import { declareField } from '../../segments/declare-field.ts';
import type { Strata } from '../../strata.ts';
import { seesPersonal } from './personal.ts';
import { type Route, route } from './route.ts';
import { nameText, storableText } from './wire.ts';

const ValueTypeSchema = z.enum(['string', 'number', 'boolean', 'date', 'timestamp', 'list']);

const CatalogSchema = z
  .strictObject({
    data: z.array(
      z
        .strictObject({
          scope: z.enum(['customers', 'orders', 'items', 'events']),
          path: z.string().meta({ description: 'As a rule names it within its scope' }),
          kind: z.enum(['field', 'attribute', 'consent', 'property']),
          name: z.string(),
          event: z.string().nullable().meta({ description: 'Of a property: the event that carries it' }),
          type: ValueTypeSchema,
          operators: z.array(z.string()),
          description: z.string().nullable(),
          declared: z.boolean(),
          values: z.array(z.string()).meta({ description: 'The most frequent, of a sample' }),
        })
        .meta({ id: 'CatalogEntry' }),
    ),
  })
  .meta({ id: 'Catalog' });

const Declared = {
  name: z.string(),
  type: z.string().meta({ description: 'string, number, boolean, date, timestamp, list; opaque: kept, but not for rules' }),
  declared: z.boolean().meta({ description: 'false: the type is that of its first value' }),
  description: z.string().nullable(),
};
const AttributeSchema = z.strictObject(Declared).meta({ id: 'Attribute' });
const PropertySchema = z.strictObject({ event: z.string(), ...Declared }).meta({ id: 'EventProperty' });

const DeclarationInput = z
  .strictObject({ type: ValueTypeSchema, description: storableText(4000).nullish() })
  .meta({ id: 'TypeDeclaration' });

export const catalogRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/catalog',
    operationId: 'getCatalog',
    personal: { of: 'values', fields: true },
    tag: 'catalog',
    scope: 'segments:read',
    summary: 'Every field that a rule may name: type, operators, frequent values',
    fresh: 'write',
    answers: { 200: CatalogSchema },
    handle: async ({ reads, caller }) => {
      const entries = await catalogEntries(reads);
      const hidden = (entry: CatalogEntry) => entry.kind === 'attribute' && !seesPersonal(caller);
      return {
        data: entries.map((entry) => ({ ...entry, operators: operatorsFor(entry.type), ...(hidden(entry) ? { values: [] } : {}) })),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/attributes',
    operationId: 'listAttributes',
    tag: 'catalog',
    scope: 'segments:read',
    summary: 'All custom attributes, in order of name',
    fresh: 'write',
    answers: { 200: z.strictObject({ data: z.array(AttributeSchema) }) },
    handle: async ({ strata }) => ({ data: (await listAttributes(strata.database)).map(attributeOut) }),
  }),
  route({
    method: 'PUT',
    path: '/v1/attributes/:name',
    operationId: 'declareAttribute',
    tag: 'catalog',
    scope: 'segments:write',
    summary: 'Declare the type of a custom attribute, or describe it',
    description: 'Another type than it has is taken while no live rule reads the attribute and all stored values convert.',
    params: z.strictObject({ name: nameText('Name of the attribute, dotted where it nests') }),
    body: { kind: 'schema', schema: DeclarationInput },
    answers: { 200: AttributeSchema },
    refusals: ['in_use', 'conflict'],
    handle: async ({ strata, caller, params, body }) => {
      return attributeOut(await declare(strata, null, params.name, body).catch((error) => withoutExamples(caller, error)));
    },
  }),
  route({
    method: 'PUT',
    path: '/v1/events/:event/properties/:name',
    operationId: 'declareProperty',
    tag: 'catalog',
    scope: 'segments:write',
    summary: 'Declare the type of a property of an event, or describe it',
    params: z.strictObject({ event: nameText('Name of the event'), name: nameText('Name of the property, dotted where it nests') }),
    body: { kind: 'schema', schema: DeclarationInput },
    answers: { 200: PropertySchema },
    refusals: ['in_use', 'conflict'],
    handle: async ({ strata, params, body }) => {
      const declared = await declare(strata, params.event, params.name, body);
      return { event: params.event, ...attributeOut(declared) };
    },
  }),
];

/** Values that do not convert are given as examples, and attributes are personal. */
function withoutExamples(caller: Caller, error: unknown): never {
  if (error instanceof AppError && error.code === 'conflict' && !seesPersonal(caller))
    throw new AppError('conflict', 'The attribute holds values of another type; its type cannot change.');
  throw error;
}

async function declare(strata: Strata, event: string | null, name: string, body: z.output<typeof DeclarationInput>): Promise<DeclaredType> {
  const declared = await declareField(strata.database, strata.clock, { event, name, type: body.type, description: body.description });
  await strata.types.reload(strata.database); // other processes notice the new version after their locks
  return declared;
}

function attributeOut({ name, type, declared, description }: DeclaredType): z.input<typeof AttributeSchema> {
  return { name, type, declared, description };
}
