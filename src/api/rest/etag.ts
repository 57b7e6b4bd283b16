// In charge of ETags: a hash of what the owners of a thing edit, and the condition that If-Match puts on an edit. Which parts of a thing are
// hashed is decided in the thing's own file.
import { createHash } from 'node:crypto';
import { AppError } from '../../errors.ts';

export function tagOver(edited: readonly unknown[]): string {
  return `"${createHash('sha256').update(JSON.stringify(edited)).digest('base64url').slice(0, 22)}"`;
}

/** `what` begins a sentence: “Segment”. Without the header there is no condition. The check throws `version_conflict`. */
export function expectTag<Thing extends { readonly key: string }>(
  ifMatch: string | undefined,
  what: string,
  tagOf: (thing: Thing) => string,
): (thing: Thing) => void {
  if (ifMatch === undefined) return () => {};
  const accepted = ifMatch.split(',').map((tag) => tag.trim());
  return (thing) => {
    if (accepted.includes('*') || accepted.includes(tagOf(thing))) return;
    throw new AppError('version_conflict', `${what} “${thing.key}” has changed since you read it; read it again.`);
  };
}
