// In charge of asking Postgres which memberships differ from what the rules say, for some customers, at one instant.
// Reads only; what differs is written by membership/record.ts.
import { setImmediate } from 'node:timers/promises';
import { startStopwatch } from '../base/clock.ts';
import { inSpan } from '../base/tracing.ts';
import { byPlace, fitTo, isCitus, knownCitus } from '../db/citus.ts';
import { type Client, deallocate, pipeline, type Statement } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { EmittedEvaluation, EvaluationInput } from '../rules/emit.ts';
import type { Narrowing } from '../rules/emit-scan.ts';
import { readRecords, type SeenPlan, seenOf, type Told } from '../rules/emit-seen.ts';
import { todayOf } from '../rules/plan.ts';
import type { EvaluationLimits } from './evaluation-limits.ts';
import type { PreparedEvaluation, Program } from './program.ts';

/** One customer whose memberships or next look are not as stored. */
export interface Difference {
  readonly customerKey: CustomerKey;
  readonly revision: string;
  readonly entered: readonly number[];
  readonly exited: readonly number[];
  /** the next look this evaluation asks for, in epoch milliseconds; null: none */
  readonly dueAtMs: number | null;
  readonly storedDueAtMs: number | null;
  /** by changed segment, what the conditions of its rule saw, as JSON text; not for segments that no rule decides */
  readonly seen: ReadonlyMap<number, string>;
}

export interface Findings {
  readonly differences: readonly Difference[];
  /** all live segments were asked, so `dueAtMs` replaces the stored look; otherwise it can only bring it forward */
  readonly complete: boolean;
}

interface DifferenceRow {
  customer_id: CustomerKey;
  revision: string;
  have: number[] | null;
  want: number[] | null;
  due_at: number | null;
  stored_due_at: number | null;
  seen: string | null;
}

function differencesText(evaluation: EmittedEvaluation, complete: boolean): string {
  const lookMoved = complete ? 'e.due_at is distinct from r.due_at' : `e.due_at < coalesce(r.due_at, 'infinity')`;
  return `
    select e.customer_id, e.revision, e.due_at, r.due_at as stored_due_at,
      case when e.want is distinct from e.have then ${evaluation.seen} end as seen,
      case when e.want is distinct from e.have then e.have end as have,
      case when e.want is distinct from e.have then e.want end as want
    from (${evaluation.text}) as e
    left join rechecks as r on r.customer_id = e.customer_id and ${evaluation.narrowed('r.customer_id')}
    where e.want is distinct from e.have or ${lookMoved}`;
}

/** For a crowd whose looks are all due: the next look differs from the stored one, which need not be read. */
function dueText(evaluation: EmittedEvaluation): string {
  return `
    select e.customer_id, e.revision, e.due_at, timestamptz '-infinity' as stored_due_at,
      case when e.want is distinct from e.have then ${evaluation.seen} end as seen,
      case when e.want is distinct from e.have then e.have end as have,
      case when e.want is distinct from e.have then e.want end as want
    from (${evaluation.text}) as e`;
}

/**
 * Evaluates some live segments (ascending ids) for the customers of `input` and returns where the stored state differs. After `timeoutMs` the
 * statement is cancelled (57014), and with it the caller's transaction; absent: after the program's limit for such an input.
 */
export async function findDifferences(
  client: Client,
  program: Program,
  segmentIds: readonly number[],
  input: EvaluationInput,
  { timeoutMs = timeLimit(program.limits, input) }: { readonly timeoutMs?: number } = {},
): Promise<Findings> {
  const complete = segmentIds.length === program.all.length;
  if (segmentIds.length === 0 && !complete) return { differences: [], complete };
  const narrow = narrowingOf(input);
  const prepared = program.evaluation(segmentIds, narrow, narrow === 'crowd' ? dueText : differencesText);
  if (preparedBy.get(client)?.epoch === program.definitions.epoch)
    rememberPrepared(client, program, prepared.name); // not awaited: it may be one of a batch
  else await forgetOlderEpochs(client, program, prepared.name);
  const seconds = startStopwatch();
  const rows = await inSpan('evaluate', { 'strata.segments': segmentIds.length, 'strata.of': narrow }, async (note) => {
    const found =
      (knownCitus(client) ?? (await isCitus(client)))
        ? await askCitus(client, prepared, input, timeoutMs)
        : await ask(client, prepared, input, timeoutMs);
    note({ 'strata.differences': found.length });
    return found;
  });
  program.meter?.evaluated(narrow === 'range' ? 'scan' : 'customers', seconds());
  const when = { asOfMs: input.asOfMs, today: todayOf(input) };
  const differences: Difference[] = [];
  for (let from = 0; from < rows.length; from += ROWS_BETWEEN_PAUSES) {
    if (from > 0) await setImmediate();
    for (const row of rows.slice(from, from + ROWS_BETWEEN_PAUSES)) differences.push(toDifference(row, prepared.emitted.seenPlan, when));
  }
  return { differences, complete };
}

/** Reading the ten thousand rows of a scan in one go took 70 to 80 ms, for which every request waited (S, 23 November 2026). */
const ROWS_BETWEEN_PAUSES = 200;

type Asked = Pick<PreparedEvaluation, 'name' | 'text' | 'emitted'>;

async function ask(client: Client, { name, text, emitted }: Asked, input: EvaluationInput, timeoutMs: number): Promise<DifferenceRow[]> {
  const [, rows = []] = await pipeline(client, [setTimeLimit(timeoutMs), { name, text, values: emitted.bind(input) }, setTimeLimit(0)]);
  return rows as DifferenceRow[];
}

/** Given customers are asked about one place after the other, a range of them in all places at once. */
async function askCitus(client: Client, asked: Asked, input: EvaluationInput, timeoutMs: number): Promise<DifferenceRow[]> {
  const fitting = { ...asked, text: await fitTo(client, asked.text) };
  if (!('keys' in input.customers)) return ask(client, fitting, input, timeoutMs);
  const found: DifferenceRow[][] = [];
  for (const keys of await byPlace(client, input.customers.keys)) {
    found.push(await ask(client, fitting, { ...input, customers: { keys } }, timeoutMs));
  }
  return found.flat();
}

function narrowingOf({ customers }: EvaluationInput): Narrowing {
  if (!('keys' in customers)) return 'range';
  return customers.isCrowd === true ? 'crowd' : 'ids';
}

function timeLimit({ customersTimeoutMs, scanTimeoutMs }: EvaluationLimits, { customers }: EvaluationInput): number {
  return 'keys' in customers ? customersTimeoutMs : scanTimeoutMs;
}

/** For the next statement only, with 0 (none) sent behind it: others in the transaction wait for locks, which is no rule's fault. Sent in the same batch, it costs no round trip. */
export function setTimeLimit(timeoutMs: number): Statement {
  return { name: 'set_time_limit', text: `select set_config('statement_timeout', $1, true)`, values: [String(timeoutMs)] };
}

interface PreparedNames {
  epoch: string;
  /** used in this epoch */
  names: Set<string>;
  /** used in the previous one: what the change did not touch will be used again */
  earlier: ReadonlySet<string>;
}

const preparedBy = new WeakMap<Client, PreparedNames>();

/** Notes a statement prepared for a program's definitions: it is deallocated on this connection when two later epochs have passed. */
export function rememberPrepared(client: Client, { definitions: { epoch } }: Program, name: string): void {
  const prepared = preparedBy.get(client);
  if (prepared === undefined) preparedBy.set(client, { epoch, names: new Set([name]), earlier: new Set() });
  else prepared.names.add(name);
}

/** A plan for 50 segments takes some hundred kilobytes on each connection, so those of epochs before the previous one are deallocated. */
async function forgetOlderEpochs(client: Client, program: Program, name: string): Promise<void> {
  const { epoch } = program.definitions;
  const prepared = preparedBy.get(client);
  if (prepared === undefined || prepared.epoch === epoch) return rememberPrepared(client, program, name);
  const old = [...prepared.earlier].filter((each) => each !== name && !prepared.names.has(each));
  preparedBy.set(client, { epoch, names: new Set([name]), earlier: prepared.names });
  await deallocate(client, old);
}

/**
 * Has this connection plan the statement that evaluates these segments for given customers, if it has not yet: with 500 segments that
 * takes 20 to 36 ms, during which nobody should have to wait for locks.
 */
export async function prepareDifferences(client: Client, program: Program, segmentIds: readonly number[], timeZone: string): Promise<void> {
  if (segmentIds.length === 0 || (await isCitus(client))) return; // Citus plans for the very customers, each time
  const { name, text, emitted } = program.evaluation(segmentIds, 'ids', differencesText);
  const prepared = preparedBy.get(client);
  if (prepared?.epoch === program.definitions.epoch && prepared.names.has(name)) return;
  await forgetOlderEpochs(client, program, name);
  await pipeline(client, [{ name, text, values: emitted.bind({ asOfMs: 0, timeZone, customers: { keys: [] } }) }]);
}

function toDifference(row: DifferenceRow, plan: SeenPlan, when: Pick<Told, 'asOfMs' | 'today'>): Difference {
  const have = row.have ?? [];
  const want = row.want ?? [];
  const entered = without(want, have);
  const exited = without(have, want);
  return {
    customerKey: row.customer_id,
    revision: row.revision,
    entered,
    exited,
    dueAtMs: row.due_at,
    storedDueAtMs: row.stored_due_at,
    seen:
      row.seen === null
        ? NOTHING_SEEN
        : seenOfEach(plan, { records: readRecords(row.seen), want: new Set(want), ...when }, [...entered, ...exited]),
  };
}

/** Of two ascending lists, what is in the first only. */
function without(ids: readonly number[], others: readonly number[]): number[] {
  let at = 0;
  return ids.filter((id) => {
    while ((others[at] ?? id) < id) at += 1;
    return others[at] !== id;
  });
}

export const NOTHING_SEEN: Difference['seen'] = new Map();

function seenOfEach(plan: SeenPlan, told: Told, segmentIds: readonly number[]): Difference['seen'] {
  const seen = new Map<number, string>();
  for (const id of segmentIds) {
    const text = seenOf(plan, told, id);
    if (text !== null) seen.set(id, text);
  }
  return seen;
}
