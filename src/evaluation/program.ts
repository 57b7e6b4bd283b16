// In charge of what there is to evaluate: which segments a kind of write can touch, and the emitted statement for any set of them.
// A program belongs to one epoch of the definitions. Not of running statements (find-differences.ts).
import { createHash } from 'node:crypto';
import { type EmittedEvaluation, emitEvaluation } from '../rules/emit.ts';
import { type EmittedCandidates, emitCandidates } from '../rules/emit-candidates.ts';
import { segmentIdsOf } from '../rules/emit-choice.ts';
import type { Narrowing } from '../rules/emit-scan.ts';
import type { Definitions, LiveSegment } from '../segments/definitions.ts';
import type { EvaluationLimits, EvaluationMeter } from './evaluation-limits.ts';

/** What a transaction wrote, as far as rules care. */
export interface Touch {
  readonly profile: boolean;
  readonly orders: boolean;
  readonly events: ReadonlySet<string>;
}

export interface PreparedEvaluation {
  readonly emitted: EmittedEvaluation;
  /** the differences statement around it, see find-differences.ts */
  readonly text: string;
  readonly name: string;
  /** every live segment is in it: its answer is the whole truth about a customer's next flip */
  readonly complete: boolean;
}

/** By id, the version of each segment for which connections have a common statement, as of the last settling. */
export type Settled = ReadonlyMap<number, number>;

/** More young segments than this are no longer kept apart: each write would send two large statements. */
const MOST_YOUNG = 20;

/**
 * How many statements, and how many kinds of write, a program keeps; the least recently used goes first. Each distinct set of event names is a
 * kind.
 */
const CACHED = 200;

export class Program {
  readonly definitions: Definitions;
  readonly limits: EvaluationLimits;
  readonly meter: EvaluationMeter | undefined;
  readonly all: readonly number[];
  readonly #byId: ReadonlyMap<number, LiveSegment>;
  readonly #dependents: ReadonlyMap<string, readonly LiveSegment[]>;
  readonly #together: ReadonlyMap<number, readonly number[]>;
  readonly #cache = new Map<string, PreparedEvaluation>();
  readonly #touched = new Map<string, readonly number[]>();
  readonly #texts = new WeakMap<readonly number[], string>();
  readonly #young: ReadonlySet<number>;
  /** by what `touchedBy` gave: segments in it only because they are building */
  readonly #unread = new WeakMap<readonly number[], ReadonlySet<number>>();
  readonly #divided = new Map<string, readonly number[]>();

  /** `settled`: if absent, everything is. `before`: its statements are used again where they would be the same */
  constructor(definitions: Definitions, limits: EvaluationLimits, meter?: EvaluationMeter, settled?: Settled, before?: Program) {
    this.definitions = definitions;
    this.limits = limits;
    this.meter = meter;
    this.all = definitions.live.map((segment) => segment.id);
    this.#byId = new Map(definitions.live.map((segment) => [segment.id, segment]));
    this.#dependents = dependentsOf(definitions.live);
    this.#together = new Map(definitions.groups.map(segmentIdsOf).flatMap((ids) => ids.map((id) => [id, ids] as const)));
    const young = definitions.live.filter(({ id, version }) => settled !== undefined && settled.get(id) !== version);
    this.#young = new Set(young.length > MOST_YOUNG ? [] : this.withDependents(young.map(({ id }) => id)));
    if (before !== undefined) this.#takeOver(before);
  }

  /** Takes over the statements of unchanged segments; emitting those of fifty takes 8 to 30 ms, for which every write would wait. */
  #takeOver(before: Program): void {
    if (JSON.stringify(before.definitions.groups) !== JSON.stringify(this.definitions.groups)) return;
    const isSame = (id: number): boolean =>
      this.#byId.get(id)?.checked === before.#byId.get(id)?.checked &&
      this.definitions.pinned.has(id) === before.definitions.pinned.has(id);
    for (const [cacheKey, prepared] of before.#cache) {
      const { segmentIds } = prepared.emitted;
      if (segmentIds.every(isSame) && prepared.complete === this.#isComplete(segmentIds)) this.#cache.set(cacheKey, prepared);
    }
  }

  #isComplete(segmentIds: readonly number[]): boolean {
    return segmentIds.length === this.all.length;
  }

  /** What a program of later definitions may regard as settled. */
  get settled(): Settled {
    return new Map(this.definitions.live.filter(({ id }) => !this.#young.has(id)).map(({ id, version }) => [id, version]));
  }

  /** The sets of segments that `inParts` has divided: their common statements are to be prepared before this program is settled. */
  get divided(): readonly (readonly number[])[] {
    return [...this.#divided.values()];
  }

  get isSettled(): boolean {
    return this.#young.size === 0;
  }

  /**
   * Divides a set of segments as `touchedBy` gives it into parts, one statement each: what was published lately is set apart, so that writes
   * keep using the statement that their connections have planned. With 500 segments a new plan takes 20 ms on each connection, 36 on a new one,
   * and p99 beside a publish was 83 ms with this and 135 without; with 50 it takes 4 and 12, and makes no difference (22 November 2026). Only
   * where neither statement needs an answer of the other. What is in the set only because it is building stays apart until it is built: the
   * statement without it will be needed again.
   */
  inParts(segmentIds: readonly number[]): readonly (readonly number[])[] {
    const unread = this.#unread.get(segmentIds);
    if (this.isSettled && unread === undefined) return [segmentIds];
    const isApart = (id: number): boolean => this.#young.has(id) || unread?.has(id) === true;
    const apart = segmentIds.filter(isApart);
    if (apart.length === 0 || apart.length === segmentIds.length) return [segmentIds];
    const common = segmentIds.filter((id) => !isApart(id));
    const named = new Set(apart.flatMap((id) => [...(this.#byId.get(id)?.checked.reads.segments ?? [])]));
    if (common.some((id) => named.has(this.#byId.get(id)?.key ?? ''))) return [segmentIds];
    const settling = unread === undefined ? segmentIds : segmentIds.filter((id) => !unread.has(id));
    if (settling.length > common.length) this.#divided.set(settling.join(','), settling);
    return [common, apart];
  }

  versionOf(segmentId: number): number | undefined {
    return this.#byId.get(segmentId)?.version;
  }

  /**
   * Live segments that read what was written, and all that name them, at any depth. Also all that are building, whatever they read: the
   * previous version may have read what was written, and its answer about this customer is no longer kept right. The same kind of write gives
   * the same array: finding the segments and their statement took each transaction 131 µs with 500 segments, and now takes 4 (22 November 2026).
   */
  touchedBy(touch: Touch): readonly number[] {
    const key = `${touch.profile} ${touch.orders} ${[...touch.events].sort().join('\0')}`;
    return remembered(this.#touched, key, () => {
      const [reading, unread] = [new Set<number>(), new Set<number>()];
      for (const segment of this.definitions.live) {
        if (reads(segment, touch)) reading.add(segment.id);
        else if (segment.building) unread.add(segment.id);
      }
      const touched = this.withDependents([...reading, ...unread]);
      if (unread.size > 0 && unread.size <= MOST_YOUNG) this.#unread.set(touched, new Set(this.withDependents([...unread])));
      return touched;
    });
  }

  /**
   * The given live segments and every live one that names them or is in a group with them, at any depth; ascending. Ids of segments that are
   * not live still lead to their dependents.
   */
  withDependents(segmentIds: readonly number[]): readonly number[] {
    const found = new Set<number>();
    const queue = [...segmentIds];
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      const key = this.definitions.names.get(id)?.key;
      for (const dependent of key === undefined ? [] : (this.#dependents.get(key) ?? [])) queue.push(dependent.id);
      queue.push(...(this.#together.get(id) ?? []));
    }
    return [...found].filter((id) => this.#byId.has(id)).sort((a, b) => a - b);
  }

  evaluation(
    segmentIds: readonly number[],
    narrow: Narrowing,
    wrap: (emitted: EmittedEvaluation, complete: boolean) => string,
  ): PreparedEvaluation {
    return remembered(this.#cache, `${narrow}:${this.#textOf(segmentIds)}`, () => this.#prepare(segmentIds, narrow, wrap));
  }

  /**
   * The statement that says who can be in any of these segments. null: as far as is known, anybody; or leaving others out would be wrong: when
   * all live segments are asked together, looks that are no longer needed are to be found as well, and in a group anybody may be in `otherwise`.
   */
  candidates(segmentIds: readonly number[]): EmittedCandidates | null {
    if (segmentIds.length === this.all.length || segmentIds.some((id) => this.#together.has(id))) return null;
    return emitCandidates({ segments: segmentIds.map((id) => this.#live(id)), pinned: this.definitions.pinned });
  }

  /** Made once for each array that `touchedBy` keeps. */
  #textOf(segmentIds: readonly number[]): string {
    const known = this.#texts.get(segmentIds);
    if (known !== undefined) return known;
    const text = segmentIds.join(',');
    this.#texts.set(segmentIds, text);
    return text;
  }

  #live(id: number): LiveSegment {
    const segment = this.#byId.get(id);
    if (segment === undefined) throw new Error(`segment ${id} is not live`);
    return segment;
  }

  #prepare(
    segmentIds: readonly number[],
    narrow: Narrowing,
    wrap: (emitted: EmittedEvaluation, complete: boolean) => string,
  ): PreparedEvaluation {
    const segments = segmentIds.map((id) => this.#live(id));
    const { catalog, segmentIds: idsByKey, pinned, groups, names } = this.definitions;
    const told = new Set(segmentIds.filter((id) => names.get(id)?.kind !== 'manual')); // no rule is evaluated for manual ones
    const emitted = emitEvaluation({ segments, segmentIds: idsByKey, catalog, narrow, memberships: 'present', pinned, groups, told });
    const complete = this.#isComplete(segmentIds);
    const text = wrap(emitted, complete);
    return { emitted, text, name: `evaluate_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`, complete };
  }
}

/** What a small map holds under the key, made if it is not there; it becomes the youngest entry, and when there are too many the oldest goes. */
function remembered<Value>(known: Map<string, Value>, key: string, make: () => Value): Value {
  const value = known.get(key) ?? make();
  known.delete(key);
  known.set(key, value);
  if (known.size > CACHED) {
    const [oldest = key] = known.keys();
    known.delete(oldest);
  }
  return value;
}

function reads(segment: LiveSegment, touch: Touch): boolean {
  const { reads: read } = segment.checked;
  if (touch.profile && read.profile) return true;
  if (touch.orders && read.orders) return true;
  if (touch.events.size === 0) return false;
  if (read.events.has(null)) return true;
  for (const event of touch.events) if (read.events.has(event)) return true;
  return false;
}

function dependentsOf(live: readonly LiveSegment[]): ReadonlyMap<string, readonly LiveSegment[]> {
  const dependents = new Map<string, LiveSegment[]>();
  for (const segment of live) {
    for (const key of segment.checked.reads.segments) {
      const known = dependents.get(key);
      if (known === undefined) dependents.set(key, [segment]);
      else known.push(segment);
    }
  }
  return dependents;
}
