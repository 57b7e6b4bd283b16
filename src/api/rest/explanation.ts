// In charge of the route that says why a customer is in a segment, or is not.
import { z } from 'zod';
import { explainPast } from '../../changes/explain-past.ts';
import { AppError } from '../../errors.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import { explainNow } from '../../membership/explain-now.ts';
import { readSegments } from '../../pipeline.ts';
import { getSegment } from '../../segments/segments.ts';
import { customerNotFound } from './customers.ts';
import { ExplanationSchema, explanationOut } from './explanation-schema.ts';
import { type Route, route } from './route.ts';
import { CustomerId, InstantInput, SegmentKey } from './wire.ts';

export const explanationRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/customers/:customerId/segments/:key/explanation',
    operationId: 'explainMembership',
    tag: 'customers',
    scope: 'members:read',
    summary: 'Why the customer is in the segment or is not, now or as of a past instant',
    description:
      'Now: the rule as a tree with what each condition asked and saw, by the statements that decide memberships; the next change if nothing is written is exact. A past instant is answered from what the change that decided it recorded: values, not rows.',
    params: z.strictObject({ customerId: CustomerId, key: SegmentKey }),
    query: z.strictObject({ at: InstantInput.optional().meta({ description: 'As of a past instant instead of now' }) }),
    fresh: 'write',
    personal: { of: 'path' },
    answers: { 200: ExplanationSchema },
    refusals: ['not_found', 'conflict', 'history_trimmed'],
    handle: async ({ strata, caller, params, query }) => {
      const key = customerKey(params.customerId);
      const found = await readSegments(strata, key); // whoever is due is evaluated first
      if (found === null || found.customerId !== params.customerId) throw customerNotFound(params.customerId);
      const segment = await getSegment(strata.database, params.key);
      if (query.at !== undefined) return explanationOut(await explainPast(strata, key, segment.id, Date.parse(query.at)), caller);
      if (segment.version === null) {
        const detail = `Segment “${params.key}” is a draft: no version of it is published, so nobody is in it. Preview its rule instead.`;
        throw new AppError('conflict', detail);
      }
      const { explanation, changes } = await explainNow(strata, key, segment.id);
      if (changes > 0) strata.publisher.poke();
      return explanationOut(explanation, caller);
    },
  }),
];
