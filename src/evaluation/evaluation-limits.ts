// In charge of how long one evaluating statement may take and how many customers it gets: the bounds that keep a slow rule from
// holding up anything else. Not of what happens to such a rule (membership/fail-segments.ts).

/** Told how long each evaluating statement took. */
export interface EvaluationMeter {
  evaluated(of: 'customers' | 'scan', seconds: number): void;
}

export interface EvaluationLimits {
  /** a statement about given customers: a write, a look. They are locked meanwhile. */
  readonly customersTimeoutMs: number;
  /** a scan: a chunk of a full run, a preview, a chunk of an impact. It holds no locks. */
  readonly scanTimeoutMs: number;
  /** customers scanned by one statement of a run */
  readonly chunkCustomers: number;
  /** customers applied in one transaction of a run */
  readonly pieceCustomers: number;
  /** due customers locked in one transaction; more of them are a backlog, which is scanned without locks first */
  readonly lookCustomers: number;
}

/**
 * A write of one customer takes a millisecond or two, a look at a thousand of them with 50 segments about a hundred: ten seconds mean a
 * rule gone wrong and not a busy machine. A chunk takes about a second with 50 segments and 1 M customers, so a minute is sixty times that.
 * Of chunks from 20,000 customers to all 1 M, 20,000 was the fastest; pieces of 2,000 keep the shared lock far below 250 ms.
 */
export const EVALUATION_LIMITS: EvaluationLimits = {
  customersTimeoutMs: 10_000,
  scanTimeoutMs: 60_000,
  chunkCustomers: 20_000,
  pieceCustomers: 2_000,
  lookCustomers: 1_000,
};
