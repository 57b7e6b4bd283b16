// In charge of the routes that mint tokens for browsers: for one customer, and for one reader of the feed. Signing is access/access-tokens.ts.
import { z } from 'zod';
import { TOKEN_MINUTES_MAX, TOKEN_SEGMENTS_MAX, type TokenWish } from '../../access/access-tokens.ts';
import { type Caller, requireSegments } from '../../access/caller.ts';
import { AppError } from '../../errors.ts';
import type { Strata } from '../../strata.ts';
import { segmentsForToken } from './keys.ts';
import { type Route, route } from './route.ts';
import { CustomerId, Instant, instant, SegmentKey } from './wire.ts';

const wish = {
  segments: z
    .array(SegmentKey)
    .min(1)
    .max(TOKEN_SEGMENTS_MAX)
    .optional()
    .meta({ description: 'The only ones that it shows; left out: all that your key shows' }),
  minutes: z.int().min(1).max(TOKEN_MINUTES_MAX).meta({ description: 'How long it is good for' }),
};
const CustomerTokenInput = z.strictObject({ customerId: CustomerId, ...wish }).meta({ id: 'CustomerTokenInput' });
const StreamTokenInput = z.strictObject(wish).meta({ id: 'StreamTokenInput' });

const TokenSchema = z
  .strictObject({
    token: z
      .string()
      .meta({ description: 'A signed JWT: as `Authorization: Bearer …`, or where no header can be sent as `?access_token=`' }),
    expiresAt: Instant,
  })
  .meta({ id: 'AccessToken' });

export const customerTokenRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/customer-tokens',
    operationId: 'createCustomerToken',
    tag: 'keys',
    scope: 'members:read',
    summary: 'A token with which a browser reads the segments of one customer',
    description:
      'It reads `GET /v1/customers/{id}/segments` of that customer and the changes of that customer, and nothing else. The customer need not be known yet. It ends with its time or with the key that minted it, whichever comes first, and cannot be taken back alone; give it few minutes.',
    body: { kind: 'schema', schema: CustomerTokenInput },
    readsOnly: true,
    answers: { 201: TokenSchema },
    handle: ({ strata, caller, body }) =>
      mint(strata, caller, body.segments, (segments) => ({
        kind: 'customer',
        customerId: body.customerId,
        segments,
        minutes: body.minutes,
      })),
  }),
  route({
    method: 'POST',
    path: '/v1/stream-tokens',
    operationId: 'createStreamToken',
    tag: 'keys',
    scope: 'members:read',
    summary: 'A token with which a browser follows the feed',
    description:
      'It reads the changes and their stream, of the segments named, and nothing else. It ends with its time or with the key that minted it.',
    body: { kind: 'schema', schema: StreamTokenInput },
    readsOnly: true,
    answers: { 201: TokenSchema },
    handle: ({ strata, caller, body }) =>
      mint(strata, caller, body.segments, (segments) => ({ kind: 'stream', segments, minutes: body.minutes })),
  }),
];

async function mint(
  strata: Strata,
  caller: Caller,
  wished: readonly string[] | undefined,
  wishFor: (segments: readonly string[] | null) => TokenWish,
): Promise<z.input<typeof TokenSchema>> {
  requireSegments(caller, wished ?? []);
  const segments = await segmentsForToken(strata, caller, wished);
  if (segments !== null && segments.length > TOKEN_SEGMENTS_MAX) {
    const detail = `Your key is for ${segments.length} segments, and a token holds ${TOKEN_SEGMENTS_MAX} at the most; name them.`;
    throw new AppError('invalid_fields', detail, { errors: [{ pointer: '/segments', code: 'missing_field', detail }] });
  }
  const { token, expiresAtMs } = await strata.tokens.mint(wishFor(segments), caller);
  return { token, expiresAt: instant(expiresAtMs) };
}
