// In charge of how segments, versions and runs look on the wire, and of turning the stages' forms into it.
import { z } from 'zod';
import { unreachable } from '../../base/assert.ts';
import type { Impact } from '../../evaluation/impact.ts';
import type { VersionsDiff } from '../../segments/diff-versions.ts';
import type { Run } from '../../segments/runs.ts';
import type { Segment } from '../../segments/segments.ts';
import type { SegmentVersion } from '../../segments/versions.ts';
import { expectTag, tagOver } from './etag.ts';
import { Count, CustomerId, Instant, InstantInput, instant, instantOrNull, SegmentKey, storableText } from './wire.ts';

const RunCauseSchema = z.enum(['definition', 'refresh', 'time', 'repair', 'archive', 'group', 'move']);
const RunStatusSchema = z.enum(['queued', 'running', 'done', 'failed', 'cancelled', 'superseded']);

export const RunSchema = z
  .strictObject({
    id: z.string(),
    segment: SegmentKey,
    version: z.int(),
    cause: RunCauseSchema,
    status: RunStatusSchema,
    done: Count.meta({ description: 'Customers evaluated; right for them already' }),
    total: Count.meta({ description: 'Customers in all, of an archive its members; an estimate until the end' }),
    changes: Count.meta({ description: 'Memberships changed so far' }),
    rate: z
      .number()
      .nullable()
      .meta({ description: 'Customers a second: since it began or went on after an interruption; null: nothing to tell from yet' }),
    secondsLeft: z.number().nullable().meta({ description: 'Estimate at that rate; null: not running' }),
    failure: z.string().nullable(),
    queuedAt: Instant,
    startedAt: Instant.nullable(),
    finishedAt: Instant.nullable(),
  })
  .meta({ id: 'Run', description: 'A full evaluation of one segment, or (cause `archive`) the leaving of its members' });

/** `nowMs` is only for the estimate. */
export function runOut(run: Run, nowMs: number): z.input<typeof RunSchema> {
  return {
    id: run.id,
    segment: run.segment,
    version: run.version,
    cause: run.cause,
    status: run.status,
    done: run.done,
    total: run.total,
    changes: run.changes,
    rate: rateOf(run, nowMs),
    secondsLeft: secondsLeft(run, nowMs),
    failure: run.failure,
    queuedAt: instant(run.queuedAtMs),
    startedAt: instantOrNull(run.startedAtMs),
    finishedAt: instantOrNull(run.finishedAtMs),
  };
}

function rateOf(run: Run, nowMs: number): number | null {
  const { done, resumedAtMs, resumedDone, finishedAtMs } = run;
  const elapsedMs = resumedAtMs === null ? 0 : (finishedAtMs ?? nowMs) - resumedAtMs;
  return elapsedMs <= 0 || done <= resumedDone ? null : Math.round(((done - resumedDone) / elapsedMs) * 10_000) / 10;
}

function secondsLeft(run: Run, nowMs: number): number | null {
  const rate = rateOf(run, nowMs);
  return run.status !== 'running' || rate === null || rate === 0 ? null : Math.round(((run.total - run.done) / rate) * 10) / 10;
}

export const SegmentSchema = z
  .strictObject({
    key: SegmentKey,
    name: z.string(),
    description: z.string().nullable(),
    icon: z.string().nullable(),
    color: z.string().nullable(),
    kind: z.enum(['rule', 'manual']),
    status: z.enum(['draft', 'building', 'active', 'paused', 'failed', 'archiving', 'archived']).meta({
      description:
        'building: a run brings everybody under the version, writes are already judged by it; failed: it cannot be computed, the last members stay and it is tried again; archiving: its members are leaving',
    }),
    failure: z.string().nullable().meta({ description: 'Why the status is `failed`' }),
    retryAt: Instant.nullable().meta({
      description: 'When a failed one is tried again by itself: after a minute, doubled each time, an hour at most',
    }),
    memberCount: Count,
    version: z.int().nullable().meta({ description: 'Number of the published version' }),
    draft: z
      .int()
      .nullable()
      .meta({ description: 'Number of the newest version that was never published, where it is newer than the published one' }),
    evaluatedAt: Instant.nullable(),
    reviewAt: Instant.nullable(),
    createdAt: Instant,
    updatedAt: Instant,
    run: z
      .strictObject({ id: z.string(), cause: RunCauseSchema, status: RunStatusSchema, done: Count, total: Count })
      .nullable()
      .meta({ description: 'The newest run' }),
  })
  .meta({ id: 'Segment' });

/** GraphQL shows the tag of every segment; REST sends it with one. */
const tagged = new WeakMap<object, Segment>();

export function segmentOut(segment: Segment): z.input<typeof SegmentSchema> {
  const answer: z.input<typeof SegmentSchema> = {
    key: segment.key,
    name: segment.name,
    description: segment.description,
    icon: segment.icon,
    color: segment.color,
    kind: segment.kind,
    status: segment.status,
    failure: segment.failure,
    retryAt: instantOrNull(segment.retryAtMs),
    memberCount: segment.memberCount,
    version: segment.version,
    draft: segment.draft,
    evaluatedAt: instantOrNull(segment.evaluatedAtMs),
    reviewAt: instantOrNull(segment.reviewAtMs),
    createdAt: instant(segment.createdAtMs),
    updatedAt: instant(segment.updatedAtMs),
    run: segment.run,
  };
  tagged.set(answer, segment);
  return answer;
}

/** The tag of an answer that `segmentOut` made. */
export function tagOf(answer: object): string {
  const segment = tagged.get(answer);
  if (segment === undefined) throw new Error('this is no segment that was made here');
  return segmentTag(segment);
}

export const RuleInput = z.union([z.string(), z.looseObject({})], { error: 'a rule is text or an object, its JSON form' }).meta({
  id: 'Rule',
  description: 'A rule as text, or in its JSON form (`GET /v1/rules/schema`)',
  examples: ['count(orders in the last 30 days) >= 2'],
});

export const SegmentInput = z
  .strictObject({
    key: SegmentKey,
    name: storableText(200),
    description: storableText(4000).nullish(),
    icon: storableText(64).nullish(),
    color: storableText(64).nullish(),
    kind: z.enum(['rule', 'manual']),
    rule: RuleInput.optional(),
    publish: z.boolean().default(false),
  })
  .meta({ id: 'SegmentInput' });

export const SegmentPatch = z
  .strictObject({
    name: storableText(200).optional(),
    description: storableText(4000).nullish(),
    icon: storableText(64).nullish(),
    color: storableText(64).nullish(),
    reviewAt: InstantInput.nullish(),
  })
  .meta({ id: 'SegmentPatch' });

export const VersionSchema = z
  .strictObject({
    number: z.int(),
    text: z.string(),
    json: z.looseObject({}).meta({ description: 'Canonical JSON form' }),
    note: z.string().nullable(),
    author: z.string().nullable(),
    createdAt: Instant,
    publishedAt: Instant.nullable(),
  })
  .meta({ id: 'SegmentVersion', description: 'Numbered from 1, never changed' });

export const VersionInput = z
  .strictObject({ rule: RuleInput, note: storableText(4000).nullish(), publish: z.boolean().default(false) })
  .meta({ id: 'SegmentVersionInput' });

export function versionOut(version: SegmentVersion): object {
  return {
    number: version.number,
    text: version.text,
    json: version.json,
    note: version.note,
    author: version.author,
    createdAt: instant(version.createdAtMs),
    publishedAt: instantOrNull(version.publishedAtMs),
  };
}

const Text = z.strictObject({ text: z.string() });

export const RulesDiffSchema = z
  .strictObject({
    against: z.int().nullable().meta({ description: 'The version compared with; null: none was published yet' }),
    added: z.array(Text),
    removed: z.array(Text),
    changed: z
      .array(z.strictObject({ before: z.string(), after: z.string() }))
      .meta({ description: 'The same thing asked otherwise: another value, window or filter' }),
  })
  .meta({ id: 'RulesDiff', description: 'Conditions are compared as they print: spelling, order and brackets make no difference' });

export function rulesDiffOut({ against, diff }: VersionsDiff): z.input<typeof RulesDiffSchema> {
  return { against, added: [...diff.added], removed: [...diff.removed], changed: [...diff.changed] };
}

export const ImpactSchema = z
  .strictObject({
    entering: Count,
    leaving: Count,
    staying: Count,
    sampleEntering: z.array(CustomerId).meta({ description: 'The first by id' }),
    sampleLeaving: z.array(CustomerId),
    dependents: z
      .array(z.strictObject({ key: SegmentKey, name: z.string(), entering: Count, leaving: Count }))
      .meta({ description: 'Live segments that follow, at any depth: their rules name it, or they share a group with it' }),
    changes: Count.meta({ description: 'Records of the feed that publishing would cause, of the dependents too' }),
    deliveries: Count.meta({
      description:
        'Messages to active webhooks that it would cause, by their filters and batch sizes: at least so many, for batches are not waited for',
    }),
    rulesDiff: RulesDiffSchema,
    at: Instant.meta({ description: 'The instant it was computed for' }),
  })
  .meta({ id: 'Impact' });

export function impactOut(impact: Impact, deliveries: number): z.input<typeof ImpactSchema> {
  const { entering, leaving, staying, changes, asOfMs, rulesDiff, sampleEntering, sampleLeaving, dependents } = impact;
  return {
    entering,
    leaving,
    staying,
    changes,
    deliveries,
    sampleEntering: [...sampleEntering],
    sampleLeaving: [...sampleLeaving],
    dependents: [...dependents],
    rulesDiff: rulesDiffOut(rulesDiff),
    at: instant(asOfMs),
  };
}

/** The part of the status that somebody decided; runs end and rules fail without anybody deciding so. */
function stageOf(status: Segment['status']): string {
  switch (status) {
    case 'building':
    case 'active':
    case 'failed':
      return 'published';
    case 'archiving':
    case 'archived':
      return 'archived';
    case 'draft':
    case 'paused':
      return status;
    default:
      return unreachable(status);
  }
}

/** The ETag of what its owners edit. Counts and progress are left out: they change with every order, and an edit would never get through. */
export function segmentTag(segment: Segment): string {
  const { key, name, description, icon, color, reviewAtMs, kind, version, draft } = segment;
  return tagOver([key, name, description, icon, color, reviewAtMs, kind, version, draft, stageOf(segment.status)]);
}

/** The condition that If-Match puts on an edit. Throws `version_conflict`. */
export function expectSegment(ifMatch: string | undefined): (segment: Segment) => void {
  return expectTag(ifMatch, 'Segment', segmentTag);
}
