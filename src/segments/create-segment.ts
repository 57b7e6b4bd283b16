// In charge of making a segment: its row, its first version, and publishing that at once if asked.
import type { Clock } from '../base/clock.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { asQueryable, type Client, type Database } from '../db/database.ts';
import { endWith, inTransaction, sqlState } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { changeDefinitions } from './change-definitions.ts';
import type { QueuedRun } from './runs.ts';
import { getSegment, noteSegment, type Segment } from './segments.ts';
import { insertVersion, publishIn, readRule } from './versions.ts';

export interface NewSegment {
  readonly key: string;
  readonly name: string;
  readonly description?: string | null;
  readonly icon?: string | null;
  readonly color?: string | null;
  readonly kind: 'rule' | 'manual';
  /** text or JSON form; a manual segment has a fixed rule */
  readonly rule: unknown;
  readonly publish: boolean;
  readonly author: string | null;
}

/** The rule of a manual segment: only pins put anybody into it. */
const NOBODY = 'not everyone';

/** Stores the segment with version 1, published at once if asked. Throws `already_exists`, `invalid_rule`. */
export async function createSegment(
  database: Database,
  clock: Clock,
  segment: NewSegment,
): Promise<{ readonly segment: Segment; readonly run: string | null }> {
  const isManual = segment.kind === 'manual';
  const publish = segment.publish || isManual; // a manual segment has nothing to draft
  const now = new Date(clock.nowMs()).toISOString();
  const store = async (client: Client): Promise<QueuedRun | null> => {
    const catalog = await loadCatalog(asQueryable(client));
    const rule = readRule(isManual ? NOBODY : segment.rule, catalog, segment.key, publish ? 'publish' : 'check');
    const { rows } = await client.query<{ id: number }>(
      `insert into segments (key, name, description, icon, color, kind, has_pins, status, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $6 = 'manual', 'draft', $7::timestamptz, $7::timestamptz)
       returning id`,
      [segment.key, segment.name, segment.description ?? null, segment.icon ?? null, segment.color ?? null, segment.kind, now],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('the segment was not stored');
    await insertVersion(client, row.id, 1, rule, { note: null, author: segment.author }, now);
    const run = publish ? await publishIn(client, clock, row.id, { number: 1, rule }) : null;
    await noteSegment(client, segment.key, null, { ...segment, rule: rule.text });
    return run;
  };
  const storeAndPublish = async (client: Client) => {
    const run = await store(client);
    return endWith(run?.last ?? [], run);
  };
  const stored = publish ? changeDefinitions(database, clock, storeAndPublish) : inTransaction(database, store);
  const run = await stored.catch(async (error: unknown) => {
    throw sqlState(error) === '23505' ? await keyIsTaken(database, segment.key, error) : error;
  });
  return { segment: await getSegment(database, segment.key), run: run?.id ?? null };
}

async function keyIsTaken(database: Database, key: string, cause: unknown): Promise<AppError> {
  const { status } = await getSegment(database, key);
  const wayBack = status === 'archived' || status === 'archiving' ? ' It is archived: publishing one of its versions brings it back.' : '';
  return new AppError('already_exists', `There is a segment “${key}” already.${wayBack}`, { cause });
}
