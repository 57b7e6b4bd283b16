// In charge of a database that says it is Citus and is not: statements take the form that they have there, and tables are told to be spread
// (migrations/distribute.sql), but every row stays where it was. What Citus would refuse it does not tell (running/judge-statement.ts).
import type pg from 'pg';

/** In the catalog, so that nobody takes it for a part of the schema. `told`: where the rows of a table would be. */
const PRETENCE = `
  set allow_system_table_mods = on;
  create table pg_catalog.pg_dist_partition (
    place integer generated always as identity,
    logicalrelid regclass primary key,
    told text not null
  );
  create function pg_catalog.create_distributed_table(name regclass, key text, colocate_with text default 'default') returns void
  language sql as $$
    insert into pg_catalog.pg_dist_partition (logicalrelid, told) values (name, name || ' by ' || key || ' beside ' || colocate_with)
  $$;
  create function pg_catalog.create_reference_table(name regclass) returns void
  language sql as $$ insert into pg_catalog.pg_dist_partition (logicalrelid, told) values (name, name || ' everywhere') $$;
  create function pg_catalog.create_distributed_function(name regprocedure) returns void
  language sql as '';
  create function pg_catalog.get_shard_id_for_distribution_column(name regclass, value bigint) returns bigint
  language sql immutable as $$ select value & 3 $$;
  insert into pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  values (999999, 'citus', 10, 'pg_catalog'::regnamespace, false, '14.1');
  reset allow_system_table_mods`;

/** Before any connection of the service asks what the database is. */
export async function pretendCitus(client: pg.Client): Promise<void> {
  await client.query(PRETENCE);
}
