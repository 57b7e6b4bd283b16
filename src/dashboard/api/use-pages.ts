// In charge of paging through a list by its cursors: one page is held at a time, however long the list is.
import { useState } from 'react';
import type { Query } from './call.ts';
import { type Read, useRead } from './use-read.ts';

export interface Page<Row> {
  readonly data: readonly Row[];
  readonly next: string | null;
}

export interface Pages<Row> {
  readonly read: Read<Page<Row>>;
  /** from 1 */
  readonly number: number;
  readonly forward: (() => void) | null;
  readonly back: (() => void) | null;
}

interface Turned {
  readonly list: string;
  /** the cursors of the pages after the first, up to the one shown */
  readonly cursors: readonly string[];
}

export function usePages<Row>(path: string | null, query: Query, options: { readonly live?: boolean } = {}): Pages<Row> {
  const list = `${path}?${JSON.stringify(query)}`;
  const [turned, setTurned] = useState<Turned>({ list, cursors: [] });
  const cursors = turned.list === list ? turned.cursors : []; // another list or filter begins at its first page
  const read = useRead<Page<Row>>(path, {
    query: { ...query, after: cursors.at(-1) },
    live: options.live === true && cursors.length === 0,
  });
  const next = read.body?.next ?? null;
  return {
    read,
    number: cursors.length + 1,
    forward: next === null ? null : () => setTurned({ list, cursors: [...cursors, next] }),
    back: cursors.length === 0 ? null : () => setTurned({ list, cursors: cursors.slice(0, -1) }),
  };
}
