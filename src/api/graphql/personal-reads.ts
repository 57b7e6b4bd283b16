// In charge of telling the audit whose personal data one operation has read past the routes, which tell it themselves. Once, before it is
// answered.
import type { AuditChange } from '../../access/audit-entry.ts';
import type { Caller } from '../../access/caller.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import type { Strata } from '../../strata.ts';
import { originOf } from '../rest/record-call.ts';
import type { GraphqlContext } from './context.ts';

/** Reads of more customers than these tell how many they were, as by REST. */
const NAMED_MAX = 10;

export class PersonalReads {
  readonly #read = new Map<string, Set<string>>();

  /** `action`: the operation of REST that reads the same */
  note(action: string, customerIds: Iterable<string>): void {
    const known = this.#read.get(action) ?? new Set();
    for (const id of customerIds) known.add(id);
    this.#read.set(action, known);
  }

  /** Throws what storing the entries throws. */
  async tell(strata: Strata, caller: Caller, request: GraphqlContext['http']['request']): Promise<void> {
    for (const [action, ids] of this.#read) {
      const changes: AuditChange[] =
        ids.size > NAMED_MAX
          ? [{ customerKey: null, content: { customers: ids.size, by: 'graphql' } }]
          : [...ids].map((customerId) => ({ customerKey: customerKey(customerId), content: { customerId, by: 'graphql' } }));
      if (changes.length > 0) await strata.audit.read(originOf({ strata, caller, request }, action), null, changes);
    }
    this.#read.clear();
  }
}
