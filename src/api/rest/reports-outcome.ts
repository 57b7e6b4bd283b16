// In charge of the route of outcomes: what became of the members of a segment, compared with others or with a hold-out.
import { z } from 'zod';
import { type Caller, onlyAllowed, requireSegments } from '../../access/caller.ts';
import { DAY_MS } from '../../base/durations.ts';
import { readKeptHistory, readPast } from '../../changes/kept-history.ts';
import { inReport, type ReportSource } from '../../reports/in-report.ts';
import { readNeighbours } from '../../reports/read-neighbours.ts';
import { type Against, type Beginning, countPeriods, MOST_PERIODS, type OutcomeQuery, readOutcome } from '../../reports/read-outcome.ts';
import { CONFIDENCES, type Confidence } from '../../reports/student-t.ts';
import { readSegmentIds } from '../../segments/read-segment-ids.ts';
import type { Strata } from '../../strata.ts';
import { figuresOut, OUTCOME_COLUMNS, OutcomeSchema, toRows } from './outcome-answer.ts';
import { reportPair } from './report-pair.ts';
import { listParameter, Statuses, wrongParameter } from './report-parameters.ts';
import type { Route } from './route.ts';
import { InstantInput, instant, integerParameter, SegmentKey, storableText } from './wire.ts';

const MOST_DAYS = 1800;
const USUAL_DAYS = 30;
const MOST_SEGMENTS = 20;
const PERIOD_DAYS = { week: 7, month: 30 } as const;
const CONFIDENCE_NAMES = Object.keys(CONFIDENCES) as [Confidence, ...Confidence[]];

const Parameters = z.strictObject({
  segment: SegmentKey,
  at: InstantInput.optional().meta({ description: 'Of those who were members at that instant; or `from` and `to`' }),
  from: InstantInput.optional().meta({ description: 'Of those who entered from that instant on' }),
  to: InstantInput.optional().meta({ description: 'and before that one' }),
  days: integerParameter(1, MOST_DAYS)
    .optional()
    .meta({ description: `For how many days of 24 hours each is observed; without it ${USUAL_DAYS}, or as many as have passed` }),
  against: z.enum(['others', 'bucket', 'segment']).default('others').meta({ description: 'With whom they are compared' }),
  salt: storableText(256).optional().meta({ description: 'Of `against=bucket`: that of the bucket' }),
  below: z
    .string()
    .regex(/^\d{1,2}(\.\d{1,2})?$/, 'is a number above 0 and below 100 with two decimals at most')
    .refine((text) => Number(text) > 0, 'is above 0')
    .optional()
    .meta({ description: 'Of `against=bucket`: members whose bucket is lower were treated, the others are the hold-out' }),
  with: SegmentKey.optional().meta({ description: 'Of `against=segment`: members of that segment who are not in this one' }),
  unit: z.enum(['week', 'month']).default('week').meta({ description: 'Of retention: 7 days or 30' }),
  confidence: z.enum(CONFIDENCE_NAMES).default('0.95'),
  statuses: Statuses,
  afterwards: listParameter(SegmentKey, MOST_SEGMENTS).meta({
    description: 'Which segments they are in at the beginning and at the end; without it those of the segment’s group, or itself',
  }),
});
type Query = z.output<typeof Parameters>;

export const outcomeRoutes: readonly Route[] = reportPair({
  name: 'outcome',
  operationId: 'getOutcome',
  exportId: 'exportOutcome',
  summary: 'What came of the members of a segment, beside others or a hold-out',
  description:
    'Of those who were members at an instant, or entered in a period: who ordered, ordered again, came back, what they brought, and where they went; each beside those they are compared with, with a confidence interval. Each figure is defined in docs/reports.md.',
  query: Parameters,
  answer: OutcomeSchema,
  refusals: ['not_found', 'history_trimmed'],
  read: async ({ strata, reads, caller, query }) => {
    const named = [query.segment, ...(query.with === undefined ? [] : [query.with]), ...(query.afterwards ?? [])];
    requireSegments(caller, named);
    const ids = await readSegmentIds(strata.database, named);
    const segmentId = ids.get(query.segment) ?? 0;
    const beginning = chooseBeginning(query);
    const days = chooseDays(query, beginning, (await readKeptHistory(reads, strata.clock)).nowMs);
    const afterwards = await chooseAfterwards(strata, caller, query, ids);
    const asked: OutcomeQuery = {
      segmentId,
      beginning,
      against: chooseAgainst(query, ids),
      days,
      periodDays: PERIOD_DAYS[query.unit],
      statuses: query.statuses ?? null,
      afterwardsIds: [...afterwards.values()],
    };
    if (countPeriods(asked) > MOST_PERIODS) throw wrongParameter('days', `That is more than ${MOST_PERIODS} periods; ask by the month.`);
    const earliestMs = beginning.kind === 'at' ? beginning.atMs : beginning.fromMs;
    return readPast(reads, strata.clock, earliestMs, () =>
      inReport(reads, strata.clock, async (source) => {
        const arms = await readOutcome(source, asked);
        return { ...describe(query, asked, source, strata), ...figuresOut(arms, query.confidence, [...afterwards.keys()]) };
      }),
    );
  },
  columns: OUTCOME_COLUMNS,
  toRows,
});

// ---------------------------------------------------------------- what is asked

function chooseBeginning({ at, from, to }: Query): Beginning {
  if (at !== undefined) {
    if (from !== undefined || to !== undefined) throw wrongParameter('at', 'Give one of them: `at`, or `from` and `to`.');
    return { kind: 'at', atMs: Date.parse(at) };
  }
  if (from === undefined || to === undefined) throw wrongParameter('at', 'Give `at`, or both `from` and `to`.');
  const period = { kind: 'entered', fromMs: Date.parse(from), toMs: Date.parse(to) } as const;
  if (period.fromMs >= period.toMs) throw wrongParameter('from', 'The period must begin before it ends.');
  return period;
}

/** Everybody is observed for the same time, and to its end. */
function chooseDays({ days }: Query, beginning: Beginning, nowMs: number): number {
  const [parameter, lastMs] = beginning.kind === 'at' ? ['at', beginning.atMs] : ['to', beginning.toMs];
  const passed = Math.floor((nowMs - lastMs) / DAY_MS);
  if (passed < 1) throw wrongParameter(parameter, 'A whole day must have passed since then.');
  if (days !== undefined && days > passed) throw wrongParameter('days', `Only ${passed} whole days have passed since then.`);
  return days ?? Math.min(passed, USUAL_DAYS);
}

function chooseAgainst({ against, salt, below, with: other }: Query, ids: ReadonlyMap<string, number>): Against {
  if (against !== 'bucket' && salt !== undefined) throw wrongParameter('salt', 'A salt belongs to `against=bucket`.');
  if (against !== 'bucket' && below !== undefined) throw wrongParameter('below', 'It belongs to `against=bucket`.');
  if (against !== 'segment' && other !== undefined) throw wrongParameter('with', 'It belongs to `against=segment`.');
  if (against === 'bucket') {
    if (salt === undefined || below === undefined) throw wrongParameter('salt', '`against=bucket` needs `salt` and `below`.');
    return { kind: 'bucket', salt, belowHundredths: Math.round(Number(below) * 100) };
  }
  if (against === 'segment') {
    if (other === undefined) throw wrongParameter('with', '`against=segment` needs `with`.');
    return { kind: 'segment', segmentId: ids.get(other) ?? 0 };
  }
  return { kind: 'others' };
}

async function chooseAfterwards(
  strata: Strata,
  caller: Caller,
  { segment, afterwards }: Query,
  ids: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> {
  if (afterwards !== undefined) return new Map(afterwards.map((key) => [key, ids.get(key) ?? 0]));
  const neighbours = await readNeighbours(strata.database, ids.get(segment) ?? 0);
  return new Map(onlyAllowed(caller, [...neighbours], ([key]) => key));
}

function describe(query: Query, asked: OutcomeQuery, { at, position }: ReportSource, { currency }: Strata) {
  const { beginning } = asked;
  const entered = beginning.kind === 'entered' ? beginning : null;
  return {
    segment: query.segment,
    at,
    position: Number(position),
    currency,
    membersAt: beginning.kind === 'at' ? instant(beginning.atMs) : null,
    enteredFrom: entered === null ? null : instant(entered.fromMs),
    enteredBefore: entered === null ? null : instant(entered.toMs),
    against: query.against,
    comparedWith: query.with ?? null,
    salt: query.salt ?? null,
    below: query.below === undefined ? null : Number(query.below),
    days: asked.days,
    unit: query.unit,
    statuses: query.statuses === undefined ? null : [...query.statuses],
    confidence: Number(query.confidence),
    methods: { share: 'wilson', shareDifference: 'newcombe', mean: 'student', meanDifference: 'welch' } as const,
  };
}
