// What one import is made of while it runs: what it was given, what it has counted. No behaviour but the counting.
import type { BatchTypes, RegisteredTypes } from '../../catalog/registered-types.ts';
import type { Database, Queryable } from '../../db/database.ts';
import type { Facts } from '../facts.ts';
import type { ImportKind } from './import-fields.ts';
import type { IncompleteOrders, MissingLines } from './incomplete-orders.ts';
import type { LocalTimes } from './local-time.ts';
import type { RawRow } from './read-row.ts';
import type { Rejections } from './rejections.ts';
import type { StagedLines } from './stage-lines.ts';
import type { PartsInTurn } from './write-in-parts.ts';

/** The parts of the service that an import needs. The last three are later stages, passed in so that ingest knows none of them. */
export interface ImportTarget {
  readonly database: Database;
  readonly types: RegisteredTypes;
  /** the service's */
  readonly currency: string;
  /** Writes facts in one transaction; their customers are evaluated, or noted as owed an evaluation by this import. */
  write(facts: Facts, importId: string): Promise<WrittenPart>;
  /**
   * The same for many batches in one transaction, with nobody evaluated; the batches are asked for again if the transaction is repeated. →
   * `repeated`
   */
  writeDeferredTogether(batches: BatchesFrom, importId: string): Promise<number>;
  /** Evaluates everybody whom the import still owes an evaluation, until the signal aborts; the changes are added to the import's row. */
  evaluatePending(importId: string, signal?: AbortSignal): Promise<{ readonly token: string }>;
}

/** Facts batch by batch, read from where they wait by the connection of the transaction that writes them. */
export type BatchesFrom = (source: Queryable) => AsyncIterable<Facts>;

export interface WrittenPart {
  /** entries and exits of customers who were evaluated with it */
  readonly changes: number;
  /** events that were there already, and were not written again */
  readonly repeated: number;
}

export interface ImportRun {
  readonly kind: ImportKind;
  readonly importId: string;
  readonly target: ImportTarget;
  /** rows are lines of orders */
  readonly lineLevel: boolean;
  /**
   * All or none: the types that its rows propose, collected from batch to batch and registered only once all rows are good. null: each batch
   * stands alone.
   */
  readonly atomicTypes: BatchTypes | null;
  /** for CSV, whose cells of attributes and properties are still text; null: values have their types */
  readonly cellTimes: LocalTimes | null;
  /** decimals that amounts are rounded to; null: they have to be exact */
  readonly round: number | null;
  /** where rows are lines: what an order has of which no line says anything */
  readonly orderDefaults: RawRow;
  readonly staged: StagedLines;
  readonly rejections: Rejections;
  readonly incomplete: IncompleteOrders;
  readonly parts: PartsInTurn;
  /** changes that its batches made, before what they owe is evaluated */
  changes: number;
  /** events that were there already */
  repeated: number;
  /** Throws when the caller hung up, the service cuts uploads off, or the lease was lost. */
  check(): void;
}

/** A row with the lines of the file it was made from. */
export interface Row {
  readonly lines: readonly number[];
  readonly raw: unknown;
  /** for an order made of lines: the lines that are missing from it */
  readonly missing?: MissingLines;
}
