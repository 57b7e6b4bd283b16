// In charge of ids for events in a file that have none: the same file gives the same ids, so that importing it again changes nothing.
import { hash } from 'node:crypto';
import type { EventFact } from '../facts.ts';

/** What makes two events of a file equal: customer, name, time (also its absence) and properties in any order. 32 hex digits. Of which form: stored-contents.ts. */
export function eventContentHash(event: Omit<EventFact, 'id'>): string {
  const properties = Object.entries(event.properties).sort(([left], [right]) => (left < right ? -1 : 1));
  const content = JSON.stringify([event.customerId, event.name, event.occurredAtMs, properties]);
  return hash('sha256', content, 'hex').slice(0, 32);
}

/** `count`: its number among its equals in the file, from 1. */
export function eventIdOf(contentHash: string, count: number): string {
  return `${contentHash}-${count}`;
}
