// In charge of how segments, versions and runs look on the wire, and of turning the stages' forms into it.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import type { Run } from '../../segments/runs.ts';
import type { Segment, SegmentVersion } from '../../segments/segments.ts';
import { Count, Instant, InstantInput, instant, instantOrNull, SegmentKey, storableText } from './wire.ts';

const RunStatusSchema = z.enum(['queued', 'running', 'done', 'failed', 'cancelled', 'superseded']);

export const RunSchema = z
  .strictObject({
    id: z.string(),
    segment: SegmentKey,
    version: z.int(),
    cause: z.enum(['definition', 'refresh', 'time', 'repair']),
    status: RunStatusSchema,
    done: Count.meta({ description: 'Customers evaluated; right for them already' }),
    total: Count.meta({ description: 'Customers in all' }),
    changes: Count.meta({ description: 'Memberships changed so far' }),
    secondsLeft: z.number().nullable().meta({ description: 'Estimate at the pace so far; null: not running' }),
    failure: z.string().nullable(),
    queuedAt: Instant,
    startedAt: Instant.nullable(),
    finishedAt: Instant.nullable(),
  })
  .meta({ id: 'Run', description: 'A full evaluation of one segment' });

/** `nowMs` is for the estimate only. */
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
    secondsLeft: secondsLeft(run, nowMs),
    failure: run.failure,
    queuedAt: instant(run.queuedAtMs),
    startedAt: instantOrNull(run.startedAtMs),
    finishedAt: instantOrNull(run.finishedAtMs),
  };
}

function secondsLeft(run: Run, nowMs: number): number | null {
  if (run.status !== 'running' || run.startedAtMs === null || run.done === 0) return null;
  const perCustomerMs = Math.max(0, nowMs - run.startedAtMs) / run.done;
  return Math.round((Math.max(0, run.total - run.done) * perCustomerMs) / 100) / 10;
}

export const SegmentSchema = z
  .strictObject({
    key: SegmentKey,
    name: z.string(),
    description: z.string().nullable(),
    icon: z.string().nullable(),
    color: z.string().nullable(),
    kind: z.enum(['rule', 'manual']),
    status: z.enum(['draft', 'building', 'active', 'paused', 'failed', 'archived']),
    failure: z.string().nullable().meta({ description: 'Why the status is `failed`; the last members stay' }),
    memberCount: Count,
    version: z.int().nullable().meta({ description: 'Number of the published version' }),
    draft: z.int().nullable().meta({ description: 'Number of the newest version, where it is newer than the published one' }),
    evaluatedAt: Instant.nullable(),
    reviewAt: Instant.nullable(),
    createdAt: Instant,
    updatedAt: Instant,
    run: z
      .strictObject({ id: z.string(), status: RunStatusSchema, done: Count, total: Count })
      .nullable()
      .meta({ description: 'The newest run' }),
  })
  .meta({ id: 'Segment' });

export function segmentOut(segment: Segment): z.input<typeof SegmentSchema> {
  return {
    key: segment.key,
    name: segment.name,
    description: segment.description,
    icon: segment.icon,
    color: segment.color,
    kind: segment.kind,
    status: segment.status,
    failure: segment.failure,
    memberCount: segment.memberCount,
    version: segment.version,
    draft: segment.draft,
    evaluatedAt: instantOrNull(segment.evaluatedAtMs),
    reviewAt: instantOrNull(segment.reviewAtMs),
    createdAt: instant(segment.createdAtMs),
    updatedAt: instant(segment.updatedAtMs),
    run: segment.run,
  };
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

/** A hash of what its owners edit. Counts and progress are left out: they move with every order, and an edit would never get through. */
export function segmentTag(segment: Segment): string {
  const { key, name, description, icon, color, reviewAtMs, kind, version, draft } = segment;
  const edited = JSON.stringify([key, name, description, icon, color, reviewAtMs, kind, version, draft]);
  return `"${createHash('sha256').update(edited).digest('base64url').slice(0, 22)}"`;
}

/** The condition that If-Match puts on an edit; without the header, none. Throws `version_conflict`. */
export function expectTag(ifMatch: string | undefined): (segment: Segment) => void {
  if (ifMatch === undefined) return () => {};
  const accepted = ifMatch.split(',').map((tag) => tag.trim());
  return (segment) => {
    if (accepted.includes('*') || accepted.includes(segmentTag(segment))) return;
    throw new AppError('version_conflict', `Segment “${segment.key}” has changed since you read it; read it again.`);
  };
}
