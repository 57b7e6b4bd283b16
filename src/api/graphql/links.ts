// In charge of the fields that turn the answers of REST into a graph: where one thing names another, the other; and on a customer, a segment or
// a group, what REST has below its path. Not of the fields that REST has too (wire-types.ts).
import { encodeCursor } from '../rest/cursor.ts';
import { groupTag } from '../rest/groups.ts';
import type { JsonSchema } from '../rest/json-schema.ts';
import { tagOf } from '../rest/segment-schemas.ts';
import type { FieldSpec, FieldSpecs, TypeRef } from './builder.ts';
import type { PageAnswer } from './connections.ts';
import type { GraphqlContext } from './context.ts';
import type { FieldRule } from './field-rule.ts';
import { LIST_SIZE } from './limits.ts';
import type { Loaders } from './loaders.ts';
import { isSegmentKey } from './wire-types.ts';

type Parent = Readonly<Record<string, unknown>>;

/** What the links need from the schema that they are part of. */
export interface LinkTargets {
  readonly named: (name: string) => TypeRef;
  /** the scopes of a route, by its operation */
  readonly accessOf: (operationId: string) => Pick<FieldRule, 'scope' | 'tokens'>;
}

/**
 * `customerId` gets `customer` beside it; `segment`, `segments` and `group` become the things themselves, and their keys become `segmentKey` and
 * so on.
 */
export function linksOf(targets: LinkTargets, property: string, schema: JsonSchema, isNullable: boolean): FieldSpecs {
  const isText = schema['type'] === 'string' || (Array.isArray(schema['type']) && schema['type'].includes('string'));
  if (property === 'customerId' && isText) {
    return { customer: one(targets, 'Customer', 'getCustomer', (parent, { customerOf }) => customerOf(parent)) };
  }
  if (property === 'group' && isText) {
    return { group: one(targets, 'Group', 'getGroup', ({ group: key }, { group }) => (typeof key === 'string' ? group.load(key) : null)) };
  }
  if (property === 'segment' && isText && isSegmentKey(schema)) {
    return { segment: one(targets, 'Segment', 'getSegment', ({ segment: key }, loaders) => loadSegment(key, loaders)) };
  }
  if (property === 'segments' && schema['type'] === 'array' && isSegmentKey(schema)) return { segments: segmentsOf(targets, isNullable) };
  return {};
}

export function segmentByKey(targets: LinkTargets): FieldSpec {
  return one(targets, 'Segment', 'getSegment', ({ key }, loaders) => loadSegment(key, loaders));
}

function loadSegment(key: unknown, { segment, segmentByKey }: Loaders): unknown {
  return typeof key === 'string' ? (segmentByKey(key) ?? segment.load(key)) : null;
}

function one(targets: LinkTargets, type: string, operationId: string, load: (parent: Parent, loaders: Loaders) => unknown): FieldSpec {
  return {
    shape: { type: targets.named(type), isList: false, isNullable: true },
    rule: { ...targets.accessOf(operationId), reads: 'once' },
    description: 'null: there is none, or no longer',
    resolve: (parent: Parent, _args: object, { loaders }: GraphqlContext) => load(parent, loaders),
  };
}

function segmentsOf(targets: LinkTargets, isNullable: boolean): FieldSpec {
  return {
    shape: { type: targets.named('Segment'), isList: true, isNullable },
    rule: { ...targets.accessOf('getSegment'), reads: 'once', size: LIST_SIZE },
    resolve: async ({ segments }: Parent, _args: object, { loaders }: GraphqlContext) => {
      if (!Array.isArray(segments)) return null;
      const found = await loaders.segment.loadMany(segments as string[]);
      return found.filter((segment) => segment !== null); // templates name segments that nobody has made yet: the keys give all of them
    },
  };
}

/** Takes the place of the ETag of REST. */
export const ETAGS: Readonly<Record<string, FieldSpec>> = {
  Segment: {
    shape: { type: 'String', isList: false, isNullable: false },
    rule: { scope: 'parent' },
    description: 'Of what its owners edit; give it as `ifMatch` with an edit',
    resolve: (parent: object) => tagOf(parent),
  },
  Group: {
    shape: { type: 'String', isList: false, isNullable: false },
    rule: { scope: 'parent' },
    description: 'Of what its owners edit; give it as `ifMatch` with an edit',
    resolve: (parent: Parameters<typeof groupTag>[0]) => groupTag(parent),
  },
};

/** A field for a type that a route answers, with what binds the route to the object. */
export interface NestedRoute {
  readonly field: string;
  readonly operationId: string;
  /** the object's property for each parameter of the route */
  readonly bind: Readonly<Record<string, string>>;
  /** reads first pages for many objects at once */
  readonly firstPages?: 'orders' | 'events' | 'members';
  /** reads later pages too, by cursors of this list */
  readonly laterPages?: 'members';
}

export const NESTED: Readonly<Record<string, readonly NestedRoute[]>> = {
  Customer: [
    { field: 'orders', operationId: 'listOrders', bind: { customerId: 'id' }, firstPages: 'orders' },
    { field: 'events', operationId: 'listEvents', bind: { customerId: 'id' }, firstPages: 'events' },
    { field: 'history', operationId: 'getCustomerHistory', bind: { customerId: 'id' } },
    { field: 'explanation', operationId: 'explainMembership', bind: { customerId: 'id' } },
  ],
  Segment: [
    { field: 'members', operationId: 'listMembers', bind: { key: 'key' }, firstPages: 'members', laterPages: 'members' },
    { field: 'versions', operationId: 'listVersions', bind: { key: 'key' } },
    { field: 'pins', operationId: 'listPins', bind: { key: 'key' } },
    { field: 'history', operationId: 'getSegmentHistory', bind: { key: 'key' } },
    { field: 'sizes', operationId: 'listSegmentSizes', bind: { key: 'key' } },
    { field: 'report', operationId: 'getSegmentReport', bind: { key: 'key' } },
    { field: 'runs', operationId: 'listRuns', bind: { segment: 'key' } },
    { field: 'impact', operationId: 'getImpact', bind: { key: 'key' } },
    { field: 'versionsDiff', operationId: 'diffVersion', bind: { key: 'key' } },
  ],
  Group: [{ field: 'versions', operationId: 'listGroupVersions', bind: { key: 'key' } }],
};

/** The fields of a segment for which its key is enough. */
export const OF_SEGMENT_KEY: ReadonlySet<string> = new Set(['key', ...(NESTED['Segment'] ?? []).map(({ field }) => field)]);

interface PastRow {
  readonly position: number | null;
  readonly at: string;
}

/** For lists whose pages do not come from `page`: the place after a row. */
export const CURSORS: Readonly<Record<string, (page: PageAnswer) => (item: never, index: number) => string>> = {
  listChanges: () => (change: { readonly id: string }) => encodeCursor('changes', [change.id]),
  getCustomerHistory: historyCursors,
  getSegmentHistory: historyCursors,
};

/** A row that changed nothing has no position of its own: it comes after its own time and after the change before it. */
function historyCursors({ data }: PageAnswer) {
  const rows = data as readonly PastRow[];
  const newest = String(2n ** 63n - 1n);
  const places: string[] = [];
  for (const { position } of rows) places.push(position === null ? (places.at(-1) ?? newest) : String(position));
  return (row: PastRow, index: number) => encodeCursor('history', [places[index] ?? newest, String(Date.parse(row.at))]);
}
