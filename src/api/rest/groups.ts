// In charge of the routes of groups: segments that exclude each other.
import { z } from 'zod';
import { allowsSegment, type Caller, onlyAllowed, requireSegments } from '../../access/caller.ts';
import { AppError } from '../../errors.ts';
import { changeGroup, createGroup, deleteGroup, type Group, getGroup, listGroups, listGroupVersions } from '../../segments/groups.ts';
import type { Strata } from '../../strata.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import { expectTag, tagOver } from './etag.ts';
import { type Route, route } from './route.ts';
import { Instant, instant, listOf, Page, SegmentKey, storableText } from './wire.ts';

const SEGMENTS_MAX = 100;

const GroupKey = SegmentKey.meta({ description: 'Key of a group' });
const GroupPath = z.strictObject({ key: GroupKey });
const content = {
  name: storableText(200),
  segments: z.array(SegmentKey).min(1).max(SEGMENTS_MAX).meta({ description: 'In order: a customer is in the first that holds' }),
  otherwise: SegmentKey.nullish().meta({ description: 'Takes whoever none of them holds for; one of them or another segment' }),
};
const GroupInput = z.strictObject({ key: GroupKey, ...content }).meta({ id: 'GroupInput' });
const GroupContentInput = z.strictObject(content).meta({ id: 'GroupContent' });

const GroupSchema = z
  .strictObject({
    key: GroupKey,
    name: z.string(),
    segments: z.array(SegmentKey),
    otherwise: SegmentKey.nullable(),
    version: z.int(),
    status: z.enum(['building', 'active']).meta({ description: 'building: not everybody is in at most one of them yet' }),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'Group' });

const GroupVersionSchema = z
  .strictObject({
    number: z.int(),
    segments: z.array(SegmentKey),
    otherwise: SegmentKey.nullable(),
    author: z.string().nullable(),
    createdAt: Instant,
  })
  .meta({ id: 'GroupVersion' });

const DeletedSchema = z.strictObject({ key: GroupKey, segments: z.array(SegmentKey) }).meta({ id: 'GroupDeleted' });

export const groupRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/groups',
    operationId: 'createGroup',
    tag: 'groups',
    scope: 'segments:write',
    summary: 'Let segments exclude each other',
    description:
      'A customer is in at most one of them: where somebody is pinned in, there; else in the first whose rule holds; else in `otherwise`. The status is `building` until everybody has been looked at.',
    body: { kind: 'schema', schema: GroupInput },
    answers: { 201: GroupSchema },
    refusals: ['already_exists', 'in_use', 'conflict'],
    handle: async ({ strata, caller, body, reply }) => {
      const { key, name, segments, otherwise } = body;
      requireSegments(caller, segmentsIn({ segments, otherwise: otherwise ?? null }));
      const group = await createGroup(strata.database, strata.clock, key, { name, segments, otherwise: otherwise ?? null }, caller.actor);
      strata.runsWaiting.ring();
      reply.header('etag', groupTag(group)).header('location', `/v1/groups/${key}`);
      return groupOut(group, caller);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/groups',
    operationId: 'listGroups',
    tag: 'groups',
    scope: 'segments:read',
    summary: 'All groups, in order of key',
    query: z.strictObject(Page),
    fresh: 'write',
    answers: { 200: listOf(GroupSchema) },
    refusals: ['invalid_cursor'],
    handle: async ({ strata, caller, query }) => {
      const [afterKey] = decodeCursor('groups', query.after, ['text']) ?? [];
      const segments = caller.segments === null ? {} : { segments: [...caller.segments] };
      const rows = await listGroups(strata.database, {
        ...(afterKey === undefined ? {} : { afterKey }),
        ...segments,
        limit: query.limit + 1,
      });
      const toGroup = (group: Group) => groupOut(group, caller);
      return page(rows, query.limit, toGroup, (last) => encodeCursor('groups', [last.key]));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/groups/:key',
    operationId: 'getGroup',
    tag: 'groups',
    scope: 'segments:read',
    summary: 'One group',
    params: GroupPath,
    fresh: 'write',
    answers: { 200: GroupSchema },
    refusals: ['not_found'],
    handle: async ({ strata, caller, params, reply }) => {
      const group = await groupFor(strata, caller, params.key);
      reply.header('etag', groupTag(group));
      return groupOut(group, caller);
    },
  }),
  route({
    method: 'PUT',
    path: '/v1/groups/:key',
    operationId: 'changeGroup',
    tag: 'groups',
    scope: 'segments:write',
    summary: 'Change name, order or segments',
    description: 'Another order is a new version, and everybody is looked at again; another name alone is not.',
    params: GroupPath,
    body: { kind: 'schema', schema: GroupContentInput },
    etag: 'edit',
    answers: { 200: GroupSchema },
    refusals: ['not_found', 'in_use', 'conflict'],
    handle: async ({ strata, caller, params, body, request, reply }) => {
      const { name, segments, otherwise } = body;
      await requireWholeGroup(strata, caller, params.key);
      requireSegments(caller, segmentsIn({ segments, otherwise: otherwise ?? null }));
      const expected = expectGroup(request.headers['if-match']);
      const changed = { name, segments, otherwise: otherwise ?? null };
      const group = await changeGroup(strata.database, strata.clock, params.key, changed, caller.actor, expected);
      strata.runsWaiting.ring();
      reply.header('etag', groupTag(group));
      return groupOut(group, caller);
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/groups/:key',
    operationId: 'deleteGroup',
    tag: 'groups',
    scope: 'segments:write',
    summary: 'Let its segments be for themselves again',
    params: GroupPath,
    etag: 'edit',
    answers: { 200: DeletedSchema },
    refusals: ['not_found'],
    handle: async ({ strata, caller, params, request }) => {
      await requireWholeGroup(strata, caller, params.key);
      const { segments } = await getGroup(strata.database, params.key);
      await deleteGroup(strata.database, strata.clock, params.key, expectGroup(request.headers['if-match']));
      strata.runsWaiting.ring();
      return { key: params.key, segments };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/groups/:key/versions',
    operationId: 'listGroupVersions',
    tag: 'groups',
    scope: 'segments:read',
    summary: 'How the group was before, newest first',
    params: GroupPath,
    query: z.strictObject(Page),
    fresh: 'write',
    answers: { 200: listOf(GroupVersionSchema) },
    refusals: ['not_found', 'invalid_cursor'],
    handle: async ({ strata, caller, params, query }) => {
      const [before] = decodeCursor('group-versions', query.after, ['number']) ?? [];
      await groupFor(strata, caller, params.key);
      const range = { ...(before === undefined ? {} : { beforeNumber: Number(before) }), limit: query.limit + 1 };
      const rows = await listGroupVersions(strata.database, params.key, range);
      return page(
        rows,
        query.limit,
        ({ createdAtMs, ...version }) => ({ ...version, ...segmentsFor(caller, version), createdAt: instant(createdAtMs) }),
        (last) => encodeCursor('group-versions', [last.number]),
      );
    },
  }),
];

export function groupOut(group: Group, caller: Caller): z.input<typeof GroupSchema> {
  const { key, name, version, status, createdAtMs, updatedAtMs } = group;
  return {
    key,
    name,
    ...segmentsFor(caller, group),
    version,
    status,
    createdAt: instant(createdAtMs),
    updatedAt: instant(updatedAtMs),
  };
}

interface InGroup {
  readonly segments: readonly string[];
  readonly otherwise: string | null;
}

function segmentsIn({ segments, otherwise }: InGroup): readonly string[] {
  return otherwise === null ? segments : [...segments, otherwise];
}

function segmentsFor(caller: Caller, { segments, otherwise }: InGroup) {
  return {
    segments: [...onlyAllowed(caller, segments, (key) => key)],
    otherwise: otherwise !== null && allowsSegment(caller, otherwise) ? otherwise : null,
  };
}

/** A caller who sees none of its segments does not see the group. */
export function seesGroup(caller: Caller, group: InGroup): boolean {
  return segmentsIn(group).some((segment) => allowsSegment(caller, segment));
}

/** Throws `not_found`, also for a group that holds none of the caller's segments. */
async function groupFor(strata: Strata, caller: Caller, key: string): Promise<Group> {
  const group = await getGroup(strata.database, key);
  if (!seesGroup(caller, group)) throw new AppError('not_found', `There is no group “${key}”.`);
  return group;
}

/** The order concerns every segment in it: whoever changes it must be allowed to see all of them. Throws `not_found`, `forbidden`. */
async function requireWholeGroup(strata: Strata, caller: Caller, key: string): Promise<void> {
  const group = await groupFor(strata, caller, key);
  if (!segmentsIn(group).every((segment) => allowsSegment(caller, segment)))
    throw new AppError('forbidden', 'This key is for named segments, and not for all of this group.');
}

/** The ETag of what its owners edit. */
export function groupTag({ key, name, version }: Group): string {
  return tagOver([key, name, version]);
}

function expectGroup(ifMatch: string | undefined): (group: Group) => void {
  return expectTag(ifMatch, 'Group', groupTag);
}
