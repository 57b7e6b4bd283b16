// In charge of which view is shown: the place behind `#` in the URL, such as `#/segments/vip?tab=members`. The service knows nothing of these
// places, so every path that is not the API's stays a 404 there.
import { useSyncExternalStore } from 'react';

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

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

export function usePlace(): Place {
  return readPlace(useSyncExternalStore(subscribe, () => window.location.hash));
}

/** → the `href` of a place; each part is encoded, whatever it holds */
export function hrefOf(path: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

export function goTo(path: readonly string[], query: Readonly<Record<string, string>> = {}): void {
  window.location.hash = hrefOf(path, query);
}

/** The same place with another query, without a new step in the browser's history. */
export function changeQuery(place: Place, changes: Readonly<Record<string, string | null>>): void {
  const query = new URLSearchParams(place.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  window.history.replaceState(null, '', hrefOf(place.path, Object.fromEntries(query)));
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}
