-- Customers whom the orders or events of an import have made, so that nobody has said when they came to be: the earliest of such rows
-- says it, in whatever order files and their batches come. An older version that runs beside takes the first one, as ever.
alter table customers add column created_by_rows boolean not null default false;
