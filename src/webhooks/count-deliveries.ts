// In charge of how many messages a publish would send, by each active endpoint's filter and batch size. Reads the endpoints and nothing else.
import type { Queryable } from '../db/database.ts';
import { CHANGED, type MessageType } from './webhook.ts';

export interface PublishImpact {
  /** that is published */
  readonly segmentId: number;
  readonly bySegment: ReadonlyMap<number, { readonly entering: number; readonly leaving: number }>;
}

interface FilterRow {
  types: MessageType[];
  segment_ids: number[] | null;
  change_types: ('entered' | 'exited')[] | null;
  batch_size: number;
}

/** At least so many messages: changes that come at different times are sent apart. Includes the notices of the publish and of the end of its run. */
export async function countDeliveries(database: Queryable, impact: PublishImpact): Promise<number> {
  const rows = await database.query<FilterRow>({
    name: 'filters_of_webhooks',
    text: `
      select w.types, w.segment_ids, w.change_types, w.batch_size
      from webhooks as w
      where w.status = 'active'`,
  });
  return rows.reduce((sum, row) => sum + countOf(row, impact), 0);
}

function countOf({ types, segment_ids, change_types, batch_size }: FilterRow, { segmentId, bySegment }: PublishImpact): number {
  const isAbout = (id: number) => segment_ids === null || segment_ids.includes(id);
  let changes = 0;
  for (const [id, { entering, leaving }] of bySegment) {
    if (!isAbout(id)) continue;
    if (change_types === null || change_types.includes('entered')) changes += entering;
    if (change_types === null || change_types.includes('exited')) changes += leaving;
  }
  const batches = types.includes(CHANGED) ? Math.ceil(changes / batch_size) : 0;
  const notices = isAbout(segmentId) ? types.filter((type) => type === 'segment.published' || type === 'run.finished').length : 0;
  return batches + notices;
}
