// In charge of when the next look at a customer is due: the earliest possible flip for any segment that nothing keeps the customer out of,
// however the clock moves. Not of what flips (emit-aggregate.ts, emit-temporal.ts) or of what keeps customers out (necessary.ts).
import { type SQL, sql } from 'drizzle-orm';
import type { Flips } from './emit-operand.ts';
import { asOf, fragmentKey, type Parameters, today, zone } from './emit-parameters.ts';
import { list } from './emit-scan.ts';

/** A flip that matters if any of more conditions than this holds is looked for with everybody: few would be spared the look. */
const MOST_GUARDS = 8;

interface Candidate {
  readonly sql: SQL;
  readonly isAhead: boolean;
  /** it matters if one of them holds, by what they compute; null: it matters to everybody */
  guards: Map<string, SQL> | null;
}

/** To whom the flips of a segment matter: those of rows whose time comes, and all others. null: to everybody. */
export interface Guards {
  readonly arrival: SQL | null;
  readonly change: SQL | null;
}

/**
 * Each flip once. Days are compared as days and only the earliest is turned into an instant, so that each customer costs one use of the time
 * zone.
 */
export class GuardedFlips implements Flips {
  readonly #instants = new Map<string, Candidate>();
  readonly #days = new Map<string, Candidate>();
  #guards: Guards | 'nobody asks' = { arrival: null, change: null };

  under<Value>(guards: Guards | 'nobody asks', emit: () => Value): Value {
    const before = this.#guards;
    this.#guards = guards;
    try {
      return emit();
    } finally {
      this.#guards = before;
    }
  }

  readonly addInstant = (instant: SQL, isAhead = false): void => this.#add(this.#instants, instant, 'change', isAhead);

  readonly addDay = (day: SQL, isAhead = false): void => this.#add(this.#days, day, 'change', isAhead);

  readonly addArrival = (instant: SQL): void => this.#add(this.#instants, instant, 'arrival', true);

  dueAt(parameters: Parameters): SQL {
    const [instants, days] = [[...this.#instants.values()], [...this.#days.values()]];
    const dueDay = days.length === 0 ? null : sql`strata_day_start(${leastAhead(days, today(parameters))}, ${zone(parameters)})`;
    const dueInstant = instants.length === 0 ? null : leastAhead(instants, asOf(parameters));
    if (dueDay !== null && dueInstant !== null) return sql`least(${dueDay}, ${dueInstant})`;
    return dueDay ?? dueInstant ?? sql`null::timestamptz`;
  }

  #add(candidates: Map<string, Candidate>, flip: SQL, kind: keyof Guards, isAhead: boolean): void {
    if (this.#guards === 'nobody asks') return;
    const key = fragmentKey(flip);
    const guard = this.#guards[kind];
    const known = candidates.get(key);
    if (known === undefined) {
      candidates.set(key, { sql: flip, isAhead, guards: guard === null ? null : new Map([[fragmentKey(guard), guard]]) });
    } else if (known.guards !== null) {
      if (guard === null) known.guards = null;
      else known.guards.set(fragmentKey(guard), guard);
    }
  }
}

function leastAhead(candidates: readonly Candidate[], now: SQL): SQL {
  const ahead = (candidate: Candidate): SQL => {
    const flip = whereItMatters(candidate);
    return candidate.isAhead ? flip : sql`nullif(greatest(${flip}, ${now}), ${now})`;
  };
  return sql`least(${list(candidates.map(ahead))})`;
}

function whereItMatters({ sql: flip, guards }: Candidate): SQL {
  if (guards === null || guards.size > MOST_GUARDS) return flip;
  return sql`case when ${sql.join([...guards.values()], sql.raw(' or '))} then ${flip} end`;
}
