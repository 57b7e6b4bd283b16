// In charge of who may call: the admin key, compared in constant time over hashes. Scoped keys are not here yet.
import { createHash, timingSafeEqual } from 'node:crypto';
import { ADMIN, type Caller } from '../../access/caller.ts';
import { AppError } from '../../errors.ts';

export type Authenticate = (authorization: string | undefined) => Caller;

/** Hashing first makes the lengths equal, so that not even the length of the key can be measured. */
export function authenticator(adminKey: string): Authenticate {
  const expected = digest(adminKey);
  return (authorization) => {
    if (authorization === undefined) throw new AppError('unauthenticated', 'Send the header `Authorization: Bearer <key>`.');
    const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (given === undefined) throw new AppError('unauthenticated', 'The Authorization header must read `Bearer <key>`.');
    if (!timingSafeEqual(digest(given), expected)) throw new AppError('unauthenticated', 'This key is not known here.');
    return ADMIN;
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
