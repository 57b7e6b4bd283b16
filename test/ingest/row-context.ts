// A context in which to judge rows without a database: with no types known, or with those given.
import { BatchTypes, RegisteredTypes } from '../../src/catalog/registered-types.ts';
import type { RowContext } from '../../src/ingest/ingest-context.ts';

export function rowContext(registered: RegisteredTypes = new RegisteredTypes()): RowContext {
  return { types: new BatchTypes(registered), currency: 'USD', newEventId: () => 'fresh' };
}
