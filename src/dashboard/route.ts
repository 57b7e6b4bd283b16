// In charge of which view is shown: the place after `#` in the URL, such as `#/segments/vip?tab=members`. The service knows nothing of these
// places, so every path that is not the API's stays a 404 there. And of asking before something unsaved is left.
import { useEffect, useSyncExternalStore } from 'react';

export interface Place {
  /** decoded, without the leading slash: `['segments', 'vip']` */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

function readPlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  return { path: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand: shown as not found, not as a crash
  }
}

// ---------------------------------------------------------------- where one is, and what holds one there

/** The step of the browser's history that is shown. Its number is kept in the step, so that it is known how far another step is from it. */
interface Step {
  readonly hash: string;
  readonly number: number;
}

interface Leaving {
  readonly leave: () => void;
  readonly stay: () => void;
}

const listeners = new Set<() => void>();
const holds = new Set<object>();
let shown: Step | null = null;
/** where the URL is already but the page is not, until somebody has decided; null: nowhere else */
let wished: Step | null = null;
let leaving: Leaving | null = null;

function tell(): void {
  for (const listener of listeners) listener();
}

function stepNow(): Step {
  const { hash } = window.location;
  const kept = (window.history.state as { readonly step?: unknown } | null)?.step;
  if (typeof kept === 'number') return { hash, number: kept };
  const number = ((wished ?? shown)?.number ?? -1) + 1; // a new step, by a link or typed
  window.history.replaceState({ step: number }, '');
  return { hash, number };
}

function follow(): void {
  const step = stepNow();
  const isHeld = shown !== null && step.hash !== shown.hash && holds.size > 0;
  wished = isHeld ? step : null;
  leaving = isHeld ? { leave: goOn, stay: goBack } : null;
  if (!isHeld) shown = step;
  tell();
}

function goOn(): void {
  holds.clear();
  follow();
}

/** Goes back through the history, so that it is as it was: one step forward or some steps back, as far as the user had gone. */
function goBack(): void {
  const steps = (shown?.number ?? 0) - (wished?.number ?? 0);
  if (steps !== 0) window.history.go(steps);
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    window.addEventListener('hashchange', follow);
    shown = stepNow();
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.removeEventListener('hashchange', follow);
  };
}

export function usePlace(): Place {
  return readPlace(useSyncExternalStore(subscribe, () => shown?.hash ?? window.location.hash));
}

/** Not null: something is unsaved, and somebody is about to leave it. */
export function useLeaving(): Leaving | null {
  return useSyncExternalStore(subscribe, () => leaving);
}

/** While something is unsaved, the user is asked before going elsewhere; before the tab is closed or reloaded the browser asks on its own. */
export function useUnsaved(isUnsaved: boolean): void {
  useEffect(() => {
    if (!isUnsaved) return undefined;
    const hold = {};
    holds.add(hold);
    const ask = (event: BeforeUnloadEvent) => {
      if (holds.has(hold)) event.preventDefault();
    };
    window.addEventListener('beforeunload', ask);
    return () => {
      holds.delete(hold);
      window.removeEventListener('beforeunload', ask);
    };
  }, [isUnsaved]);
}

/** Does what takes the view away, such as signing out, once nothing unsaved prevents it. */
export function afterAsking(work: () => void): void {
  const settle = (then: () => void) => () => {
    leaving = null;
    then();
    tell();
  };
  if (holds.size === 0) work();
  else leaving = { leave: settle(work), stay: settle(() => undefined) };
  tell();
}

// ---------------------------------------------------------------- going elsewhere

/** → the `href` of a place; each part is encoded, whatever it holds */
export function hrefOf(path: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

export function goTo(path: readonly string[], query: Readonly<Record<string, string>> = {}): void {
  window.location.hash = hrefOf(path, query);
}

/** The same, from a view whose work has just been saved. */
export function goToSaved(path: readonly string[], query: Readonly<Record<string, string>> = {}): void {
  holds.clear();
  goTo(path, query);
}

/** The same place with another query, without a new step in the browser's history. */
export function changeQuery(place: Place, changes: Readonly<Record<string, string | null>>): void {
  const query = new URLSearchParams(place.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  window.history.replaceState(window.history.state, '', hrefOf(place.path, Object.fromEntries(query)));
  follow();
}
