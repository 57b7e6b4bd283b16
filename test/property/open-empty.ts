// Opens Strata on a database made empty, knowing only the types of the random shops' attributes and properties; nothing happens in the
// background.
import pino from 'pino';
import type { Clock } from '../../src/base/clock.ts';
import type { Database } from '../../src/db/database.ts';
import type { EvaluationLimits } from '../../src/evaluation/evaluation-limits.ts';
import { openStrata } from '../../src/open-strata.ts';
import type { Strata } from '../../src/strata.ts';
import { SECRET_KEY } from '../database.ts';
import { CATALOG } from '../oracle/world.ts';

export async function openEmpty(database: Database, clock: Clock, timeZone: string): Promise<Strata> {
  await emptyDatabase(database);
  return openAgain(database, clock, timeZone);
}

/** So few that both ways of looking at due customers come by. */
const LOOKED_AT_ONCE = 2;
/** Of a statement: a starved machine must not make a rule of these that takes too long, and so a segment that fails. */
const PATIENCE_MS = 600_000;

/** Another Strata on what is there, as a process that is started after one has died. */
export function openAgain(database: Database, clock: Clock, timeZone: string, limits: Partial<EvaluationLimits> = {}): Promise<Strata> {
  return openStrata({
    database,
    clock,
    log: pino({ level: 'silent' }),
    cluster: 'test',
    secretKey: SECRET_KEY,
    timeZone,
    currency: 'USD',
    limits: { lookCustomers: LOOKED_AT_ONCE, customersTimeoutMs: PATIENCE_MS, scanTimeoutMs: PATIENCE_MS, ...limits },
    background: false,
  });
}

const EVERYTHING = [
  'customers',
  'orders',
  'order_items',
  'order_owners',
  'events',
  'registered_types',
  'segments',
  'segment_versions',
  'memberships',
  'rechecks',
  'pending',
  'outbox',
  'changes',
  'segment_sizes',
  'segment_quarters',
  'segment_days',
  'uncounted',
  'change_marks',
  'pins',
  'pin_log',
  'segment_groups',
  'segment_group_versions',
  'run_moves',
  'runs',
  'erasures',
  'imports',
];

async function emptyDatabase(database: Database): Promise<void> {
  await database.query({ text: `truncate ${EVERYTHING.join(', ')} restart identity` });
  await database.query({ text: 'update feed set position = 0' });
  await database.query({ text: 'update definitions set epoch = epoch + 1' });
  const types = [
    ...[...CATALOG.attributes].map(([name, type]) => ({ scope: 'attribute', event_name: '', name, type, declared: true })),
    ...[...CATALOG.events].flatMap(([event_name, properties]) => [
      { scope: 'property', event_name, name: '', type: 'event', declared: false },
      ...[...properties].map(([name, type]) => ({ scope: 'property', event_name, name, type, declared: true })),
    ]),
  ];
  await database.query({
    text: `
      insert into registered_types (scope, event_name, name, type, declared)
      select t.scope, t.event_name, t.name, t.type, t.declared
      from jsonb_populate_recordset(null::registered_types, $1::jsonb) as t`,
    values: [JSON.stringify(types)],
  });
}
