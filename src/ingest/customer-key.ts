// In charge of the key under which a customer is stored, computed from the caller's id, so that ingest needs no look-up and no sequence.
import { hash } from 'node:crypto';
import type { CustomerKey } from './facts.ts';

/** No customer has a smaller key, or a greater one. */
export const LEAST_KEY: CustomerKey = '-9223372036854775808';
export const GREATEST_KEY: CustomerKey = '9223372036854775807';

/**
 * The first 8 bytes of SHA-256 over the id's UTF-8, big-endian signed, as a decimal string. The id is well-formed Unicode, which validation has
 * made sure of.
 */
export function customerKey(externalId: string): CustomerKey {
  return BigInt.asIntN(64, BigInt(`0x${hash('sha256', externalId, 'hex').slice(0, 16)}`)).toString();
}
