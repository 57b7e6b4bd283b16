// In charge of unknown customers: which segments hold for somebody created just now of whom nothing is known. By the statement that
// evaluates everybody, over an imagined row that is never stored. What depends on neither the id nor the time of creation is the same for all
// of them, and is computed once until a definition or the clock changes it.

import { readAsOf } from '../db/as-of.ts';
import { byPlace, fitTo } from '../db/citus.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Program } from '../evaluation/program.ts';
import { customerKey } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type EmittedEvaluation, emitEvaluation, nextConstantFlip } from '../rules/emit.ts';
import type { Deciding } from './in-decision.ts';

interface Known {
  readonly segmentIds: readonly number[];
  readonly fromMs: number;
  /** exclusive */
  readonly untilMs: number;
}

interface Prepared {
  readonly emitted: EmittedEvaluation;
  /** everybody gets the same answer */
  readonly isCommon: boolean;
  known: Known | undefined;
}

const preparedFor = new WeakMap<Program, Prepared>();

/** Ids of the live segments that each would be in, ascending; by the definitions of that epoch or a later one. */
export async function evaluateEmpty(
  deciding: Deciding,
  epoch: string,
  customerIds: readonly string[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const program = await programSince(deciding, epoch);
  const prepared = prepare(program);
  if (program.all.length === 0 || customerIds.length === 0) return new Map(customerIds.map((id) => [id, []]));
  if (!prepared.isCommon) return (await evaluate(deciding, program, prepared.emitted, customerIds)).byId;
  const [first = ''] = customerIds;
  prepared.known = isStill(deciding, prepared.known) ? prepared.known : await learn(deciding, program, prepared.emitted, first);
  const { segmentIds } = prepared.known as Known;
  return new Map(customerIds.map((id) => [id, segmentIds]));
}

async function programSince(deciding: Deciding, epoch: string): Promise<Program> {
  const program = deciding.programs.get();
  return BigInt(program.definitions.epoch) >= BigInt(epoch) ? program : deciding.programs.reload();
}

/** Our clock may differ from the database's, which gave the answer: near either end it is asked again. */
const CLOCKS_APART_MS = 2000;

function isStill({ clock }: Deciding, known: Known | undefined): boolean {
  if (known === undefined) return false;
  const apartMs = clock.fixedMs() === null ? CLOCKS_APART_MS : 0;
  const nowMs = clock.nowMs();
  return nowMs >= known.fromMs - apartMs && nowMs + apartMs < known.untilMs;
}

async function learn(deciding: Deciding, program: Program, emitted: EmittedEvaluation, customerId: string): Promise<Known> {
  const { asOfMs, byId, dueAtMs } = await evaluate(deciding, program, emitted, [customerId]);
  const flips = program.definitions.live
    .map(({ checked }) => nextConstantFlip(checked, asOfMs, deciding.timeZone))
    .filter((flip) => flip !== null);
  return { segmentIds: byId.get(customerId) ?? [], fromMs: asOfMs, untilMs: Math.min(dueAtMs ?? Number.POSITIVE_INFINITY, ...flips) };
}

function prepare(program: Program): Prepared {
  const known = preparedFor.get(program);
  if (known !== undefined) return known;
  const { live, segmentIds, catalog, groups } = program.definitions;
  const made = {
    emitted: emitEvaluation({ segments: live, segmentIds, catalog, narrow: 'ids', memberships: 'present', groups }), // unknown customers have no pins
    isCommon: !live.some(({ checked }) => dependsOnWho(checked.rule)),
    known: undefined,
  };
  preparedFor.set(program, made);
  return made;
}

/** If a field of orders has one of these names, it is only slower. */
function dependsOnWho(rule: unknown): boolean {
  return /"kind":"bucket"|"kind":"field","name":"(id|created_at)"/.test(JSON.stringify(rule));
}

interface Evaluated {
  readonly asOfMs: number;
  readonly byId: ReadonlyMap<string, readonly number[]>;
  readonly dueAtMs: number | null;
}

async function evaluate(
  deciding: Deciding,
  program: Program,
  emitted: EmittedEvaluation,
  customerIds: readonly string[],
): Promise<Evaluated> {
  const ids = new Map<CustomerKey, string>(customerIds.map((id) => [customerKey(id), id]));
  return inTransaction(deciding.database, async (client) => {
    const asOfMs = await readAsOf(client, deciding.clock);
    const created = new Date(asOfMs).toISOString();
    await client.query(`select set_config('statement_timeout', $1, true)`, [String(program.limits.customersTimeoutMs)]);
    const text = await fitTo(client, emitted.text);
    const found: { customer_id: CustomerKey; want: number[]; due_at: number | null }[] = [];
    for (const keys of await byPlace(client, [...ids.keys()])) {
      const values = emitted.bind({ asOfMs, timeZone: deciding.timeZone, customers: { keys } });
      const imagined = keys.map((id) => {
        return { id, external_id: ids.get(id), revision: 0, tags: [], attributes: {}, consents: {}, created_at: created };
      });
      const rows = `$${values.push(JSON.stringify(imagined))}::jsonb`;
      const answer = await client.query<(typeof found)[number]>(
        `
        with customers as (
          select * from jsonb_populate_recordset(null::customers, ${rows})
        )
        select e.customer_id, e.want, e.due_at
        from (${text}) as e`, // this name hides the table's
        values,
      );
      found.push(...answer.rows);
    }
    const byId = new Map(found.map(({ customer_id, want }) => [ids.get(customer_id) ?? '', want]));
    return { asOfMs, byId, dueAtMs: found[0]?.due_at ?? null };
  });
}
