// In charge of learning of changes as they happen: one stream for the whole page, read with fetch, so that the key stays in a header. Views get
// the newest changes, and at most every two seconds a beat on which to read again.
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { nowMs } from '../clock.ts';
import { openStream } from './call.ts';

export interface LiveChange {
  readonly id: string;
  readonly position: number;
  readonly type: 'entered' | 'exited';
  readonly segment: string;
  readonly customerId: string;
  readonly cause: string;
  readonly at: string;
}

interface Live {
  readonly state: 'connecting' | 'live' | 'interrupted';
  readonly beat: number;
  /** newest first */
  readonly changes: readonly LiveChange[];
}

const BEAT_MS = 2_000;
const AGAIN_MS = 3_000;
const KEPT = 50;
const LiveContext = createContext<Live>({ state: 'connecting', beat: 0, changes: [] });

export function useLive(): Live {
  return useContext(LiveContext);
}

export function useLiveBeat(): number {
  return useContext(LiveContext).beat;
}

export function LiveChanges({ children }: { readonly children: ReactNode }) {
  const [live, setLive] = useState<Live>({ state: 'connecting', beat: 0, changes: [] });
  useEffect(() => {
    const controller = new AbortController();
    let fresh: LiveChange[] = [];
    const timer = setInterval(() => {
      if (fresh.length === 0) return;
      const newest = fresh.reverse().slice(0, KEPT);
      fresh = [];
      setLive(({ state, beat, changes }) => ({ state, beat: beat + 1, changes: [...newest, ...changes].slice(0, KEPT) }));
    }, BEAT_MS);
    const take = (change: LiveChange) => {
      fresh.push(change);
      if (fresh.length > 10 * KEPT) fresh = fresh.slice(-KEPT);
    };
    const say = (state: Live['state']) => setLive((before) => (before.state === state ? before : { ...before, state }));
    void follow(take, say, controller.signal);
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, []);
  return <LiveContext value={live}>{children}</LiveContext>;
}

async function follow(take: (change: LiveChange) => void, say: (state: Live['state']) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      // from now on: what happened before is read from the API
      const response = await openStream('/v1/changes/stream', { query: { from: new Date(nowMs()).toISOString() }, signal });
      say('live');
      await readEvents(response, take);
    } catch {
      if (signal.aborted) return;
    }
    say('interrupted');
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

async function readEvents(response: Response, take: (change: LiveChange) => void): Promise<void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = `${rest}${value}`.split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = event.split('\n').find((line) => line.startsWith('data:'));
      const isChange = !event.split('\n').some((line) => line.startsWith('event:') && !line.includes('change'));
      if (data !== undefined && isChange) take(JSON.parse(data.slice('data:'.length)) as LiveChange);
    }
  }
}
