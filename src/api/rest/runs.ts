// In charge of the routes of runs: the progress of full evaluations.
import { z } from 'zod';
import { allowsSegment, type Caller, requireSegments } from '../../access/caller.ts';
import { AppError } from '../../errors.ts';
import { cancelRun } from '../../segments/lifecycle.ts';
import { getRun, listRuns, type Run } from '../../segments/runs.ts';
import type { Strata } from '../../strata.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import { type Route, route } from './route.ts';
import { RunSchema, runOut } from './segment-schemas.ts';
import { listOf, Page, SegmentKey } from './wire.ts';

const RunPath = z.strictObject({ runId: z.string().regex(/^[1-9]\d{0,17}$/, 'the id of a run is a number') });

export const runRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/runs',
    operationId: 'listRuns',
    tag: 'runs',
    scope: 'segments:read',
    summary: 'Runs, newest first',
    description:
      'A run is kept for 90 days after its end at least, and the last hundred of each segment for ever; so are those that brought about its versions.',
    query: z.strictObject({ ...Page, segment: SegmentKey.optional() }),
    fresh: 'write',
    answers: { 200: listOf(RunSchema) },
    refusals: ['invalid_cursor'],
    handle: async ({ strata, caller, query }) => {
      const [beforeId] = decodeCursor('runs', query.after, ['integer']) ?? [];
      const { segment } = query;
      if (segment !== undefined) requireSegments(caller, [segment]);
      const segments = segment !== undefined ? [segment] : caller.segments === null ? undefined : [...caller.segments];
      const filter = { ...(beforeId === undefined ? {} : { beforeId }), ...(segments === undefined ? {} : { segments }) };
      const rows = await listRuns(strata.database, { ...filter, limit: query.limit + 1 });
      const nowMs = strata.clock.nowMs();
      return page(
        rows,
        query.limit,
        (run) => runOut(run, nowMs),
        (last) => encodeCursor('runs', [last.id]),
      );
    },
  }),
  route({
    method: 'GET',
    path: '/v1/runs/:runId',
    operationId: 'getRun',
    tag: 'runs',
    scope: 'segments:read',
    summary: 'One run and its progress',
    params: RunPath,
    fresh: 'write',
    answers: { 200: RunSchema },
    refusals: ['not_found'],
    handle: async ({ strata, caller, params }) => runOut(await runFor(strata, caller, params.runId), strata.clock.nowMs()),
  }),
  route({
    method: 'POST',
    path: '/v1/runs/:runId/cancel',
    operationId: 'cancelRun',
    tag: 'runs',
    scope: 'segments:write',
    summary: 'Stop a run; what it has changed stays',
    description:
      'Where the segment cannot be right without the end of its run (it is building or archiving, or the clock has flipped it), it is `paused` by this: its members stand still until it is resumed or another version, such as the one before, is published. Then `in_use` is answered while another live segment names it.',
    params: RunPath,
    answers: { 200: RunSchema },
    refusals: ['not_found', 'conflict', 'in_use'],
    handle: async ({ strata, caller, params }) => {
      await runFor(strata, caller, params.runId);
      return runOut(await cancelRun(strata.database, strata.clock, params.runId), strata.clock.nowMs());
    },
  }),
];

/** Throws `not_found`, also for the run of a segment that the caller may not see: a run's number does not say which segment it belongs to. */
async function runFor(strata: Strata, caller: Caller, id: string): Promise<Run> {
  const run = await getRun(strata.database, id);
  if (!allowsSegment(caller, run.segment)) throw new AppError('not_found', `There is no run ${id}, or it is no longer kept.`);
  return run;
}
