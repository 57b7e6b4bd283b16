// In charge of making every division raise an error from now on: what a defect of ours or a changed function would do.
import type { Queryable } from '../../src/db/database.ts';

/** `state`: the SQLSTATE that it raises. */
export async function breakDivision(database: Queryable, state: '22012' | '42883' = '22012'): Promise<void> {
  await database.query({
    text: `
      create or replace function strata_divide(a numeric, b numeric) returns numeric language plpgsql immutable as $$
      begin
        raise exception 'this division is broken' using errcode = '${state}';
      end $$`,
  });
}
