// In charge of reading again when something of one customer or one segment has changed, and only then.
import { useEffect, useRef } from 'react';
import { useLive } from './live.tsx';

/** → the id of the newest change reported so far; '' if there is none */
export function useNewestChange(field: 'segment' | 'customerId', value: string): string {
  return useLive().changes.find((change) => change[field] === value)?.id ?? '';
}

/** Calls `again` whenever `turn` has changed; not for the first one, which is being read anyway. */
export function useAgain(turn: string, again: () => void): void {
  const done = useRef(turn);
  useEffect(() => {
    if (done.current === turn) return;
    done.current = turn;
    again();
  }, [turn, again]);
}
