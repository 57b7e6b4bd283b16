// In charge of asking Postgres why, for one customer: what each condition of a rule evaluates to, which rows its aggregates counted, and what the
// evaluation says at a later instant if nothing happens until then. Reads only; what that means for a membership is membership/explain-now.ts.
import { createHash } from 'node:crypto';
import { fitTo } from '../db/citus.ts';
import { type Client, deallocate, pipeline, type Statement } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { Aggregate } from '../rules/ast.ts';
import type { CheckedRule } from '../rules/checked-rule.ts';
import { type EvaluationInput, emitEvaluation, nextConstantFlip } from '../rules/emit.ts';
import { emitCountedRows, emitExplanation } from '../rules/emit-explanation.ts';
import type { SeenCondition } from '../rules/explain-rule.ts';
import { aggregatesIn, numberedConditions, sidesOf } from '../rules/walk-rule.ts';
import type { Program } from './program.ts';

export interface CountedRow {
  /** for items: the order's */
  readonly id: string;
  readonly line: number | null;
  readonly atMs: number;
}

export interface CountedRows {
  /** number of the condition that the aggregate stands in */
  readonly condition: number;
  readonly aggregate: Aggregate;
  readonly count: number;
  readonly firstAtMs: number | null;
  readonly lastAtMs: number | null;
  /** the newest 20 */
  readonly newest: readonly CountedRow[];
}

export interface Answer {
  /** ids of the asked segments that the customer is to be in, by pins and groups too */
  readonly want: ReadonlySet<number>;
  /** nothing changes by the clock before; null: never */
  readonly dueAtMs: number | null;
}

interface Emitted {
  readonly text: string;
  bind(input: EvaluationInput): unknown[];
}

/** One customer, asked about within one transaction. Statements are prepared, as many instants may be asked about; `close` gives them back. */
export class Inquiry {
  readonly program: Program;
  readonly #client: Client;
  readonly #key: CustomerKey;
  readonly #timeZone: string;
  readonly #names = new Set<string>();
  readonly #explanations = new Map<CheckedRule, Emitted>();
  readonly #evaluations = new Map<string, Emitted>();

  constructor(client: Client, program: Program, customer: { readonly key: CustomerKey; readonly timeZone: string }) {
    this.#client = client;
    this.program = program;
    this.#key = customer.key;
    this.#timeZone = customer.timeZone;
  }

  /** What each numbered condition evaluates to. For segments that the rule names, the memberships as they are count. */
  async see(checked: CheckedRule, asOfMs: number): Promise<readonly SeenCondition[]> {
    const { segmentIds } = this.program.definitions;
    const emitted = remember(this.#explanations, checked, () => emitExplanation(checked, segmentIds));
    const [row] = await this.#ask(emitted, asOfMs);
    return row?.['seen'] as SeenCondition[];
  }

  async countedRows({ rule, types }: CheckedRule, asOfMs: number): Promise<readonly CountedRows[]> {
    const asked = numberedConditions(rule).flatMap((condition, index) =>
      sidesOf(condition)
        .flatMap(aggregatesIn)
        .map((aggregate) => ({ condition: index, aggregate })),
    );
    const answers = await pipeline(
      this.#client,
      await Promise.all(asked.map(({ aggregate }) => this.#statement(emitCountedRows(aggregate, types), asOfMs))),
    );
    return asked.map(({ condition, aggregate }, index) => {
      const row = answers[index]?.[0];
      if (row === undefined) throw new Error('the rows that counted were not read');
      const newest = (row['newest'] ?? []) as [string, number, number | null][];
      return {
        condition,
        aggregate,
        count: row['count'] as number,
        firstAtMs: row['first_at'] as number | null,
        lastAtMs: row['last_at'] as number | null,
        newest: newest.map(([id, atMs, line]) => ({ id, atMs, line })),
      };
    });
  }

  /** The evaluation itself, of live segments (`supportOf`), at an instant that may be in the future. */
  async evaluate(segmentIds: readonly number[], asOfMs: number): Promise<Answer> {
    const { live, catalog, segmentIds: idsByKey, pinned, groups } = this.program.definitions;
    const segments = live.filter((segment) => segmentIds.includes(segment.id));
    const emitted = remember(this.#evaluations, segmentIds.join(), () =>
      emitEvaluation({ segments, segmentIds: idsByKey, catalog, narrow: 'ids', memberships: 'present', pinned, groups }),
    );
    const [row] = await this.#ask(emitted, asOfMs);
    const flips = segments.map((segment) => nextConstantFlip(segment.checked, asOfMs, this.#timeZone)).filter((flip) => flip !== null);
    const dueAtMs = Math.min((row?.['due_at'] as number | null) ?? Number.POSITIVE_INFINITY, ...flips);
    return { want: new Set(row?.['want'] as number[]), dueAtMs: Number.isFinite(dueAtMs) ? dueAtMs : null };
  }

  async close(): Promise<void> {
    await deallocate(this.#client, [...this.#names]);
  }

  async #ask(emitted: Emitted, asOfMs: number): Promise<Record<string, unknown>[]> {
    const [rows = []] = await pipeline(this.#client, [await this.#statement(emitted, asOfMs)]);
    if (rows.length === 0) throw new Error(`customer ${this.#key} was asked about without being there`);
    return rows;
  }

  async #statement({ text: emitted, bind }: Emitted, asOfMs: number): Promise<Statement> {
    const text = await fitTo(this.#client, emitted);
    const name = `why_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
    this.#names.add(name);
    return { name, text, values: bind({ asOfMs, timeZone: this.#timeZone, customers: { keys: [this.#key] } }) };
  }
}

function remember<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}
