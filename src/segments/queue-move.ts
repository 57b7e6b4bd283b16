// In charge of queueing the move of all members of a segment that a rule holds for. Moving them is membership/run-move.ts.
import { noteWrite } from '../access/write-record.ts';
import type { Clock } from '../base/clock.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import type { Database } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { checkInput } from '../rules/check-rule.ts';
import { ruleToJson } from '../rules/print-json.ts';
import { getSegment } from './segments.ts';
import { invalidRule } from './versions.ts';

export interface MoveOfMany {
  readonly from: string;
  readonly to: string;
  /** text or JSON form; null: all members */
  readonly rule: unknown;
  readonly actor: string;
  readonly reason: string | null;
  readonly untilMs: number | null;
  readonly replace: boolean;
}

/** Throws `not_found`, `conflict` (a segment is not live), `invalid_rule`, `invalid_fields` (until is past). → the run's id */
export async function queueMove(database: Database, clock: Clock, move: MoveOfMany): Promise<string> {
  const [from, to] = [await getSegment(database, move.from), await getSegment(database, move.to)];
  for (const segment of [from, to]) {
    if (segment.status === 'active' || segment.status === 'building') continue;
    throw new AppError('conflict', `Segment “${segment.key}” is ${segment.status}; nobody can be moved until it is live.`);
  }
  const nowMs = clock.nowMs();
  if (move.untilMs !== null && move.untilMs <= nowMs) {
    const detail = 'The time until which it is to hold must lie ahead.';
    throw new AppError('invalid_fields', detail, { errors: [{ pointer: '/until', code: 'invalid_value', detail }] });
  }
  const rule = move.rule === null ? null : JSON.stringify(await readRule(database, move.rule));
  return inTransaction(database, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      `insert into runs (segment_id, version, cause, status, total, queued_at)
       values ($1, $2, 'move', 'queued', $3, $4::timestamptz)
       returning id`,
      [to.id, to.version, from.memberCount, new Date(nowMs).toISOString()],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('the run was not stored');
    await client.query(
      `insert into run_moves (run_id, from_id, to_id, rule, replaces, until, reason, actor)
       values ($1::bigint, $2, $3, $4::jsonb, $5, $6::timestamptz, $7, $8)`,
      [
        row.id,
        from.id,
        to.id,
        rule,
        move.replace,
        move.untilMs === null ? null : new Date(move.untilMs).toISOString(),
        move.reason,
        move.actor,
      ],
    );
    await noteWrite(client, {
      target: `segments/${move.to}`,
      changes: [{ customerKey: null, content: { after: { from: move.from, where: move.rule, reason: move.reason, run: row.id } } }],
    });
    return row.id;
  });
}

async function readRule(database: Database, rule: unknown): Promise<unknown> {
  const { checked, errors } = checkInput(rule, await loadCatalog(database), { purpose: 'check' });
  if (checked === null) throw invalidRule(errors);
  return ruleToJson(checked.rule);
}
