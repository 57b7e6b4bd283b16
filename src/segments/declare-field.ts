// In charge of declaring the type of an attribute or a property that rules may read: which live rules do is found under the lock
// that keeps definitions from changing. What a declaration does to stored values is the catalog's business (declare-type.ts).
import { noteWrite } from '../access/write-record.ts';
import type { Clock } from '../base/clock.ts';
import { type Declaration, type DeclaredType, declareType } from '../catalog/declare-type.ts';
import { asQueryable, type Database } from '../db/database.ts';
import { changeUnderLock } from './change-definitions.ts';
import { type LiveSegment, loadDefinitions } from './definitions.ts';

/** Throws `in_use` (a live rule reads it), `conflict` (stored values do not convert). */
export async function declareField(database: Database, clock: Clock, declaration: Declaration): Promise<DeclaredType> {
  return changeUnderLock(database, clock, async (client) => {
    const { live } = await loadDefinitions(asQueryable(client));
    const readBy = live.filter((segment) => reads(segment, declaration)).map((segment) => segment.key);
    const { event, name } = declaration;
    const { before, declared } = await declareType(client, declaration, readBy);
    const target = event === null ? `attributes/${name}` : `events/${event}/properties/${name}`;
    await noteWrite(client, { target, changes: [{ customerKey: null, content: { before, after: declaration } }] });
    return declared;
  });
}

/** A rule that names only another event's property of that name counts as reading it too: refusing is safe. */
function reads({ checked }: LiveSegment, { event, name }: Declaration): boolean {
  const kind = event === null ? 'attribute' : 'property';
  const names = [...checked.types.keys()].some((expression) => expression.kind === kind && expression.name === name);
  return names && (event === null || checked.reads.events.has(event) || checked.reads.events.has(null));
}
