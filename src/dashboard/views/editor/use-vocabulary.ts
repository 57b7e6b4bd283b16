// What a rule may name: the catalog, and the segments that can be named.
import { useMemo } from 'react';
import { useRead } from '../../api/use-read.ts';
import type { CatalogEntry, SegmentEntry, Vocabulary } from './rule-json.ts';

/** Without an answer (yet, or because the key may not see it) nothing is offered, and one can write all the same. */
export function useVocabulary(): Vocabulary {
  const catalog = useRead<{ readonly data: readonly CatalogEntry[] }>('/v1/catalog').body;
  const segments = useRead<{ readonly data: readonly (SegmentEntry & { readonly status: string })[] }>('/v1/segments', {
    query: { limit: 1000 },
  }).body;
  return useMemo(
    () => ({
      entries: catalog?.data ?? [],
      segments: (segments?.data ?? []).filter(({ status }) => status !== 'draft' && status !== 'archived' && status !== 'archiving'),
    }),
    [catalog, segments],
  );
}
