-- Citus: spreads what belongs to customers over the workers, and puts a copy of the definitions on each. Run behind the migrations at every
-- start by whoever holds their lock. Does nothing where the extension is not there, and nothing to a table that is spread already; a later
-- migration that adds a table with customer_id in its key adds it here. What is not named stays on the coordinator (docs/operations.md).
do $$
declare
  part record;
begin
  if not exists (select from pg_extension as e where e.extname = 'citus') then
    return;
  end if;
  -- All of it over one connection to each worker, as one transaction needs. The same for the service's sessions, this one and those to come: a run that
  -- ends changes segments, of which every worker has a copy, together with rows of customers.
  perform set_config('citus.multi_shard_modify_mode', 'sequential', false);
  execute format('alter role %I in database %I set citus.multi_shard_modify_mode = %L', current_user, current_database(), 'sequential');

  -- everything of a customer in one place, so that evaluating and recording never leave it; orders' owners are looked up by order
  for part in
    select p.name, p.key, p.beside
    from (values
      (1, 'customers', 'id', 'none'),
      (2, 'orders', 'customer_id', 'customers'),
      (3, 'order_items', 'customer_id', 'customers'),
      (4, 'events', 'customer_id', 'customers'),
      (5, 'memberships', 'customer_id', 'customers'),
      (6, 'rechecks', 'customer_id', 'customers'),
      (7, 'pending', 'customer_id', 'customers'),
      (8, 'outbox', 'customer_id', 'customers'),
      (9, 'pins', 'customer_id', 'customers'),
      (10, 'pin_log', 'customer_id', 'customers'),
      (11, 'order_owners', 'order_id', 'none')
    ) as p (place, name, key, beside)
    where not exists (select from pg_dist_partition as d where d.logicalrelid = p.name::regclass)
    order by p.place
  loop
    perform create_distributed_table(part.name::regclass, part.key, colocate_with => part.beside);
  end loop;

  -- what members are joined with; its identity columns are integers, which Citus does not copy, so they become sequences
  for part in
    select p.name, p.counter
    from (values
      (1, 'segments', 'segments_counter'),
      (2, 'segment_versions', null),
      (3, 'segment_groups', 'segment_groups_counter'),
      (4, 'segment_group_versions', null)
    ) as p (place, name, counter)
    where not exists (select from pg_dist_partition as d where d.logicalrelid = p.name::regclass)
    order by p.place
  loop
    if part.counter is not null then
      execute format('alter table %I alter column id drop identity if exists', part.name);
      execute format('create sequence if not exists %I as integer', part.counter);
      execute format('select setval(%L, coalesce(max(id), 0) + 1, false) from %I', part.counter, part.name);
      execute format('alter table %I alter column id set default nextval(%L)', part.name, part.counter);
    end if;
    alter table segment_versions drop constraint if exists segment_versions_segment_id_fkey;
    alter table segment_group_versions drop constraint if exists segment_group_versions_group_id_fkey;
    perform create_reference_table(part.name::regclass);
  end loop;

  -- functions of the compiled rules, where the database was made before the extension
  for part in
    select p.oid::regprocedure::text as name
    from pg_proc as p
    where p.proname like 'strata\_%' and p.prokind = 'f' and p.pronamespace = 'public'::regnamespace
    order by p.oid
  loop
    perform create_distributed_function(part.name::regprocedure);
  end loop;
end
$$;
