// In charge of the fields that stand for routes of REST: every read is a field of Query, every write one of Mutation, with the same checks, the
// same handler and the same answer. Not of types (wire-types.ts) nor of what nests in them (links.ts).

import { AppError } from '../../errors.ts';
import { decodeCursor } from '../rest/cursor.ts';
import type { Components, JsonSchema } from '../rest/json-schema.ts';
import { type Route, scopesOf, takesIdempotencyKey } from '../rest/route.ts';
import type { ArgumentSpec, FieldSpec, FieldSpecs, SchemaMaker, Shape, TypeRef } from './builder.ts';
import { type CallRoute, type RouteAnswer, type RouteParts, routeCaller } from './call-route.ts';
import { CONNECTION_ARGUMENTS, type ConnectionTypes, type PageAnswer, toConnection } from './connections.ts';
import type { GraphqlContext } from './context.ts';
import type { FieldRule } from './field-rule.ts';
import { MAX_FIRST, USUAL_FIRST } from './limits.ts';
import { CURSORS, type NestedRoute } from './links.ts';
import { pascal, propertiesOf, refName, type WireTypes } from './wire-types.ts';

type Arguments = Readonly<Record<string, unknown>>;
type Parent = Readonly<Record<string, unknown>>;

/** Names that cannot be derived from the operation's name, and other names for ids where a field has only one. */
const NAMES: Readonly<Record<string, { readonly field: string; readonly renamed?: Readonly<Record<string, string>> }>> = {
  getCustomer: { field: 'customer', renamed: { id: 'customerId' } },
  getOrder: { field: 'order', renamed: { id: 'orderId' } },
  getRun: { field: 'run', renamed: { id: 'runId' } },
  getErasure: { field: 'erasure', renamed: { id: 'receiptId' } },
  explainMembership: { field: 'explanation', renamed: { segment: 'key' } },
  getVersion: { field: 'segmentVersion', renamed: { segment: 'key' } },
  diffVersion: { field: 'versionsDiff', renamed: { segment: 'key' } },
  getImpact: { field: 'impact', renamed: { segment: 'key' } },
  listVersions: { field: 'segmentVersions', renamed: { segment: 'key' } },
  listMembers: { field: 'members', renamed: { segment: 'key' } },
  listPins: { field: 'pins', renamed: { segment: 'key' } },
  listSegmentSizes: { field: 'segmentSizes', renamed: { segment: 'key' } },
  getSegmentSize: { field: 'segmentSize', renamed: { segment: 'key' } },
  getSegmentReport: { field: 'segmentReport', renamed: { segment: 'key' } },
  getSegmentHistory: { field: 'segmentHistory', renamed: { segment: 'key' } },
  listGroupVersions: { field: 'groupVersions', renamed: { group: 'key' } },
  listChanges: { field: 'changes', renamed: { segments: 'segment', customerId: 'customer' } },
  getOverlap: { field: 'overlapReport' },
  previewRule: { field: 'rulePreview' },
  checkRule: { field: 'ruleCheck' },
  checkErasure: { field: 'erasureCheck' },
};

/** Parameters that GraphQL expresses differently: lists have `first`, and whoever wants to wait subscribes. */
const NOT_ARGUMENTS = ['limit', 'after', 'wait', 'fresh'];

/** Tells why a route has no field; undefined: it has one. */
export function whyNoField(route: Route): string | undefined {
  if (route.tag === 'service') return 'about the process, not the data';
  if (route.media !== undefined) return 'a stream';
  if (route.body?.kind === 'stream') return 'takes a stream of any length';
  return undefined;
}

/** Some reads are POSTs, since their question is a body. */
export function isRead(route: Route): boolean {
  return route.method === 'GET' || /^(check|preview)[A-Z]/.test(route.operationId);
}

export function fieldName({ operationId }: Route): string {
  const named = NAMES[operationId]?.field;
  if (named !== undefined) return named;
  const bare = operationId.replace(/^(get|list)(?=[A-Z])/, '');
  return `${bare.charAt(0).toLowerCase()}${bare.slice(1)}`;
}

export interface RouteFieldsOptions {
  readonly maker: SchemaMaker;
  readonly types: WireTypes;
  readonly connections: ConnectionTypes;
  readonly components: Components;
  /** names of schemas that are things of their own: a write that answers with one returns it under its name */
  readonly things: ReadonlySet<string>;
  /** the schema behind a name */
  readonly definitionOf: (schema: JsonSchema) => JsonSchema;
}

export class RouteFields {
  readonly #options: RouteFieldsOptions;
  readonly #callers = new Map<Route, CallRoute>();

  constructor(options: RouteFieldsOptions) {
    this.#options = options;
  }

  /** A read as a field of Query. */
  asked(route: Route): FieldSpec {
    const renamed = NAMES[route.operationId]?.renamed ?? {};
    const spec = this.#read(route, renamed, {}, isLookup(route));
    return route.operationId === 'getSegment' ? unlessKeyIsEnough(spec) : spec;
  }

  /** A read as a field of the thing that its path begins with. */
  nested(route: Route, { bind, firstPages, laterPages }: NestedRoute): FieldSpec {
    const spec = this.#read(route, NAMES[route.operationId]?.renamed ?? {}, bind, false);
    if (firstPages === undefined) return spec;
    const batched = laterPages === undefined ? BATCHED : [...BATCHED, 'after'];
    const isBatched = (args: Arguments) => Object.entries(args).every(([name, value]) => batched.includes(name) || isAbsent(value));
    const whole = spec.resolve as (parent: Parent, args: Arguments, context: GraphqlContext) => unknown;
    const [id = 'id'] = Object.values(bind);
    const resolve = async (parent: Parent, args: Arguments, context: GraphqlContext) => {
      if (!isBatched(args)) return whole(parent, args, context);
      const after = typeof args['after'] === 'string' ? args['after'] : undefined;
      const asked = {
        id: String(parent[id]),
        first: requireFirst(args['first']),
        name: typeof args['name'] === 'string' ? args['name'] : null,
        afterKey: laterPages === undefined ? null : (decodeCursor(laterPages, after, ['integer'])?.[0] ?? null),
      };
      return toConnection(await context.loaders[firstPages].load(asked), { after });
    };
    return { ...spec, resolve, rule: { ...spec.rule, reads: (args) => (isBatched(args) ? 'once' : 'each') } };
  }

  /** A write as a field of Mutation, with a payload of its own. */
  written(route: Route): FieldSpec {
    const call = this.#callerOf(route);
    const payload = this.#payload(route);
    const args = this.#mutationArguments(route);
    const resolve = async (_root: object, given: Arguments, context: GraphqlContext) =>
      payload.make(await call(context, partsOf(route, given, {}, { body: given['input'] })));
    return {
      shape: { type: payload.type, isList: false, isNullable: true },
      rule: { ...accessOf(route), heavy: true, reads: 'each' },
      description: textOf(route),
      args,
      resolve: resolve as FieldSpec['resolve'] & {},
    };
  }

  #callerOf(route: Route): CallRoute {
    const known = this.#callers.get(route) ?? routeCaller(route);
    this.#callers.set(route, known);
    return known;
  }

  #read(route: Route, renamed: Readonly<Record<string, string>>, bind: Readonly<Record<string, string>>, isLookup: boolean): FieldSpec {
    const call = this.#callerOf(route);
    const shape = this.#answerShape(route);
    const bound = Object.keys(bind);
    const boundValues = (parent: Parent) => Object.fromEntries(Object.entries(bind).map(([name, property]) => [name, parent[property]]));
    const ask = (parent: Parent, args: Arguments, context: GraphqlContext): Promise<RouteAnswer> => {
      const unnamed = Object.fromEntries(Object.entries(args).map(([name, value]) => [renamed[name] ?? name, value]));
      return call(context, partsOf(route, { ...unnamed, ...(bound.length === 0 ? {} : boundValues(parent)) }, { isPage: shape.isPage }));
    };
    const resolve = async (parent: Parent, args: Arguments, context: GraphqlContext) => {
      try {
        return shape.make(await ask(parent, args, context), args);
      } catch (error) {
        if (isLookup && error instanceof AppError && error.code === 'not_found') return null;
        throw error;
      }
    };
    const heavy = route.heavy === undefined ? {} : { heavy: true as const };
    const size = shape.isPage ? { size: ({ first }: Arguments) => (typeof first === 'number' ? first : USUAL_FIRST) } : {};
    return {
      shape: { ...shape.shape, isNullable: isLookup },
      rule: { ...accessOf(route), reads: 'each', ...heavy, ...size },
      description: textOf(route),
      args: this.#readArguments(route, renamed, bound, shape.isPage),
      resolve: resolve as FieldSpec['resolve'] & {},
    };
  }

  /** Pages become connections, lists that come whole become lists, and everything else stays as it is. */
  #answerShape(route: Route): {
    readonly shape: Shape;
    readonly isPage: boolean;
    readonly make: (answer: RouteAnswer, args: Arguments) => unknown;
  } {
    const { types, connections, definitionOf } = this.#options;
    const schema = this.#answerOf(route);
    const definition = definitionOf(schema);
    const properties = propertiesOf(definition);
    const { data, next } = properties;
    const hint = pascal(fieldName(route));
    if (data === undefined || data['type'] !== 'array') {
      return { shape: types.output(schema, hint), isPage: false, make: ({ answer }) => answer };
    }
    const item = types.output(data['items'] as JsonSchema, hint.replace(/s$/, ''));
    if (next === undefined) {
      return { shape: { ...item, isList: true }, isPage: false, make: ({ answer }) => (answer as PageAnswer).data };
    }
    const { data: _data, next: _next, ...more } = properties;
    const type = connections.of(item.type as TypeRef, types.fieldsOf(hint, { ...definition, properties: more }));
    const isEndless = !JSON.stringify(next).includes('null');
    const make = ({ answer }: RouteAnswer, { first, after }: Arguments) => {
      const page = answer as PageAnswer;
      return toConnection(page, {
        after,
        cursorOf: CURSORS[route.operationId]?.(page),
        hasNext: isEndless ? page.data.length === (first ?? USUAL_FIRST) : undefined,
      });
    };
    return { shape: { type, isList: false, isNullable: false }, isPage: true, make };
  }

  #answerOf(route: Route): JsonSchema {
    const [answer] = Object.values(route.answers);
    if (answer === undefined) throw new Error(`${route.operationId} has no answer`);
    return this.#options.components.add(answer, 'output');
  }

  #readArguments(
    route: Route,
    renamed: Readonly<Record<string, string>>,
    bound: readonly string[],
    isPage: boolean,
  ): Readonly<Record<string, ArgumentSpec>> {
    const nameOf = (parameter: string) => Object.entries(renamed).find(([, own]) => own === parameter)?.[0] ?? parameter;
    const all = [this.#schemaOf(route, 'params'), this.#schemaOf(route, 'query'), this.#schemaOf(route, 'body')];
    const specs = all.flatMap((schema) => Object.entries(this.#options.types.argumentsOf(schema, pascal(fieldName(route)))));
    const taken = specs.filter(([name]) => !bound.includes(name) && !(NOT_ARGUMENTS.includes(name) && route.method === 'GET'));
    return { ...Object.fromEntries(taken.map(([name, spec]) => [nameOf(name), spec])), ...(isPage ? CONNECTION_ARGUMENTS : {}) };
  }

  #mutationArguments(route: Route): Readonly<Record<string, ArgumentSpec>> {
    const { types } = this.#options;
    const params = types.argumentsOf(this.#schemaOf(route, 'params'), pascal(route.operationId));
    const query = types.argumentsOf(this.#schemaOf(route, 'query'), pascal(route.operationId));
    const { body } = route;
    const input =
      body === undefined || body.kind === 'stream'
        ? undefined
        : types.input(this.#options.components.add(body.schema, 'input'), `${pascal(route.operationId)}Input`);
    const isOptional = body !== undefined && body.kind !== 'stream' && body.optional === true;
    const inBody = input === undefined ? [] : Object.keys(propertiesOf(this.#schemaOf(route, 'body')));
    const beside = Object.entries(query).filter(([name]) => !inBody.includes(name)); // what a DELETE takes in either place is in `input`
    return {
      ...params,
      ...(input === undefined ? {} : { input: { shape: { ...input, isNullable: isOptional } } }),
      ...Object.fromEntries(beside),
      ...(route.etag === 'edit'
        ? { ifMatch: text('The `etag` of what is edited: refused with `version_conflict` when it has changed since') }
        : {}),
      ...(takesIdempotencyKey(route)
        ? { idempotencyKey: text('Makes a retry harmless: the same key and input are answered as the first time') }
        : {}),
    };
  }

  #schemaOf(route: Route, place: 'params' | 'query' | 'body'): JsonSchema {
    const { components, definitionOf } = this.#options;
    if (place === 'body')
      return route.body === undefined || route.body.kind === 'stream' ? {} : definitionOf(components.add(route.body.schema, 'input'));
    const schema = route[place];
    return schema === undefined ? {} : definitionOf(components.add(schema, 'input'));
  }

  /** A thing is returned under its name; the fields of an outcome are the payload's own. */
  #payload(route: Route): { readonly type: TypeRef; readonly make: (answer: RouteAnswer) => object } {
    const { maker, types, components, things, definitionOf } = this.#options;
    const name = `${pascal(route.operationId)}Payload`;
    const answers = Object.values(route.answers).map((answer) => components.add(answer, 'output'));
    const [only] = answers;
    const thing = answers.length === 1 && only !== undefined ? refName(only) : undefined;
    if (thing !== undefined && things.has(thing)) {
      const property = `${thing.charAt(0).toLowerCase()}${thing.slice(1)}`;
      const shape: Shape = { type: types.named(thing), isList: false, isNullable: false };
      const fields: FieldSpecs = { [property]: { shape, rule: { scope: 'parent' } } };
      return { type: maker.object(name, () => fields), make: ({ answer }) => ({ [property]: answer }) };
    }
    const definitions = answers.map(definitionOf);
    const required = definitions.map((each) => new Set((each['required'] as readonly string[] | undefined) ?? []));
    const properties = Object.assign({}, ...definitions.map(propertiesOf)) as Readonly<Record<string, JsonSchema>>;
    const always = Object.keys(properties).filter((property) => required.every((each) => each.has(property)));
    if (Object.keys(properties).length === 0) return { type: maker.object(name, () => DONE), make: () => ({ done: true }) };
    const type = maker.object(name, () => types.fieldsOf(name, { properties, required: always }));
    return { type, make: ({ answer }) => answer as object };
  }
}

/** If only its members are asked for, a segment that is known to exist need not be read again. */
function unlessKeyIsEnough(spec: FieldSpec): FieldSpec {
  const whole = spec.resolve as (parent: Parent, args: Arguments, context: GraphqlContext) => Promise<Parent | null>;
  const read = async (parent: Parent, args: Arguments, context: GraphqlContext) => {
    const segment = await whole(parent, args, context);
    if (segment !== null) context.loaders.noteSegment(String(segment['key']));
    return segment;
  };
  const resolve = (parent: Parent, args: Arguments, context: GraphqlContext) =>
    context.loaders.segmentByKey(args['key']) ?? read(parent, args, context);
  return { ...spec, resolve: resolve as FieldSpec['resolve'] & {} };
}

const DONE: FieldSpecs = {
  done: { shape: { type: 'Boolean', isList: false, isNullable: false }, rule: { scope: 'parent' } },
};

/** The arguments that a loader of pages knows; with any others each parent is asked separately. */
const BATCHED = ['first', 'name'];

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** A read of one thing by what its path names. */
function isLookup(route: Route): boolean {
  return route.method === 'GET' && route.operationId.startsWith('get') && route.params !== undefined;
}

export function accessOf(route: Route): Pick<FieldRule, 'scope' | 'tokens'> {
  return { scope: scopesOf(route), ...(route.tokens === undefined ? {} : { tokens: route.tokens }) };
}

/** Throws `invalid_request` as REST does for `limit`. */
export function requireFirst(first: unknown): number {
  if (isAbsent(first)) return USUAL_FIRST;
  if (typeof first === 'number' && Number.isInteger(first) && first >= 1 && first <= MAX_FIRST) return first;
  const detail = `This is a whole number from 1 to ${MAX_FIRST}.`;
  throw new AppError('invalid_request', `first: ${detail}`, { errors: [{ parameter: 'first', code: 'invalid_value', detail }] });
}

/** Puts arguments where the route expects them; for a read, in its body too. */
function partsOf(
  route: Route,
  given: Arguments,
  { isPage = false }: { readonly isPage?: boolean },
  own: { readonly body?: unknown } = {},
): RouteParts {
  const pick = (shape: object | undefined) =>
    Object.fromEntries(
      Object.entries(given).filter(([name, value]) => shape !== undefined && Object.hasOwn(shape, name) && value !== undefined),
    );
  const query = pick(route.query?.shape);
  if (isPage) Object.assign(query, { limit: String(requireFirst(given['first'])), after: given['after'] });
  const { ifMatch, idempotencyKey } = given;
  const headers = {
    ...(typeof ifMatch === 'string' ? { 'if-match': ifMatch } : {}),
    ...(typeof idempotencyKey === 'string' ? { 'idempotency-key': idempotencyKey } : {}),
  };
  const isAsked = isRead(route) && route.body !== undefined && route.body.kind !== 'stream';
  const body = isAsked ? withoutNull(pick((route.body.schema as { shape?: object }).shape)) : own.body;
  return { params: pick(route.params?.shape), query, body: body ?? undefined, headers };
}

function withoutNull(record: Arguments): Arguments {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
}

function text(description: string): ArgumentSpec {
  return { shape: { type: 'String', isList: false, isNullable: true }, description };
}

function textOf({ summary, description }: Route): string {
  return description === undefined ? `${summary}.` : `${summary}. ${description}`;
}
