// In charge of explaining a membership as it is at this moment: everything is read at one snapshot, by the statements that make up
// the evaluation. Not of the past (changes/explain-past.ts).
import { fixedIso } from '../db/as-of.ts';
import { type Client, pipeline } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { Inquiry } from '../evaluation/inquiry.ts';
import { type Forecast, findNextChange } from '../evaluation/next-change.ts';
import type { Program } from '../evaluation/program.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { CheckedRule } from '../rules/checked-rule.ts';
import { explainRule } from '../rules/explain-rule.ts';
import { missingOf } from '../rules/missing.ts';
import { numberedConditions } from '../rules/walk-rule.ts';
import { compileStored, READ_EPOCH } from '../segments/definitions.ts';
import { type Because, type ExplainedSegment, type MembershipExplanation, UNFOLDED } from './explanation.ts';
import type { Deciding } from './in-decision.ts';
import { lookAgain } from './look-again.ts';
import { type ExplainedRow, readExplained } from './read-explained.ts';

/** How often to catch up with what the clock has changed meanwhile before saying instead that the members are behind. */
const LOOKS_BEHIND = 2;

export interface ExplainedNow {
  readonly explanation: MembershipExplanation;
  /** changes found while catching up */
  readonly changes: number;
}

/** `behind`: the segment is active, but its members are not what the evaluation says: a flip that nobody has looked at yet. */
type Snapshot = MembershipExplanation & { readonly behind: boolean };

/** The customer exists and the segment has a published version. Throws `not_found` (the customer was erased meanwhile), what the database throws. */
export async function explainNow(deciding: Deciding, key: CustomerKey, segmentId: number): Promise<ExplainedNow> {
  let changes = 0;
  for (let tries = 0; ; tries += 1) {
    const explanation = await explainOnce(deciding, key, segmentId);
    if (explanation === null) {
      await deciding.programs.reload();
      continue;
    }
    if (!explanation.behind || tries >= LOOKS_BEHIND) return { explanation, changes };
    changes += await lookAgain(deciding, { keys: [key], cause: 'time' });
  }
}

/** null: the definitions have changed meanwhile. */
async function explainOnce(deciding: Deciding, key: CustomerKey, segmentId: number): Promise<Snapshot | null> {
  try {
    return await explainAtSnapshot(deciding, key, segmentId, true);
  } catch (error) {
    if (!isEvaluationFailure(error)) throw error;
    return explainAtSnapshot(deciding, key, segmentId, false);
  }
}

function explainAtSnapshot(deciding: Deciding, key: CustomerKey, segmentId: number, computable: boolean): Promise<Snapshot | null> {
  const program = deciding.programs.get();
  return inTransaction(deciding.database, async (client) => {
    const [, epochs, instants] = await pipeline(client, [
      { text: 'set transaction isolation level repeatable read, read only' },
      READ_EPOCH,
      {
        name: 'read_instant',
        text: `select coalesce($1::timestamptz, date_trunc('milliseconds', clock_timestamp())) as as_of`,
        values: [fixedIso(deciding.clock)],
      },
    ]);
    if (epochs?.[0]?.['epoch'] !== program.definitions.epoch) return null;
    const asOfMs = instants?.[0]?.['as_of'] as number;
    const inquiry = new Inquiry(client, program, { key, timeZone: deciding.timeZone });
    const snapshot = await new Explaining(client, inquiry, deciding, { key, asOfMs, computable }).explain(segmentId);
    await inquiry.close(); // not after a failure: nothing can be deallocated then, and what is prepared stays known by its name
    return snapshot;
  });
}

interface Standpoint {
  readonly key: CustomerKey;
  readonly asOfMs: number;
  /** false: rules are given in words only */
  readonly computable: boolean;
}

/** One explanation at one snapshot, with the segments inside it. */
class Explaining {
  readonly #client: Client;
  readonly #inquiry: Inquiry;
  readonly #deciding: Deciding;
  readonly #standpoint: Standpoint;
  #unfolded = 0;

  constructor(client: Client, inquiry: Inquiry, deciding: Deciding, standpoint: Standpoint) {
    this.#client = client;
    this.#inquiry = inquiry;
    this.#deciding = deciding;
    this.#standpoint = standpoint;
  }

  async explain(segmentId: number): Promise<Snapshot> {
    const { asOfMs, key } = this.#standpoint;
    const row = await readExplained(this.#client, key, segmentId, asOfMs);
    const explained = await this.#explainSegment(row, 1);
    const forecast = await this.#forecast(segmentId);
    const behind = row.status === 'active' && forecast !== null && forecast.isMember !== row.member;
    const next = forecast?.next ?? { kind: 'none' };
    return { ...explained, customerId: row.customerId, atMs: asOfMs, decidedAtMs: asOfMs, source: 'facts', change: null, next, behind };
  }

  async #forecast(segmentId: number): Promise<Forecast | null> {
    const { asOfMs, computable } = this.#standpoint;
    const segment = this.#inquiry.program.definitions.live.find(({ id }) => id === segmentId);
    if (segment === undefined || !computable) return null;
    return findNextChange(this.#inquiry, segment, asOfMs, () => this.#deciding.clock.nowMs());
  }

  async #explainSegment(row: ExplainedRow, depth: number): Promise<ExplainedSegment> {
    const { asOfMs, computable } = this.#standpoint;
    const { key, name, status, version, member, sinceMs, pin, group } = row;
    const plain = { key, name, status, version, member, sinceMs, pin, group, rows: [], nested: new Map(), missing: [] };
    if (row.kind === 'manual') return { ...plain, because: 'manual', tree: null, note: null };
    const checked = ruleOf(row, this.#inquiry.program);
    if (typeof checked === 'string') {
      return { ...plain, because: becauseOf(row, null), tree: null, note: noteOf(row, null, `Its rule cannot be computed: ${checked}.`) };
    }
    const moment = { asOfMs, timeZone: this.#deciding.timeZone };
    const describe = (seen: Parameters<typeof explainRule>[0]['seen']) =>
      explainRule({ rule: checked.rule, types: checked.types, moment, seen });
    if (!computable) {
      return { ...plain, because: becauseOf(row, null), tree: describe(null), note: noteOf(row, null, 'Its rule could not be computed.') };
    }
    const tree = describe(await this.#inquiry.see(checked, asOfMs));
    return {
      ...plain,
      because: becauseOf(row, tree.holds),
      tree,
      rows: await this.#inquiry.countedRows(checked, asOfMs),
      nested: await this.#unfold(checked, depth),
      missing: member ? [] : missingOf(tree, this.#deciding.timeZone),
      note: noteOf(row, tree.holds, null),
    };
  }

  async #unfold({ rule }: CheckedRule, depth: number): Promise<ReadonlyMap<number, ExplainedSegment>> {
    const { key, asOfMs } = this.#standpoint;
    const { segmentIds } = this.#inquiry.program.definitions;
    const nested = new Map<number, ExplainedSegment>();
    if (depth >= UNFOLDED.depth) return nested;
    for (const [index, condition] of numberedConditions(rule).entries()) {
      const id = condition.kind === 'segment' ? segmentIds.get(condition.key) : undefined;
      if (id === undefined || this.#unfolded >= UNFOLDED.segments) continue;
      this.#unfolded += 1;
      nested.set(index, await this.#explainSegment(await readExplained(this.#client, key, id, asOfMs), depth + 1));
    }
    return nested;
  }
}

/** The rule in force as it is or would be evaluated; the reason if it no longer passes the check. */
function ruleOf(row: ExplainedRow, { definitions }: Program): CheckedRule | string {
  const live = definitions.live.find((segment) => segment.id === row.id);
  return live?.checked ?? compileStored(row.rule, definitions.catalog, row.key);
}

function becauseOf({ pin, group, member }: ExplainedRow, holds: boolean | null): Because {
  if (pin !== null) return 'pin';
  return group !== null && holds !== null && holds !== member ? 'group' : 'rule';
}

function noteOf(row: ExplainedRow, holds: boolean | null, problem: string | null): string | null {
  const would = holds === null || holds === row.member ? '' : ` By its rule the customer would ${holds ? '' : 'not '}be a member.`;
  const because = problem === null ? would : ` ${problem}`;
  switch (row.status) {
    case 'active':
      return problem;
    case 'building':
      return `The segment is building: its run may not have come to this customer yet.${because}`;
    case 'paused':
      return `The segment is paused: its members stand still.${because}`;
    case 'failed':
      return `The segment has failed and keeps its last members: ${row.failure ?? 'its rule cannot be computed'}.${because}`;
    case 'archiving':
    case 'archived':
      return `The segment is archived: it has no members.${because}`;
    case 'draft':
      return `The segment is a draft: nothing is evaluated yet.${because}`;
  }
}
