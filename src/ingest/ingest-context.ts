// What a row is judged against. Made once per batch; not the row itself.
import type { BatchTypes } from '../catalog/registered-types.ts';

export interface RowContext {
  readonly types: BatchTypes;
  /** the service's */
  readonly currency: string;
  /** an id for an event that has none; null: such an event is refused */
  readonly newEventId: (() => string) | null;
  /** RFC 3339 of a time that names no offset, undefined where the text is none; null: an offset is needed */
  readonly localTime: ((text: string) => string | undefined) | null;
  /** values are cells of a file: text that reads as a number, a boolean or a list is taken as one where one is wanted */
  readonly cells: boolean;
}
