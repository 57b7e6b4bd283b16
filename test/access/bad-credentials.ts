// In charge of credentials that open nothing: keys and tokens that are forged, expired, revoked, truncated, somebody else's, or missing.
import { SignJWT, UnsecuredJWT } from 'jose';
import { AccessTokens } from '../../src/access/access-tokens.ts';
import { ADMIN } from '../../src/access/caller.ts';
import type { TestClock } from '../../src/base/clock.ts';
import type { Service } from '../api/service.ts';
import { SECRET_KEY } from '../database.ts';

export type BadCredentials = readonly (readonly [title: string, authorization: string | undefined])[];

/** → the secret */
export async function makeKey(service: Service, name: string, scopes: readonly string[], more: object = {}): Promise<string> {
  const made = await service.call('POST', '/v1/keys', { name, scopes, ...more });
  if (made.status !== 201) throw new Error(made.text);
  return made.body.secret;
}

/** Moves the clock on by a minute, so that some are over. The service is of the cluster `test`. */
export async function makeBadCredentials(service: Service, clock: TestClock): Promise<BadCredentials> {
  const forever = await makeKey(service, 'forever', ['admin']);
  const expired = await makeKey(service, 'expires', ['admin'], { expiresAt: new Date(clock.nowMs() + 1000).toISOString() });
  const revoked = await makeKey(service, 'revoked', ['admin']);
  await service.call('DELETE', `/v1/keys/${idIn(revoked)}`);
  const replaced = await makeKey(service, 'replaced', ['admin']);
  await service.call('POST', `/v1/keys/${idIn(replaced)}/rotate`, { graceSeconds: 1 });
  const wish = { kind: 'customer', customerId: 'me', segments: null, minutes: 1 } as const;
  const old = await service.strata.tokens.mint(wish, ADMIN);
  clock.advance(60_000);
  const own = await service.strata.tokens.mint(wish, ADMIN);
  const [head, payload, signature] = own.token.split('.');
  const claims = {
    iss: 'test',
    aud: 'test',
    sub: 'me',
    jti: 'x',
    minter: 'admin',
    iat: clock.nowMs() / 1000,
    exp: clock.nowMs() / 1000 + 60,
  };
  const signed = (key: string, header: object) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'strata-customer+jwt', ...header }).sign(Buffer.from(key));
  const tokens = {
    'expired token': old.token,
    'token of another cluster': (await new AccessTokens(SECRET_KEY, 'other', clock).mint(wish, ADMIN)).token,
    'token under another secret': (await new AccessTokens(`${SECRET_KEY}!`, 'test', clock).mint(wish, ADMIN)).token,
    'token signed with the secret itself': await signed(SECRET_KEY, {}),
    'token without a signature': `${head}.${payload}.`,
    'token with alg none': new UnsecuredJWT(claims).encode(),
    'token with a changed payload': `${head}.${Buffer.from(JSON.stringify({ ...claims, sub: 'you' })).toString('base64url')}.${signature}`,
    'token of three dots': '..',
    'huge token': `${head}.${'A'.repeat(12_000)}.${signature}`,
  };
  const keys = {
    'expired key': expired,
    'revoked key': revoked,
    'replaced key': replaced,
    'forged key': `${forever.slice(0, -1)}${forever.endsWith('A') ? 'B' : 'A'}`,
    'unknown key': `strata_zzzzzzzzzzzz_${'a'.repeat(43)}`,
    'id of a key alone': forever.slice(0, 20),
    'admin key with more behind': 'test-admin-keyx',
    'admin key cut short': 'test-admin-ke',
    'hash of a key': Buffer.from(forever).toString('base64'),
  };
  const shown = Object.entries({ ...keys, ...tokens }).map(([title, text]) => [title, `Bearer ${text}`] as const);
  return [
    ...shown,
    ['nothing', undefined],
    ['empty', ''],
    ['Bearer alone', 'Bearer'],
    ['Basic', `Basic ${Buffer.from('admin:test-admin-key').toString('base64')}`],
    ['two keys', `Bearer ${forever} ${forever}`],
    ['a list', `Bearer ${forever}, Bearer ${forever}`],
  ];
}

function idIn(secret: string): string {
  return secret.slice(7, 19);
}
