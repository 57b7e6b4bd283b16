// In charge of recognising the caller: takes the credentials of a request, however they came, and says whose they are. Not of what the caller
// may do (caller.ts), nor of where in a request they are (api/rest/authenticate.ts).
import net from 'node:net';
import ipaddr from 'ipaddr.js';
import { AppError } from '../errors.ts';
import type { AccessTokens } from './access-tokens.ts';
import { ADMIN, type Caller } from './caller.ts';
import { hashOfSecret, idOfSecret, isSameHash } from './key-secret.ts';
import type { KnownKeys } from './known-keys.ts';
import type { Limit, RateLimits } from './rate-limits.ts';

export interface Credentials {
  /** the header's value (or that of the field of the same name with which a websocket begins); undefined: there is none */
  readonly authorization: string | undefined;
  /** from a URL: a token, never a key; undefined: there is none */
  readonly accessToken: string | undefined;
  /** the peer's: failures are counted by it */
  readonly address: string;
}

/** Throws `unauthenticated`, or `rate_limited` after too many failures from the address. */
export type Authenticate = (credentials: Credentials) => Promise<Caller>;

export interface AuthenticationParts {
  readonly adminKey: string;
  readonly keys: KnownKeys;
  readonly tokens: AccessTokens;
  readonly failures: RateLimits;
  readonly failuresPerMinute: number;
  readonly nowMs: () => number;
}

/** A key shorter than this might be guessed, so from an address that sends too many wrong ones it is refused for a while as well. */
const UNGUESSABLE_LENGTH = 24;

export function authenticator(parts: AuthenticationParts): Authenticate {
  const { adminKey, keys, tokens, failures, nowMs } = parts;
  const adminHash = hashOfSecret(adminKey);
  const limit: Limit = { perSecond: parts.failuresPerMinute / 60, burst: parts.failuresPerMinute };

  async function recognise(text: string, isFromUrl: boolean, address: string): Promise<Caller | null> {
    const hash = hashOfSecret(text);
    const isAdmin = isSameHash(hash, adminHash); // compared in any case, so that the time reveals nothing
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

/** With IPv6 a household has a /64 to itself, and so has anybody who tries many addresses. */
function placeOf(address: string): string {
  if (!net.isIPv6(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toByteArray().slice(0, 8).join('.');
}
