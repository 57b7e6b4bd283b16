// In charge of the OpenAPI document, made only from the table of routes, and deterministic, so that the committed file can be compared.
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../../errors.ts';
import { type ExampleRequest, exampleAnswer, exampleRequest } from './examples.ts';
import { Components, type Direction, type JsonSchema } from './json-schema.ts';
import { PROBLEM_TYPE } from './problem.ts';
import { type Body, type Method, type Route, refusalsOf, route, scopesOf, type Tag, takesIdempotencyKey } from './route.ts';
import { ProblemSchema } from './wire.ts';

const TAGS: Readonly<Record<Tag, string>> = {
  customers: 'Who is kept in segments: profile, tags, consents, custom attributes',
  orders: 'What customers bought; a later write of an order replaces it',
  events: 'What customers did',
  imports: 'Files of any length, as streams',
  catalog: 'What rules may name',
  rules: 'Rules before they become segments: check and preview',
  segments: 'Named rules, their versions and their members',
  groups: 'Segments that exclude each other: a customer is in at most one of a group',
  changes: 'The feed: each change of a membership exactly once, in order',
  reports: 'Segments in figures: what they are made of, how they overlap and flow; each from one snapshot, also as CSV',
  runs: 'Progress of full evaluations',
  webhooks: 'Changes and notices sent to URLs: signed, in order, at least once',
  audit: 'Who did what, when, from where',
  keys: 'Who may do what: keys with scopes, and tokens for browsers',
  service: 'Health and description of the service',
};

const DESCRIPTION = `Strata keeps every customer in the right segments at every moment: when a write is answered, every membership that depends on it is already right.

Every refusal is \`application/problem+json\` with a stable \`code\`; where several things are wrong, \`errors\` lists all of them. Unknown parameters and fields are refused.`;

const FRESH_PARAMETERS = [
  { name: 'Strata-Token', in: 'header', description: 'Token of a write: the answer is at least as fresh', schema: { type: 'string' } },
  { name: 'fresh', in: 'query', description: 'The same as the header Strata-Token', schema: { type: 'string' } },
];
const IDEMPOTENCY_KEY: JsonSchema = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'The same key within a day: nothing is done again, and the first answer comes again with `Idempotency-Replayed: true`',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};
const IF_MATCH = {
  name: 'If-Match',
  in: 'header',
  description: 'ETag of the segment or group as you know it; refused with 412 when it has changed since',
  schema: { type: 'string' },
};
const IF_NONE_MATCH = {
  name: 'If-None-Match',
  in: 'header',
  description: 'ETag of the answer you have; 304 when it still stands',
  schema: { type: 'string' },
};

const ACCESS_TOKEN = {
  name: 'access_token',
  in: 'query',
  description: 'A token, where no header can be sent; never a key',
  schema: { type: 'string' },
};

const REQUEST_ID = { description: 'Id of this request, as in the service’s log', schema: { type: 'string' } };

export function openapiDocument(routes: readonly Route[], version: string): JsonSchema {
  const components = new Components();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const each of routes) {
    const path = each.path.replaceAll(/:([A-Za-z]+)/g, '{$1}');
    paths[path] = { ...paths[path], [each.method.toLowerCase()]: operation(each, components) };
  }
  const schemas = components.all();
  const document = {
    openapi: '3.1.1',
    info: { title: 'Strata', version, description: DESCRIPTION, license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' } },
    servers: [{ url: '/' }],
    security: [{ key: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A key, or the admin key' } },
      headers: { RequestId: REQUEST_ID },
      schemas: Object.fromEntries(Object.entries(schemas).filter(([name]) => !name.startsWith(UNNAMED))),
    },
  };
  return putInPlace(document, schemas) as JsonSchema;
}

/** zod gives a name to what occurs several times in a recursive schema; the document repeats it in each place. */
const UNNAMED = '__schema';

function putInPlace(value: unknown, schemas: Readonly<Record<string, JsonSchema>>): unknown {
  if (Array.isArray(value)) return value.map((inner) => putInPlace(inner, schemas));
  if (typeof value !== 'object' || value === null) return value;
  const { $ref } = value as { readonly $ref?: unknown };
  const name = typeof $ref === 'string' ? $ref.replace('#/components/schemas/', '') : '';
  if (name.startsWith(UNNAMED)) return schemas[name];
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, putInPlace(inner, schemas)]));
}

function operation(each: Route, components: Components): JsonSchema {
  const example = exampleRequest(each.operationId);
  const parameters = [
    ...parametersOf(each.params, 'path', components, example?.params),
    ...parametersOf(each.query, 'query', components, example?.query),
    ...(each.fresh === undefined ? [] : FRESH_PARAMETERS),
    ...(each.tokens === undefined ? [] : [ACCESS_TOKEN]),
    ...(takesIdempotencyKey(each) ? [IDEMPOTENCY_KEY] : []),
    ...(each.etag === 'edit' ? [IF_MATCH] : each.etag === 'read' ? [IF_NONE_MATCH] : []),
  ];
  return {
    operationId: each.operationId,
    tags: [each.tag],
    summary: each.summary,
    ...describe(each),
    ...(each.public === true ? { security: [] } : { 'x-scopes': scopesOf(each) }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(each.body === undefined ? {} : { requestBody: requestBody(each.body, components, example) }),
    responses: { ...answersOf(each, components), ...refusalsByStatus(each, components) },
  };
}

/** OpenAPI's own field for scopes is only for OAuth, so people find them here and programs in `x-scopes`. */
function describe(each: Route): JsonSchema {
  const scopes = scopesOf(each).map((scope) => `\`${scope}\``);
  const needed = scopes.length === 0 ? [] : [`Needs the scope ${scopes.join(' or ')}.`];
  const tokens = each.tokens === undefined ? [] : [`Or a ${each.tokens.join(' or ')} token, which reads its own.`];
  const description = [...(each.description === undefined ? [] : [each.description]), [...needed, ...tokens].join(' ')].filter(
    (part) => part !== '',
  );
  return description.length === 0 ? {} : { description: description.join('\n\n') };
}

function parametersOf(
  schema: z.ZodObject | undefined,
  place: 'path' | 'query',
  components: Components,
  examples: Readonly<Record<string, string>> = {},
): JsonSchema[] {
  if (schema === undefined) return [];
  const named = Object.entries(schema.shape).map(([name, field]) => {
    const { description, ...rest } = components.add(field as z.ZodType, 'input');
    const required = place === 'path' || !(field as z.ZodType).safeParse(undefined).success;
    return {
      name,
      in: place,
      ...(description === undefined ? {} : { description }),
      ...(required ? { required } : {}),
      schema: rest,
      ...(examples[name] === undefined ? {} : { example: asTyped(examples[name], rest) }),
    };
  });
  const rest = schema.def.catchall;
  if (rest === undefined || rest instanceof z.ZodNever) return named;
  const { description, ...values } = components.add(rest as z.ZodType, 'input');
  const further = Object.entries(examples).filter(([name]) => !(name in schema.shape));
  const example = further.length === 0 ? {} : { example: Object.fromEntries(further) };
  // an exploded form object is how OpenAPI says "any further parameters"
  return [
    ...named,
    {
      name: 'more',
      in: place,
      description,
      style: 'form',
      explode: true,
      schema: { type: 'object', additionalProperties: values },
      ...example,
    },
  ];
}

/** Parameters are texts on the wire; the document has them as in their schema. */
function asTyped(text: string, { type }: JsonSchema): unknown {
  if (type === 'array') return [text];
  return type === 'integer' || type === 'number' || type === 'boolean' ? JSON.parse(text) : text;
}

function requestBody(body: Body<z.ZodType>, components: Components, request: ExampleRequest | undefined): JsonSchema {
  const example = request?.body === undefined ? {} : { example: request.body };
  if (body.kind === 'stream') {
    const bytes = { schema: { type: 'string', description: 'A stream of any length; `Content-Encoding: gzip` is taken' } };
    const content = body.contentTypes.map((type) => [type, { ...bytes, ...(type === request?.contentType ? example : {}) }]);
    return { required: true, content: Object.fromEntries(content) };
  }
  const schema = components.add(body.schema, 'input');
  return { required: body.optional !== true, content: { 'application/json': { schema, ...example } } };
}

function answersOf(each: Route, components: Components): JsonSchema {
  const headers = {
    'X-Request-Id': { $ref: '#/components/headers/RequestId' },
    ...(each.etag === undefined ? {} : { ETag: { schema: { type: 'string' } } }),
  };
  const direction: Direction = 'output';
  const recorded = exampleAnswer(each.operationId);
  const answers: [string, JsonSchema][] = Object.entries(each.answers).map(([status, schema]) => {
    const example = recorded?.status === Number(status) ? { example: recorded.body } : {};
    const content = { [each.media ?? 'application/json']: { schema: components.add(schema, direction), ...example } };
    return [status, { description: each.summary, headers, content }];
  });
  if (each.etag === 'read') answers.push(['304', { description: 'What you have still stands', headers }]);
  return Object.fromEntries(answers);
}

function refusalsByStatus(each: Route, components: Components): JsonSchema {
  const byStatus = Map.groupBy(refusalsOf(each), (code: ErrorCode) => ERRORS[code].status);
  const content = { [PROBLEM_TYPE]: { schema: components.add(ProblemSchema, 'output') } };
  const headers = { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } };
  return Object.fromEntries(
    [...byStatus]
      .sort(([left], [right]) => left - right)
      .map(([status, codes]) => [
        status,
        { description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('; '), headers, content },
      ]),
  );
}

/** Serves the document of a table that includes this route itself. */
export function openapiRoute(document: () => JsonSchema): Route {
  return route({
    method: 'GET' satisfies Method,
    path: '/openapi.json',
    operationId: 'getOpenapi',
    tag: 'service',
    public: true,
    summary: 'This description, as OpenAPI 3.1',
    answers: { 200: z.looseObject({}) },
    handle: async () => document(),
  });
}
