// In charge of the routes of a segment's life: what publishing a version would change, pause, resume, archive.
import { z } from 'zod';
import { onlyAllowed } from '../../access/caller.ts';
import { findImpact } from '../../evaluation/impact.ts';
import { diffVersions } from '../../segments/diff-versions.ts';
import { archiveSegment, pauseSegment, resumeSegment } from '../../segments/lifecycle.ts';
import { getRun } from '../../segments/runs.ts';
import { getSegment } from '../../segments/segments.ts';
import { countDeliveries } from '../../webhooks/count-deliveries.ts';
import { requireRule } from './personal.ts';
import { type Route, route } from './route.ts';
import { withRuleOfBody } from './rule-place.ts';
import { refuseFailure, sampleFor } from './rules.ts';
import {
  expectSegment,
  ImpactSchema,
  impactOut,
  RuleInput,
  RulesDiffSchema,
  RunSchema,
  rulesDiffOut,
  runOut,
  SegmentSchema,
  segmentOut,
  segmentTag,
} from './segment-schemas.ts';
import { Queued, VersionPath } from './segments.ts';
import { integerParameter, SegmentPath } from './wire.ts';

const MAX_SAMPLE = 1000;
const Against = integerParameter(1, 999_999_999).optional().meta({ description: 'Compare with this version instead' });

const Archived = z.strictObject({ segment: SegmentSchema, run: RunSchema.nullable() });

export const lifecycleRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/segments/:key/versions/:number/diff',
    operationId: 'diffVersion',
    tag: 'segments',
    scope: 'segments:read',
    summary: 'Which conditions it adds, removes, changes',
    description: 'Compared with the published version, or with `against`.',
    params: VersionPath,
    query: z.strictObject({ against: Against }),
    fresh: 'write',
    answers: { 200: RulesDiffSchema },
    refusals: ['not_found'],
    handle: async ({ strata, params, query }) =>
      rulesDiffOut(await diffVersions(strata.database, params.key, params.number, query.against)),
  }),
  route({
    method: 'GET',
    path: '/v1/segments/:key/versions/:number/impact',
    operationId: 'getImpact',
    heavy: true,
    tag: 'segments',
    scope: 'segments:read',
    summary: 'Who would enter and leave if it were published now',
    description:
      'Compared with the members there are, or with what version `against` would give now; the segments that name it follow. Nothing is stored.',
    params: VersionPath,
    query: z.strictObject({
      against: Against,
      sample: integerParameter(0, MAX_SAMPLE)
        .optional()
        .meta({ description: 'Customers in each sample: 10 unless said; 0 for a key without `members:read`' }),
    }),
    fresh: 'write',
    answers: { 200: ImpactSchema },
    refusals: ['not_found', 'invalid_rule', 'rule_failed'],
    handle: async ({ strata, caller, params, query, signal }) => {
      const sample = sampleFor(caller, query.sample);
      const { database, clock, timeZone, programs } = strata;
      const asking = { database, clock, timeZone, limits: programs.get().limits };
      const { against } = query;
      const { key, number } = params;
      const request = { key, wanted: { number }, sample, ...(against === undefined ? {} : { against }) };
      const impact = await findImpact(asking, request, signal()).catch(refuseFailure);
      const dependents = onlyAllowed(caller, impact.dependents, ({ key }) => key);
      return impactOut({ ...impact, dependents }, await countDeliveries(database, impact));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/segments/:key/impact',
    operationId: 'getRuleImpact',
    heavy: true,
    readsOnly: true,
    tag: 'segments',
    scope: 'segments:read',
    summary: 'Who would enter and leave if this rule took the place of the published one',
    description: 'As of a version, for a rule that is stored nowhere yet: what a plan or an editor asks. Nothing is stored.',
    params: SegmentPath,
    body: {
      kind: 'schema',
      schema: z
        .strictObject({
          rule: RuleInput,
          sample: z
            .int()
            .min(0)
            .max(MAX_SAMPLE)
            .optional()
            .meta({ description: 'Customers in each sample: 10 unless said; 0 for a key without `members:read`' }),
        })
        .meta({ id: 'RuleImpact' }),
    },
    answers: { 200: ImpactSchema },
    refusals: ['not_found', 'invalid_rule', 'rule_failed'],
    handle: async ({ strata, caller, params, body, signal }) => {
      requireRule(caller, body.rule);
      const sample = sampleFor(caller, body.sample);
      const { database, clock, timeZone, programs } = strata;
      const asking = { database, clock, timeZone, limits: programs.get().limits };
      const request = { key: params.key, wanted: { rule: body.rule }, sample };
      const impact = await withRuleOfBody(() => findImpact(asking, request, signal())).catch(refuseFailure);
      const dependents = onlyAllowed(caller, impact.dependents, (each) => each.key);
      return impactOut({ ...impact, dependents }, await countDeliveries(database, impact));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/segments/:key/pause',
    operationId: 'pauseSegment',
    tag: 'segments',
    scope: 'segments:write',
    summary: 'Keep its members as they are, evaluate nobody any more',
    description: 'Refused while the rule of another live segment names it; the answer lists them. An open run is cancelled.',
    params: SegmentPath,
    etag: 'edit',
    answers: { 200: SegmentSchema },
    refusals: ['not_found', 'in_use', 'conflict'],
    handle: async ({ strata, params, request, reply }) => {
      const segment = await pauseSegment(strata.database, strata.clock, params.key, expectSegment(request.headers['if-match']));
      reply.header('etag', segmentTag(segment));
      return segmentOut(segment);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/segments/:key/resume',
    operationId: 'resumeSegment',
    tag: 'segments',
    scope: 'segments:write',
    summary: 'Evaluate a paused segment again, or try a failed one at once',
    description: 'The rule is checked again first. While it is building already, its open run is the answer.',
    params: SegmentPath,
    etag: 'edit',
    answers: { 202: Queued },
    refusals: ['not_found', 'invalid_rule', 'conflict'],
    handle: async ({ strata, params, request, reply }) => {
      const { database, clock } = strata;
      const runId = await resumeSegment(database, clock, params.key, expectSegment(request.headers['if-match']));
      strata.runsWaiting.ring();
      reply.header('etag', segmentTag(await getSegment(database, params.key)));
      return { run: runOut(await getRun(database, runId), clock.nowMs()) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/segments/:key',
    operationId: 'archiveSegment',
    tag: 'segments',
    scope: 'segments:write',
    summary: 'Archive it: its members leave, its key stays taken',
    description:
      'Refused while the rule of another live segment names it; the answer lists them. Members leave in a run, with cause `archive`; `run` is null where there are none. Versions and history can still be read, and publishing a version brings it back.',
    params: SegmentPath,
    etag: 'edit',
    answers: { 202: Archived },
    refusals: ['not_found', 'in_use'],
    handle: async ({ strata, params, request, reply }) => {
      const { database, clock } = strata;
      const { segment, runId } = await archiveSegment(database, clock, params.key, expectSegment(request.headers['if-match']));
      strata.runsWaiting.ring();
      reply.header('etag', segmentTag(segment));
      return { segment: segmentOut(segment), run: runId === null ? null : runOut(await getRun(database, runId), clock.nowMs()) };
    },
  }),
];
