// In charge of making every division raise an error from now on: what a defect of ours or a changed function would do.
import type { Queryable } from '../../src/db/database.ts';

export async function breakDivision(database: Queryable): Promise<void> {
  await database.query({
    text: `
      create or replace function strata_divide(a numeric, b numeric) returns numeric language plpgsql immutable as $$
      begin
        raise exception 'this division is broken' using errcode = '22012';
      end $$`,
  });
}
