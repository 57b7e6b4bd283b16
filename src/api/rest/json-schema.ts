// In charge of turning zod schemas into JSON Schema: inline for serialising answers, with named components for the OpenAPI document.
import { z } from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** `input`: what callers send, before defaults; `output`: what they get. */
export type Direction = 'input' | 'output';

const NO_NAMES = z.registry<{ id?: string }>();

/** Self-contained, as fast-json-stringify wants it. */
export function inlineJsonSchema(schema: z.ZodType, direction: Direction): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io: direction,
    metadata: NO_NAMES,
    unrepresentable: 'any',
    override: tidy,
  });
  return rest;
}

/** Collects every schema that has a name (`.meta({ id })`); two different ones under one name are a bug of ours. */
export class Components {
  readonly #schemas = new Map<string, JsonSchema>();

  /** The schema with references in place of named ones; itself a reference when it has a name. */
  add(schema: z.ZodType, direction: Direction): JsonSchema {
    const { $schema: _dialect, $defs, ...rest } = z.toJSONSchema(schema, { io: direction, unrepresentable: 'any', override: tidy });
    for (const [name, definition] of Object.entries($defs ?? {})) this.#define(name, definition as JsonSchema);
    return pointToComponents(rest) as JsonSchema;
  }

  #define(name: string, definition: JsonSchema): void {
    const schema = pointToComponents(definition) as JsonSchema;
    const earlier = this.#schemas.get(name);
    if (earlier !== undefined && JSON.stringify(earlier) !== JSON.stringify(schema)) throw new Error(`two schemas are called ${name}`);
    this.#schemas.set(name, schema);
  }

  /** In order of name. */
  all(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.#schemas].sort(([left], [right]) => (left < right ? -1 : 1)));
  }
}

function pointToComponents(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointToComponents);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !(key === 'id' && typeof inner === 'string')) // zod repeats the name inside the schema
      .map(([key, inner]) => [
        key,
        key === '$ref' && typeof inner === 'string' ? inner.replace('#/$defs/', '#/components/schemas/') : pointToComponents(inner),
      ]),
  );
}

/** Writes `type: [x, null]` where zod writes `anyOf`, which serialisers would have to validate; drops keywords that say nothing. */
function tidy({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void {
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum'];
  if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum'];
  delete jsonSchema['propertyNames'];
  const { anyOf } = jsonSchema;
  if (!Array.isArray(anyOf) || anyOf.length !== 2) return;
  const [some, none] = anyOf as [Record<string, unknown>, Record<string, unknown>];
  if (none['type'] !== 'null' || typeof some['type'] !== 'string' || some['type'] === 'object' || some['type'] === 'array') return;
  delete jsonSchema['anyOf'];
  Object.assign(jsonSchema, some, { type: [some['type'], 'null'] });
  if (Array.isArray(some['enum'])) jsonSchema['enum'] = [...some['enum'], null];
}
