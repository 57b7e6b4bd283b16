// In charge of what changes record of their reasons: what the conditions of the segment's rule came to when its membership changed, for
// those customers and segments only, in the same transaction. Not of storing it (record.ts) or of reading it back (changes/explain-past.ts).
import { createHash } from 'node:crypto';
import { byPlace, fitTo, isCitus } from '../db/citus.ts';
import { type Client, pipeline, type Statement } from '../db/database.ts';
import { type Difference, rememberPrepared } from '../evaluation/find-differences.ts';
import type { Program } from '../evaluation/program.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { EvaluationInput } from '../rules/emit.ts';
import { emitExplanation } from '../rules/emit-explanation.ts';
import type { SeenCondition } from '../rules/explain-rule.ts';
import { numberedConditions } from '../rules/walk-rule.ts';

/** What the changes were found with: the program and the instant of the evaluation. */
export interface Seeing {
  readonly program: Program;
  readonly timeZone: string;
  readonly asOfMs: number;
}

/** The recorded form, as JSON text, of one change; null: no rule was asked. */
export type SeenOf = (customerKey: CustomerKey, segmentId: number) => string | null;

export const NOTHING_SEEN: SeenOf = () => null;

/**
 * To be asked after the facts are written and before the memberships are. One statement for each changed segment: there are few in a write,
 * and as there are no more of them than segments, each connection plans each once. An update of the outbox afterwards, in the same round
 * trip, was tried: it took ten times as long for 2,000 customers, or for ever where the planner met the outbox first (November 2026).
 */
export async function seeChanges(client: Client, seeing: Seeing, differences: readonly Difference[]): Promise<SeenOf> {
  const changed = new Map<number, Difference[]>();
  for (const difference of differences) {
    for (const id of [...difference.entered, ...difference.exited]) {
      const known = changed.get(id);
      if (known === undefined) changed.set(id, [difference]);
      else known.push(difference);
    }
  }
  const everywhere = [...changed].flatMap(([segmentId, found]) => {
    const prepared = prepare(seeing.program, segmentId);
    return prepared === null ? [] : [{ segmentId, found, prepared }];
  });
  if (everywhere.length === 0) return NOTHING_SEEN;
  const asked = (await isCitus(client)) ? await inPlaces(client, everywhere) : everywhere;
  const answers = await pipeline(
    client,
    asked.map(({ found, prepared }) => toStatement(client, seeing, prepared, found)),
  );
  const seen = new Map<number, Map<CustomerKey, string>>();
  for (const [index, { segmentId, found, prepared }] of asked.entries()) {
    const before = seen.get(segmentId) ?? [];
    seen.set(segmentId, new Map([...before, ...read(answers[index] ?? [], prepared, found)]));
  }
  return (customerKey, segmentId) => seen.get(segmentId)?.get(customerKey) ?? null;
}

/** Of what was found with its reasons (`Asking.reasons`). */
export function seenWith(differences: readonly Difference[]): SeenOf {
  const seen = new Map(differences.map((difference) => [difference.customerKey, difference.seen ?? null]));
  return (customerKey) => seen.get(customerKey) ?? null;
}

interface Asked {
  readonly segmentId: number;
  readonly found: readonly Difference[];
  readonly prepared: PreparedSeeing;
}

async function inPlaces(client: Client, asked: readonly Asked[]): Promise<readonly Asked[]> {
  const parts: Asked[] = [];
  for (const { segmentId, found, prepared } of asked) {
    const text = await fitTo(client, prepared.text);
    const byKey = new Map(found.map((difference) => [difference.customerKey, difference]));
    for (const keys of await byPlace(client, [...byKey.keys()])) {
      const here = keys.flatMap((key) => byKey.get(key) ?? []);
      parts.push({ segmentId, found: here, prepared: { ...prepared, text } });
    }
  }
  return parts;
}

interface PreparedSeeing {
  readonly name: string;
  readonly text: string;
  bind(input: EvaluationInput): unknown[];
  /** by number of the condition, the id of the segment that it names */
  readonly named: ReadonlyMap<number, number>;
}

const preparedOf = new WeakMap<Program, Map<number, PreparedSeeing>>();

/** null: nobody's rule decides, as in manual segments. */
function prepare(program: Program, segmentId: number): PreparedSeeing | null {
  const { live, names, segmentIds } = program.definitions;
  const segment = live.find(({ id }) => id === segmentId);
  if (segment === undefined || names.get(segmentId)?.kind === 'manual') return null;
  const known = preparedOf.get(program) ?? new Map<number, PreparedSeeing>();
  preparedOf.set(program, known);
  const already = known.get(segmentId);
  if (already !== undefined) return already;
  const emitted = emitExplanation(segment.checked, segmentIds);
  const text = `select e.customer_id, e.seen::text as seen from (${emitted.text}) as e`;
  const named = new Map<number, number>();
  for (const [index, condition] of numberedConditions(segment.checked.rule).entries()) {
    const id = condition.kind === 'segment' ? segmentIds.get(condition.key) : undefined;
    if (id !== undefined) named.set(index, id);
  }
  const name = `see_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
  const prepared: PreparedSeeing = { name, text, bind: emitted.bind, named };
  known.set(segmentId, prepared);
  return prepared;
}

function toStatement(
  client: Client,
  { program, timeZone, asOfMs }: Seeing,
  { name, text, bind }: PreparedSeeing,
  found: readonly Difference[],
): Statement {
  rememberPrepared(client, program, name);
  return { name, text, values: bind({ asOfMs, timeZone, customers: { keys: found.map(({ customerKey }) => customerKey) } }) };
}

/** Segments that the rule names were asked of the memberships as they were: those that change with it are as the evaluation says. */
function read(
  rows: readonly Record<string, unknown>[],
  { named }: PreparedSeeing,
  found: readonly Difference[],
): ReadonlyMap<CustomerKey, string> {
  const seen = new Map(rows.map((row) => [String(row['customer_id']), String(row['seen'])]));
  if (named.size === 0) return seen;
  for (const { customerKey, entered, exited } of found) {
    const text = seen.get(customerKey);
    if (text === undefined) continue;
    const conditions = (JSON.parse(text) as SeenCondition[]).map((condition, index): SeenCondition => {
      const id = named.get(index);
      if (id === undefined) return condition;
      return entered.includes(id) ? [true] : exited.includes(id) ? [false] : condition;
    });
    seen.set(customerKey, JSON.stringify(conditions));
  }
  return seen;
}
