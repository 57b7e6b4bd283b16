// In charge of the scan of a run: who of a chunk of customers differs from the rules, found without locks. What is done with it is full-run.ts.
import { startStopwatch } from '../base/clock.ts';
import { inSpan } from '../base/tracing.ts';
import { readAsOf } from '../db/as-of.ts';
import type { Client } from '../db/database.ts';
import { inScan } from '../db/transaction.ts';
import { narrowToCandidates } from '../evaluation/find-candidates.ts';
import { type Difference, findDifferences } from '../evaluation/find-differences.ts';
import { type Chunk, nextChunk } from '../evaluation/next-chunk.ts';
import type { Program } from '../evaluation/program.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { Run } from '../segments/runs.ts';
import { withoutCulprits } from './fail-segments.ts';
import type { Deciding } from './in-decision.ts';

export interface Scan {
  readonly program: Program;
  readonly segmentIds: readonly number[];
  readonly differences: readonly Difference[];
}

export interface ScannedChunk {
  readonly chunk: Chunk;
  readonly scan: Scan;
  readonly seconds: number;
}

/** null: everybody has been scanned. */
export async function scanBehind(
  deciding: Deciding,
  runs: readonly Run[],
  afterKey: CustomerKey,
  size: number,
): Promise<ScannedChunk | null> {
  const chunk = await nextChunk(deciding.database, afterKey, size);
  if (chunk === null) return null;
  const seconds = startStopwatch();
  const span = { 'strata.customers': chunk.customers };
  const scan = await inSpan('scan chunk', span, () => scanChunk(deciding, runs, chunk));
  return { chunk, scan, seconds: seconds() };
}

/** A segment that cannot be computed fails, and the others are scanned without it. */
export function scanChunk(deciding: Deciding, runs: readonly Run[], chunk: Chunk): Promise<Scan> {
  const { afterKey, throughKey } = chunk;
  return withoutCulprits(
    deciding,
    () => ({ customers: { afterKey, throughKey }, segmentIds: segmentsOf(deciding.programs.get(), runs) }),
    () => scanOnce(deciding, runs, chunk),
  );
}

function segmentsOf(program: Program, runs: readonly Run[]): readonly number[] {
  return program.withDependents(runs.map((run) => run.segmentId));
}

async function scanOnce(deciding: Deciding, runs: readonly Run[], chunk: Chunk): Promise<Scan> {
  const program = deciding.programs.get();
  const segmentIds = segmentsOf(program, runs);
  const read = async (client: Client) => {
    const asOfMs = await readAsOf(client, deciding.clock);
    const customers = { afterKey: chunk.afterKey, throughKey: chunk.throughKey };
    const range = { asOfMs, timeZone: deciding.timeZone, customers };
    const input = await narrowToCandidates(client, program, segmentIds, range, chunk.customers);
    const { differences } = await findDifferences(client, program, segmentIds, input, { timeoutMs: program.limits.scanTimeoutMs });
    return { program, segmentIds, differences };
  };
  return inScan(deciding.database, read, { hurry: false });
}
