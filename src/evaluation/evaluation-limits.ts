// In charge of how long one evaluating statement may take and how much it is given: the bounds that keep a rule that is too slow from
// holding anything up. Not of what happens to such a rule (membership/fail-segments.ts).

/** Told how long each evaluating statement took. */
export interface EvaluationMeter {
  evaluated(of: 'customers' | 'scan', seconds: number): void;
}

export interface EvaluationLimits {
  /** of a statement over given customers: a write, a look. Its customers are locked meanwhile. */
  readonly customersTimeoutMs: number;
  /** of a scan: a chunk of a full run, a preview, a chunk of an impact. It holds no locks. */
  readonly scanTimeoutMs: number;
  /** customers scanned by one statement of a run */
  readonly chunkCustomers: number;
  /** customers applied in one transaction of a run */
  readonly pieceCustomers: number;
  /** due customers locked in one transaction; more of them are a backlog, which is scanned without locks first */
  readonly lookCustomers: number;
}

/**
 * A write of one customer takes a millisecond or two, a look at a thousand of them against 50 segments some hundred: ten seconds are a
 * rule gone wrong and not a busy machine. A chunk takes about a second with 50 segments at 1 M customers, so a minute is sixty times that.
 * 20,000 customers were the fastest chunk of 20,000 to all at 1 M; 2,000 a piece keep the shared lock far below 250 ms.
 */
export const EVALUATION_LIMITS: EvaluationLimits = {
  customersTimeoutMs: 10_000,
  scanTimeoutMs: 60_000,
  chunkCustomers: 20_000,
  pieceCustomers: 2_000,
  lookCustomers: 1_000,
};
