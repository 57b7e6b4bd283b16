// In charge of the form of a change: its schema and its JSON, the same in pages, in streams and wherever else the feed goes.
import { z } from 'zod';
import type { Caller } from '../../access/caller.ts';
import type { Change } from '../../changes/read-changes.ts';
import { CAUSES } from '../../membership/record.ts';
import { Instant, instant, SegmentKey } from './wire.ts';

export const ChangeType = z.enum(['entered', 'exited']);

export const ChangeSchema = z
  .strictObject({
    id: z.string(),
    position: z.int().meta({ description: 'Dense: the next change has the next number' }),
    type: z.enum([...ChangeType.options, 'erased']).meta({ description: 'erased: a tombstone; what is null in it says nothing more' }),
    segment: SegmentKey.nullable().meta({ description: 'Of a tombstone: the segment that an erasure took somebody out of, or null' }),
    customerId: z.string().nullable(),
    version: z.int().nullable(),
    cause: z.enum(CAUSES).nullable().meta({ description: 'What brought it about: a write, the clock, a definition, a hand, an erasure' }),
    at: Instant,
    actor: z
      .string()
      .nullable()
      .meta({ description: 'Who said so by hand; null: nobody did, or it is not for the bearer of a customer token' }),
    reason: z.string().nullable(),
  })
  .meta({
    id: 'Change',
    description: 'One customer entered or left one segment; or a tombstone, where the customer has been erased since',
  });

/** A shop's customers are not shown its staff or what they write. */
export function changeOut(change: Change, caller: Pick<Caller, 'customerId'>): z.input<typeof ChangeSchema> {
  const isCustomer = caller.customerId !== null;
  return {
    id: change.position,
    position: Number(change.position),
    type: change.type,
    segment: change.segment,
    customerId: change.customerId,
    version: change.version,
    cause: change.cause,
    at: instant(change.atMs),
    actor: isCustomer ? null : change.actor,
    reason: isCustomer ? null : change.reason,
  };
}
