// In charge of a database whose clock can be set, as a host's can: a function of the same name hides the server's own in every session opened
// later. No clock but this database's is touched.
import type { Queryable } from '../src/db/database.ts';

export async function makeShiftedClock(database: Queryable): Promise<void> {
  const statements = [
    'create table shifted_clock (by_ms bigint not null)',
    'insert into shifted_clock (by_ms) values (0)',
    `create function public.clock_timestamp() returns timestamptz language sql volatile
     return pg_catalog.clock_timestamp() + (select c.by_ms from public.shifted_clock as c) * interval '1 millisecond'`,
    `do $$ begin execute format('alter database %I set search_path = public, pg_catalog', current_database()); end $$`,
  ];
  for (const text of statements) await database.query({ text });
}

/** Against the true one. */
export async function shiftClock(database: Queryable, byMs: number): Promise<void> {
  await database.query({ text: 'update shifted_clock set by_ms = $1', values: [byMs] });
}
