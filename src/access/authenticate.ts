// In charge of who calls: takes what a request shows, whatever carried it, and says who that is. Not of what they may (caller.ts), nor of
// where in a request it stands (api/rest/authenticate.ts).
import net from 'node:net';
import ipaddr from 'ipaddr.js';
import { AppError } from '../errors.ts';
import type { AccessTokens } from './access-tokens.ts';
import { ADMIN, type Caller } from './caller.ts';
import { hashOfSecret, idOfSecret, isSameHash } from './key-secret.ts';
import type { KnownKeys } from './known-keys.ts';
import type { Limit, RateLimits } from './rate-limits.ts';

export interface Credentials {
  /** as it stands in the header (or in the field of that name with which a websocket begins); undefined: there is none */
  readonly authorization: string | undefined;
  /** from a URL: a token, never a key; undefined: there is none */
  readonly accessToken: string | undefined;
  /** of the peer: failures are counted by it */
  readonly address: string;
}

/** Throws `unauthenticated`, and `rate_limited` instead where too much of that has come from the address. */
export type Authenticate = (credentials: Credentials) => Promise<Caller>;

export interface AuthenticationParts {
  readonly adminKey: string;
  readonly keys: KnownKeys;
  readonly tokens: AccessTokens;
  readonly failures: RateLimits;
  readonly failuresPerMinute: number;
  readonly nowMs: () => number;
}

/** A key shorter than this might be guessed, so where too many wrong ones come from, it opens nothing for a while either. */
const UNGUESSABLE_LENGTH = 24;

export function authenticator(parts: AuthenticationParts): Authenticate {
  const { adminKey, keys, tokens, failures, nowMs } = parts;
  const adminHash = hashOfSecret(adminKey);
  const limit: Limit = { perSecond: parts.failuresPerMinute / 60, burst: parts.failuresPerMinute };

  async function recognise(text: string, isFromUrl: boolean, address: string): Promise<Caller | null> {
    const hash = hashOfSecret(text);
    const isAdmin = isSameHash(hash, adminHash); // compared whatever it is: the time says nothing
    const id = idOfSecret(text);
    if (isFromUrl) return isAdmin || id !== undefined ? null : recogniseToken(text);
    if (isAdmin) {
      const withheld = adminKey.length < UNGUESSABLE_LENGTH && failures.isEmpty(placeOf(address), limit, nowMs());
      return withheld ? null : ADMIN;
    }
    return id === undefined ? recogniseToken(text) : keys.find(id, hash);
  }

  async function recogniseToken(text: string): Promise<Caller | null> {
    const read = await tokens.read(text);
    return read !== null && (await keys.isLiving(read.minter)) ? read.caller : null;
  }

  return async (credentials) => {
    const { text, isFromUrl } = onlyOne(credentials);
    const caller = await recognise(text, isFromUrl, credentials.address);
    if (caller !== null) return caller;
    const taken = failures.take(placeOf(credentials.address), limit, nowMs());
    if (!taken.allowed) {
      const detail = 'Too many unknown keys have come from this address.';
      throw new AppError('rate_limited', detail, { retryAfterS: taken.retryInS });
    }
    throw new AppError('unauthenticated', isFromUrl ? 'This is no token that is known here; a key never stands in a URL.' : UNKNOWN);
  };
}

const UNKNOWN = 'This key or token is not known here, or its time is over.';

function onlyOne({ authorization, accessToken }: Credentials): { readonly text: string; readonly isFromUrl: boolean } {
  if (accessToken !== undefined) {
    if (authorization === undefined) return { text: accessToken, isFromUrl: true };
    throw new AppError('invalid_request', 'Send a token in the header or in `access_token`, not in both.');
  }
  if (authorization === undefined) throw new AppError('unauthenticated', 'Send the header `Authorization: Bearer <key>`.');
  const text = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1];
  if (text === undefined) throw new AppError('unauthenticated', 'The Authorization header must read `Bearer <key>`.');
  return { text, isFromUrl: false };
}

/** A household of IPv6 has a /64 to itself, and so has whoever would walk through its addresses. */
function placeOf(address: string): string {
  if (!net.isIPv6(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toByteArray().slice(0, 8).join('.');
}
