// In charge of who is signed in: the key is kept only in this tab (session storage), never in the URL, and is gone when the tab is closed.
import { useSyncExternalStore } from 'react';

const NAME = 'strata.key';
const listeners = new Set<() => void>();

export function currentKey(): string | null {
  return sessionStorage.getItem(NAME);
}

export function signIn(key: string): void {
  sessionStorage.setItem(NAME, key);
  for (const listener of listeners) listener();
}

export function signOut(): void {
  sessionStorage.removeItem(NAME);
  for (const listener of listeners) listener();
}

export function useKey(): string | null {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, currentKey);
}
