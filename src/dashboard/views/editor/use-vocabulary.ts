// What a rule may name: the catalog, and the segments that can be named.
import { useMemo } from 'react';
import { type Read, useRead } from '../../api/use-read.ts';
import type { CatalogEntry, SegmentEntry, Vocabulary } from './rule-json.ts';

/** Without an answer (not yet, or because the key may not see it) nothing is offered, and the rule can be written all the same. */
export function useVocabulary(): { readonly vocabulary: Vocabulary; readonly read: Read<unknown> } {
  const read = useRead<{ readonly data: readonly CatalogEntry[] }>('/v1/catalog');
  const catalog = read.body;
  const segments = useRead<{ readonly data: readonly (SegmentEntry & { readonly status: string })[] }>('/v1/segments', {
    query: { limit: 1000 },
  }).body;
  const vocabulary = useMemo(
    () => ({
      entries: catalog?.data ?? [],
      segments: (segments?.data ?? []).filter(({ status }) => status !== 'draft' && status !== 'archived' && status !== 'archiving'),
    }),
    [catalog, segments],
  );
  return { vocabulary, read };
}
