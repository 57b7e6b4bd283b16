// In charge of reading for a view: loading, answer or problem; read again on request, or when the live stream says that something changed.
import { useCallback, useEffect, useRef, useState } from 'react';
import { call, Problem, type Query } from './call.ts';
import { useLiveBeat } from './live.tsx';

export interface Read<Body> {
  /** the last answer, kept while it is read again */
  readonly body: Body | undefined;
  readonly etag: string | null;
  readonly problem: Problem | undefined;
  readonly isReading: boolean;
  readonly again: () => void;
}

export interface ReadOptions {
  readonly query?: Query;
  /** read again when memberships change (at most every two seconds) */
  readonly live?: boolean;
  /** read again every so many milliseconds, such as while a run is under way */
  readonly everyMs?: number | undefined;
}

/** `path` null: there is nothing to read yet. */
export function useRead<Body>(path: string | null, { query = {}, live = false, everyMs }: ReadOptions = {}): Read<Body> {
  const [state, setState] = useState<Omit<Read<Body>, 'again'>>({
    body: undefined,
    etag: null,
    problem: undefined,
    isReading: path !== null,
  });
  const [turn, setTurn] = useState(0);
  const beat = useLiveBeat();
  const liveTurn = live ? beat : 0;
  const asked = path === null ? null : `${path}?${JSON.stringify(query)}`;
  const shown = useRef(asked);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `asked` stands for path and query; the turns are reasons to read again
  useEffect(() => {
    if (path === null) return undefined;
    const controller = new AbortController();
    const isOther = shown.current !== asked;
    shown.current = asked;
    setState((before) => (isOther ? { body: undefined, etag: null, problem: undefined, isReading: true } : { ...before, isReading: true }));
    call<Body>('GET', path, { query, signal: controller.signal }).then(
      ({ body, etag }) => setState({ body, etag, problem: undefined, isReading: false }),
      (error: unknown) => {
        if (controller.signal.aborted) return;
        if (!(error instanceof Problem)) throw error;
        setState((before) => ({ ...before, problem: error, isReading: false }));
      },
    );
    return () => controller.abort();
  }, [asked, turn, liveTurn]);
  useEffect(() => {
    if (everyMs === undefined) return undefined;
    const timer = setInterval(() => setTurn((before) => before + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  return { ...state, again };
}
