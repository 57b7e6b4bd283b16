// In charge of the form of a key's secret: `strata_` + the key's id + `_` + 32 random bytes. Not of storing it.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // without letters that look like digits
const ID_LENGTH = 12;
const FORM = /^strata_([0-9a-hjkmnp-tv-z]{12})_[A-Za-z0-9_-]{43}$/;

export function newKeyId(): string {
  return Array.from(randomBytes(ID_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join(''); // 32 divides 256, so all are equally likely
}

export function newSecret(id: string): string {
  return `strata_${id}_${randomBytes(32).toString('base64url')}`;
}

/** The id in a text that has the form of a secret; undefined: it is not one of ours. */
export function idOfSecret(text: string): string | undefined {
  return text.length === 63 ? FORM.exec(text)?.[1] : undefined;
}

export function hashOfSecret(text: string): Buffer {
  return hash('sha256', text, 'buffer'); // in one call, which takes a third of the time
}

/** In constant time; both are hashes, so neither the length nor a common beginning can be measured. */
export function isSameHash(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
