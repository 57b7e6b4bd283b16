// What a row is judged against. Made once per batch; not the row itself.
import type { NearNames } from '../base/nearest-name.ts';
import type { BatchTypes } from '../catalog/registered-types.ts';

export interface RowContext {
  readonly types: BatchTypes;
  /** the service's */
  readonly currency: string;
  /** the id for an event without one; null: such an event is refused */
  readonly newEventId: (() => string) | null;
  /** of a file: to how many decimals amounts are rounded; null: they have to be exact. absent: no file */
  readonly round?: number | null;
  /** the hints of the whole batch; absent: each row has its own */
  readonly near?: NearNames;
}
