// In charge of the routes of the structure of the customer base: the grid of value and purchase cycle, the grid of recency, frequency and
// monetary value, cohorts, new and returning customers.
import { z } from 'zod';
import { type Caller, requireAllSegments, requireSegments } from '../../access/caller.ts';
import { readPast } from '../../changes/kept-history.ts';
import type { Database } from '../../db/database.ts';
import type { BaseScope } from '../../reports/counted-orders.ts';
import { inReport, type ReportSource } from '../../reports/in-report.ts';
import { PERIOD_UNITS, periodsBackMs, type ReportPeriods, reportPeriods } from '../../reports/periods.ts';
import { printMoney } from '../../reports/ratio.ts';
import { readCohorts } from '../../reports/read-cohorts.ts';
import { readRfm } from '../../reports/read-rfm.ts';
import { readValueGrid } from '../../reports/read-value-grid.ts';
import { readSegmentIds } from '../../segments/read-segment-ids.ts';
import type { Strata } from '../../strata.ts';
import {
  COHORT_COLUMNS,
  CohortsSchema,
  cohortRows,
  cohortsOut,
  NEW_COLUMNS,
  NewAndReturningSchema,
  newAndReturningOut,
  newRows,
  RFM_COLUMNS,
  RfmSchema,
  rfmRows,
  VALUE_COLUMNS,
  ValueGridSchema,
  valueGridOut,
  valueRows,
} from './base-answers.ts';
import { reportPair } from './report-pair.ts';
import { CutsParameter, Statuses, scaledCuts, wrongParameter } from './report-parameters.ts';
import type { Route } from './route.ts';
import { InstantInput, instant, integerParameter, SegmentKey } from './wire.ts';

const MOST_COHORTS = 60;
const MOST_PERIODS = 400;
const USUAL_PERIODS = 12;

const Scope = {
  segment: SegmentKey.optional().meta({ description: 'Only of its members, as of the instant; without it of everybody' }),
  at: InstantInput.optional().meta({ description: 'As of a past instant instead of now: orders placed up to it' }),
  statuses: Statuses,
};
const Between = {
  unit: z.enum(PERIOD_UNITS).default('month').meta({ description: 'Whole ones of the service’s time zone' }),
  from: InstantInput.optional().meta({ description: `In the first period; without it ${USUAL_PERIODS} periods are answered` }),
  to: InstantInput.optional().meta({ description: 'Where the last period ends at the earliest; without it, and in the future, now' }),
};

interface ScopeQuery {
  readonly segment?: string | undefined;
  readonly at?: string | undefined;
  readonly statuses?: readonly string[] | undefined;
}

interface ReportCall<Query> {
  readonly strata: Strata;
  readonly reads: Database;
  readonly caller: Caller;
  readonly query: Query;
}

/** The beginning of every answer. */
interface Named {
  readonly segment: string | null;
  readonly at: string;
  readonly position: number;
  readonly currency: string;
  readonly statuses: string[] | null;
}

/** Throws `not_found`, `forbidden`, `history_trimmed` for a past membership, `invalid_request` for an instant in the future. */
async function inScope<Query extends ScopeQuery, Value>(
  { strata, reads, caller, query }: ReportCall<Query>,
  work: (source: ReportSource, scope: BaseScope, named: Named) => Promise<Value>,
): Promise<Value> {
  if (query.segment === undefined) requireAllSegments(caller, 'a report of all customers');
  else requireSegments(caller, [query.segment]);
  const segmentId =
    query.segment === undefined ? null : ((await readSegmentIds(strata.database, [query.segment])).get(query.segment) ?? null);
  const pastMs = query.at === undefined ? null : Date.parse(query.at);
  const read = () =>
    inReport(reads, strata.clock, (source) => {
      const atMs = pastMs ?? source.atMs;
      const statuses = query.statuses === undefined ? null : [...query.statuses];
      const { position } = source;
      const { currency } = strata;
      const named = { segment: query.segment ?? null, at: instant(atMs), position: Number(position), currency, statuses };
      return work(source, { atMs, statuses, segmentId }, named);
    });
  if (pastMs === null) return read();
  if (segmentId !== null) return readPast(reads, strata.clock, pastMs, read);
  if (pastMs > strata.clock.nowMs()) throw wrongParameter('at', 'The instant lies in the future; what will be true then is not known.');
  return read();
}

function choosePeriods(
  query: { readonly unit: ReportPeriods['unit']; readonly from?: string | undefined; readonly to?: string | undefined },
  atMs: number,
  timeZone: string,
  most: number,
): ReportPeriods {
  const toMs = Math.min(query.to === undefined ? Number.POSITIVE_INFINITY : Date.parse(query.to), atMs + 1);
  const fromMs = query.from === undefined ? periodsBackMs(query.unit, USUAL_PERIODS, toMs - 1, timeZone) : Date.parse(query.from);
  if (fromMs >= toMs) throw wrongParameter('from', 'The period must begin before it ends, and before now.');
  const periods = reportPeriods(query.unit, fromMs, toMs, timeZone, most);
  if (periods === null) throw wrongParameter('from', `That is more than ${most} periods; ask for fewer or longer ones.`);
  return periods;
}

export const baseRoutes: readonly Route[] = [
  ...reportPair({
    name: 'value-grid',
    operationId: 'getValueGrid',
    exportId: 'exportValueGrid',
    summary: 'Customers by what they have spent and by how long they take from order to order',
    description:
      'Bands are cut where asked, or so that about as many customers lie in each; whoever has the value of a cut is in the band above. Cycle: days between the first and the last order by the orders but one; who ordered once has none.',
    query: z.strictObject({
      ...Scope,
      bands: integerParameter(2, 10).default(3).meta({ description: 'Of value and of cycle, where no cuts are given' }),
      value: CutsParameter.meta({ description: 'Cuts of value, ascending amounts' }),
      cycle: CutsParameter.meta({ description: 'Cuts of the cycle, ascending days' }),
    }),
    answer: ValueGridSchema,
    refusals: ['not_found', 'history_trimmed'],
    read: (call) =>
      inScope(call, async (source, scope, named) => {
        const { value, cycle, bands } = call.query;
        const asked = { valueCuts: scaledCuts(value), cycleCuts: cycle ?? null, bands };
        return { ...named, ...valueGridOut(await readValueGrid(source, scope, asked)) };
      }),
    columns: VALUE_COLUMNS,
    toRows: valueRows,
  }),
  ...reportPair({
    name: 'rfm',
    operationId: 'getRfm',
    exportId: 'exportRfm',
    summary: 'Customers by recency, frequency and monetary value',
    description:
      'Each customer with an order has three scores, from 1 up: how lately they ordered, how often, how much they spent. Cuts are as asked, or so that about as many customers have each score.',
    query: z.strictObject({
      ...Scope,
      scores: integerParameter(2, 10).default(5).meta({ description: 'How many there are of each, where no cuts are given' }),
      recency: CutsParameter.meta({ description: 'Cuts of the whole days since the last order, ascending' }),
      frequency: CutsParameter.meta({ description: 'Cuts of the number of orders, ascending' }),
      monetary: CutsParameter.meta({ description: 'Cuts of revenue, ascending amounts' }),
    }),
    answer: RfmSchema,
    refusals: ['not_found', 'history_trimmed'],
    read: (call) =>
      inScope(call, async (source, scope, named) => {
        const { recency, frequency, monetary, scores } = call.query;
        const asked = { recencyCuts: recency ?? null, frequencyCuts: frequency ?? null, monetaryCuts: scaledCuts(monetary), scores };
        const { population, recencyCuts, frequencyCuts, monetaryCuts, cells } = await readRfm(source, scope, asked);
        return {
          ...named,
          customers: population,
          withOrders: cells.reduce((sum, { customers }) => sum + customers, 0),
          recencyCuts: recencyCuts.map(Number),
          frequencyCuts: frequencyCuts.map(Number),
          monetaryCuts: monetaryCuts.map((cut) => printMoney(BigInt(cut))),
          cells: cells.map(({ revenue, ...cell }) => ({ ...cell, revenue: printMoney(revenue) })),
        };
      }),
    columns: RFM_COLUMNS,
    toRows: rfmRows,
  }),
  ...reportPair({
    name: 'cohorts',
    operationId: 'getCohorts',
    exportId: 'exportCohorts',
    summary: 'Who came back, and what they brought, by the period of the first order',
    description: `At most ${MOST_COHORTS} periods. A cohort is everybody whose first order of all lies in the period. The last period may not have ended.`,
    query: z.strictObject({ ...Scope, ...Between }),
    answer: CohortsSchema,
    refusals: ['not_found', 'history_trimmed'],
    read: (call) =>
      inScope(call, async (source, scope, named) => {
        const periods = choosePeriods(call.query, scope.atMs, call.strata.timeZone, MOST_COHORTS);
        return { ...named, timeZone: call.strata.timeZone, ...cohortsOut(periods, await readCohorts(source, scope, periods)) };
      }),
    columns: COHORT_COLUMNS,
    toRows: cohortRows,
  }),
  ...reportPair({
    name: 'new-and-returning',
    operationId: 'getNewAndReturning',
    exportId: 'exportNewAndReturning',
    summary: 'Customers, orders and revenue by period, of new customers and of returning ones',
    description: `At most ${MOST_PERIODS} periods. A customer is new in the period of the first order of all, and returns in every later one with an order. The last period may not have ended.`,
    query: z.strictObject({ ...Scope, ...Between }),
    answer: NewAndReturningSchema,
    refusals: ['not_found', 'history_trimmed'],
    read: (call) =>
      inScope(call, async (source, scope, named) => {
        const periods = choosePeriods(call.query, scope.atMs, call.strata.timeZone, MOST_PERIODS);
        return { ...named, timeZone: call.strata.timeZone, ...newAndReturningOut(periods, await readCohorts(source, scope, periods)) };
      }),
    columns: NEW_COLUMNS,
    toRows: newRows,
  }),
];
