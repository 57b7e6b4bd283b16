// A context to judge rows in without a database: no types known, or those given.
import { BatchTypes, RegisteredTypes } from '../../src/catalog/registered-types.ts';
import type { RowContext } from '../../src/ingest/ingest-context.ts';

export function rowContext(registered: RegisteredTypes = new RegisteredTypes()): RowContext {
  return { types: new BatchTypes(registered), currency: 'USD', newEventId: () => 'fresh' };
}
