// In charge of the routes of segments and their versions. Comparing and publishing them is lifecycle.ts, members are members.ts.
import { z } from 'zod';
import { requireSegments } from '../../access/caller.ts';
import { AppError } from '../../errors.ts';
import { createSegment } from '../../segments/create-segment.ts';
import { refreshSegment } from '../../segments/lifecycle.ts';
import { getRun } from '../../segments/runs.ts';
import { getSegment, listSegments, type SegmentEdit, updateSegment } from '../../segments/segments.ts';
import { addPublishedVersion, addVersion, getVersion, listVersions, publishVersion } from '../../segments/versions.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import { requireRule } from './personal.ts';
import { type Route, route } from './route.ts';
import { withRuleOfBody } from './rule-place.ts';
import {
  expectSegment,
  RunSchema,
  runOut,
  SegmentInput,
  SegmentPatch,
  SegmentSchema,
  segmentOut,
  segmentTag,
  VersionInput,
  VersionSchema,
  versionOut,
} from './segment-schemas.ts';
import { integerParameter, listOf, Page, SegmentPath } from './wire.ts';

export const VersionPath = SegmentPath.extend({ number: integerParameter(1, 999_999_999) });
export const Queued = z.strictObject({ run: RunSchema });

export const segmentRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/segments',
    operationId: 'createSegment',
    tag: 'segments',
    scope: 'segments:write',
    summary: 'Define a segment; with `publish`, build it at once',
    description: 'The status is `building` until its first run ends. A manual segment has no rule and takes members by hand at once.',
    body: { kind: 'schema', schema: SegmentInput },
    answers: { 201: SegmentSchema },
    refusals: ['already_exists', 'invalid_rule'],
    handle: async ({ strata, caller, body, reply }) => {
      requireSegments(caller, [body.key]);
      requireRule(caller, body.rule);
      const { kind, rule, ...rest } = body;
      if (kind === 'manual' && rule !== undefined)
        throw refusal('/rule', 'not_available', 'A manual segment has no rule; its members are added by hand.');
      if (kind === 'rule' && rule === undefined) throw refusal('/rule', 'missing_field', 'A segment of kind `rule` needs a rule.');
      const { segment } = await withRuleOfBody(() =>
        createSegment(strata.database, strata.clock, { ...withoutUndefined(rest), kind, rule, author: caller.actor }),
      );
      if (segment.status === 'building') strata.runsWaiting.ring();
      reply.header('etag', segmentTag(segment)).header('location', `/v1/segments/${segment.key}`);
      return segmentOut(segment);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/segments',
    operationId: 'listSegments',
    tag: 'segments',
    scope: 'segments:read',
    summary: 'All segments, in order of key',
    query: z.strictObject(Page),
    fresh: 'write',
    answers: { 200: listOf(SegmentSchema) },
    refusals: ['invalid_cursor'],
    handle: async ({ strata, caller, query }) => {
      const [afterKey] = decodeCursor('segments', query.after, ['text']) ?? [];
      const keys = caller.segments === null ? {} : { keys: [...caller.segments] };
      const rows = await listSegments(strata.database, {
        ...(afterKey === undefined ? {} : { afterKey }),
        ...keys,
        limit: query.limit + 1,
      });
      return page(rows, query.limit, segmentOut, (last) => encodeCursor('segments', [last.key]));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/segments/:key',
    operationId: 'getSegment',
    tag: 'segments',
    scope: 'segments:read',
    summary: 'One segment',
    description: 'The ETag stands for what its owners edit (name, rule, version), not for counts and progress: use it in If-Match.',
    params: SegmentPath,
    fresh: 'write',
    answers: { 200: SegmentSchema },
    refusals: ['not_found'],
    handle: async ({ strata, params, reply }) => {
      const segment = await getSegment(strata.database, params.key);
      reply.header('etag', segmentTag(segment));
      return segmentOut(segment);
    },
  }),
  route({
    method: 'PATCH',
    path: '/v1/segments/:key',
    operationId: 'updateSegment',
    tag: 'segments',
    scope: 'segments:write',
    summary: 'Change name, description, icon, color or reviewAt; no new version',
    params: SegmentPath,
    body: { kind: 'schema', schema: SegmentPatch },
    elsewhere: {
      rule: 'A new rule is a new version: POST /v1/segments/{key}/versions.',
      status: 'POST …/pause, POST …/resume, and DELETE to archive it.',
      key: 'A key never changes: another key is another segment.',
    },
    etag: 'edit',
    answers: { 200: SegmentSchema },
    refusals: ['not_found'],
    handle: async ({ strata, params, body, request, reply }) => {
      const { reviewAt, ...rest } = withoutUndefined(body);
      const edit: SegmentEdit = {
        ...rest,
        ...(reviewAt === undefined ? {} : { reviewAtMs: reviewAt === null ? null : Date.parse(reviewAt) }),
      };
      const segment = await updateSegment(strata.database, strata.clock, params.key, edit, expectSegment(request.headers['if-match']));
      reply.header('etag', segmentTag(segment));
      return segmentOut(segment);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/segments/:key/refresh',
    operationId: 'refreshSegment',
    tag: 'segments',
    scope: 'segments:write',
    summary: 'Evaluate every customer again',
    params: SegmentPath,
    answers: { 202: Queued },
    refusals: ['not_found', 'conflict'],
    handle: async ({ strata, params }) => {
      const runId = await refreshSegment(strata.database, strata.clock, params.key);
      strata.runsWaiting.ring();
      return { run: runOut(await getRun(strata.database, runId), strata.clock.nowMs()) };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/segments/:key/versions',
    operationId: 'addVersion',
    tag: 'segments',
    scope: 'segments:write',
    summary: 'Add a version of the rule; with `publish`, put it in force',
    params: SegmentPath,
    body: { kind: 'schema', schema: VersionInput },
    etag: 'edit',
    answers: { 201: VersionSchema },
    refusals: ['not_found', 'invalid_rule', 'conflict'],
    handle: async ({ strata, caller, params, body, request, reply }) => {
      requireRule(caller, body.rule);
      const { database, clock } = strata;
      const expected = expectSegment(request.headers['if-match']);
      const version = { rule: body.rule, note: body.note ?? null, author: caller.actor };
      const number = await withRuleOfBody(async () => {
        if (!body.publish) return addVersion(database, clock, params.key, version, expected);
        return (await addPublishedVersion(database, clock, params.key, version, expected)).version;
      });
      if (body.publish) strata.runsWaiting.ring();
      reply.header('etag', segmentTag(await getSegment(database, params.key)));
      reply.header('location', `/v1/segments/${params.key}/versions/${number}`);
      return versionOut(await getVersion(database, params.key, number));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/segments/:key/versions',
    operationId: 'listVersions',
    tag: 'segments',
    scope: 'segments:read',
    summary: 'All versions, newest first',
    params: SegmentPath,
    query: z.strictObject(Page),
    fresh: 'write',
    answers: { 200: listOf(VersionSchema) },
    refusals: ['not_found', 'invalid_cursor'],
    handle: async ({ strata, params, query }) => {
      const [before] = decodeCursor('versions', query.after, ['number']) ?? [];
      const range = { ...(before === undefined ? {} : { beforeNumber: Number(before) }), limit: query.limit + 1 };
      const rows = await listVersions(strata.database, params.key, range);
      return page(rows, query.limit, versionOut, (last) => encodeCursor('versions', [last.number]));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/segments/:key/versions/:number',
    operationId: 'getVersion',
    tag: 'segments',
    scope: 'segments:read',
    summary: 'One version',
    params: VersionPath,
    fresh: 'write',
    answers: { 200: VersionSchema },
    refusals: ['not_found'],
    handle: async ({ strata, params }) => versionOut(await getVersion(strata.database, params.key, params.number)),
  }),
  route({
    method: 'POST',
    path: '/v1/segments/:key/versions/:number/publish',
    operationId: 'publishVersion',
    tag: 'segments',
    scope: 'segments:write',
    summary: 'Put a version in force, an old one too (roll back)',
    description:
      'An archived segment comes back by it. From the answer on every write is judged by this version; the run brings everybody else under it.',
    params: VersionPath,
    etag: 'edit',
    answers: { 202: Queued },
    refusals: ['not_found', 'invalid_rule', 'conflict'],
    handle: async ({ strata, params, request, reply }) => {
      const { database, clock } = strata;
      const { runId } = await publishVersion(database, clock, params.key, params.number, expectSegment(request.headers['if-match']));
      strata.runsWaiting.ring();
      reply.header('etag', segmentTag(await getSegment(database, params.key)));
      return { run: runOut(await getRun(database, runId), clock.nowMs()) };
    },
  }),
];

function refusal(pointer: string, code: string, detail: string): AppError {
  return new AppError('invalid_fields', detail, { errors: [{ pointer, code, detail }] });
}

type Given<Fields> = { [Name in keyof Fields]: Exclude<Fields[Name], undefined> };

/** Optional fields that were not sent have no key, as exact optional types want it. */
function withoutUndefined<Fields extends object>(fields: Fields): Given<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<Fields>;
}
