// In charge of the secrets of webhooks: making them, signing with them as Standard Webhooks says, and keeping them encrypted.
// Not of where they are stored (webhooks.ts).
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
const MADE_BYTES = 32;
const LEAST_BYTES = 24;
const MOST_BYTES = 64;

export function makeSecret(): string {
  return PREFIX + randomBytes(MADE_BYTES).toString('base64');
}

/** `whsec_` and 24 to 64 bytes in base64, with or without padding. → the bytes; null: it is not a secret */
export function readSecret(secret: string): Buffer | null {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '');
  return isWhole && bytes.length >= LEAST_BYTES && bytes.length <= MOST_BYTES ? bytes : null;
}

/** The value of `webhook-signature`: one signature for each secret, the newest first. `timestamp` in seconds. */
export function sign(secrets: readonly Buffer[], messageId: string, timestamp: number, body: string): string {
  return secrets
    .map((secret) => `v1,${createHmac('sha256', secret).update(`${messageId}.${timestamp}.`).update(body).digest('base64')}`)
    .join(' ');
}

// ---------------------------------------------------------------- at rest

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The key that encrypts secrets of webhooks and nothing else: other uses of SECRET_KEY derive theirs with another `info`. */
export function deriveWebhookKey(secretKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secretKey, '', 'strata webhook secrets v1', KEY_BYTES));
}

/** nonce, tag, ciphertext. Bound to the webhook, so that a row's secret is of no use in another row. */
export function encryptSecret(key: Buffer, webhookId: string, secret: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(webhookId));
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** null: it was encrypted with another key, or is damaged. */
export function decryptSecret(key: Buffer, webhookId: string, stored: Buffer): Buffer | null {
  if (stored.length < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key, stored.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(webhookId)).setAuthTag(stored.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(stored.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
  } catch {
    return null; // this is how node says that the tag does not match
  }
}
