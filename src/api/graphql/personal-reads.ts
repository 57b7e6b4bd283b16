// In charge of recording in the audit whose personal data one operation has read without going through the routes, which record it themselves.
// Once, before it is answered.
import type { Caller } from '../../access/caller.ts';
import type { Strata } from '../../strata.ts';
import { describeRead, originOf } from '../rest/record-call.ts';
import type { GraphqlContext } from './context.ts';

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
      const changes = describeRead([...ids], { by: 'graphql' });
      if (changes.length > 0) await strata.audit.read(originOf({ strata, caller, request }, action), null, changes);
    }
    this.#read.clear();
  }
}
