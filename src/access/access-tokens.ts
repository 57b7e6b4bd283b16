// In charge of short-lived tokens for browsers, signed and stored nowhere: for one customer, or for one reader of the feed. Each names the key
// that minted it. Not of who may have one (api/rest/customer-tokens.ts), nor of whether that key is still valid (authenticate.ts).
import { hkdfSync } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { uuidv7 } from '../base/uuid.ts';
import type { Caller } from './caller.ts';

export const TOKEN_MINUTES_MAX = 24 * 60;
/** So that a token fits into a URL: 3 KiB of keys at the most. */
export const TOKEN_SEGMENTS_MAX = 50;
const TOKEN_LENGTH_MAX = 8192;
/** 40 MB if all tokens were as long as they can be, 2 MB with usual ones. */
const VERIFIED_MAX = 4096;

export type TokenWish =
  | { readonly kind: 'customer'; readonly customerId: string; readonly segments: readonly string[] | null; readonly minutes: number }
  | { readonly kind: 'stream'; readonly segments: readonly string[] | null; readonly minutes: number };

/** Who mints: the token names it, and lives no longer than its key. */
export type Minter = Pick<Caller, 'identity' | 'expiresAtMs'>;

export interface ReadToken {
  readonly caller: Caller;
  /** the identity of its minter */
  readonly minter: string;
}

export interface AccessToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

const ALGORITHM = 'HS256';
/** The kind is in the header, which is signed like everything else. */
const TYPES: Readonly<Record<TokenWish['kind'], string>> = { customer: 'strata-customer+jwt', stream: 'strata-stream+jwt' };

const Claims = z.object({
  sub: z.string().min(1),
  jti: z.string().min(1),
  minter: z.string().min(1),
  iat: z.int(),
  exp: z.int(),
  segments: z.array(z.string()).max(TOKEN_SEGMENTS_MAX).optional(),
});

export class AccessTokens {
  readonly #key: Uint8Array;
  readonly #cluster: string;
  readonly #clock: Clock;
  /** signatures already verified: each costs 60 µs, which a page would otherwise cost again with each view */
  readonly #verified = new Map<string, ReadToken>();

  /** The key differs for each cluster, even if two are started with one SECRET_KEY, and is used for nothing but these tokens (RFC 5869). */
  constructor(secretKey: string, cluster: string, clock: Clock) {
    this.#key = new Uint8Array(hkdfSync('sha256', secretKey, cluster, 'strata access tokens 1', 32));
    this.#cluster = cluster;
    this.#clock = clock;
  }

  async mint(wish: TokenWish, minter: Minter): Promise<AccessToken> {
    const issuedS = Math.floor(this.#clock.nowMs() / 1000);
    const keyEndsS = minter.expiresAtMs === null ? Number.POSITIVE_INFINITY : Math.floor(minter.expiresAtMs / 1000);
    const expiresS = Math.min(issuedS + wish.minutes * 60, keyEndsS);
    const token = await new SignJWT({
      minter: minter.identity,
      ...(wish.segments === null ? {} : { segments: [...wish.segments] }),
    })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPES[wish.kind] })
      .setIssuer(this.#cluster)
      .setAudience(this.#cluster)
      .setSubject(wish.kind === 'customer' ? wish.customerId : 'changes')
      .setJti(uuidv7(this.#clock.nowMs()))
      .setIssuedAt(issuedS)
      .setExpirationTime(expiresS)
      .sign(this.#key);
    return { token, expiresAtMs: expiresS * 1000 };
  }

  /** null: it is not one of ours, or has expired. */
  async read(token: string): Promise<ReadToken | null> {
    if (token.length > TOKEN_LENGTH_MAX) return null;
    const known = this.#verified.get(token);
    if (known !== undefined) return this.#isOver(known) ? null : known;
    const read = await this.#verify(token);
    if (read !== null) this.#remember(token, read);
    return read;
  }

  #isOver({ caller: { expiresAtMs } }: ReadToken): boolean {
    return expiresAtMs !== null && expiresAtMs <= this.#clock.nowMs();
  }

  #remember(token: string, read: ReadToken): void {
    this.#verified.set(token, read);
    if (this.#verified.size <= VERIFIED_MAX) return;
    const oldest = this.#verified.keys().next();
    if (oldest.done !== true) this.#verified.delete(oldest.value);
  }

  async #verify(token: string): Promise<ReadToken | null> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#key, {
        algorithms: [ALGORITHM],
        issuer: this.#cluster,
        audience: this.#cluster,
        currentDate: new Date(this.#clock.nowMs()),
      });
      const kind = (['customer', 'stream'] as const).find((each) => TYPES[each] === protectedHeader.typ);
      const claims = Claims.safeParse(payload);
      if (kind === undefined || !claims.success || claims.data.exp - claims.data.iat > TOKEN_MINUTES_MAX * 60) return null;
      return { caller: callerOf(kind, claims.data), minter: claims.data.minter };
    } catch (error) {
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }
}

function callerOf(kind: TokenWish['kind'], { sub, jti, exp, segments }: z.infer<typeof Claims>): Caller {
  const isCustomer = kind === 'customer';
  return {
    actor: `${kind} token`,
    bearer: kind,
    identity: isCustomer ? `customer:${sub}` : `stream:${jti}`,
    scopes: new Set(),
    segments: segments === undefined ? null : new Set(segments),
    customerId: isCustomer ? sub : null,
    expiresAtMs: exp * 1000,
    requestsPerSecond: null,
  };
}
