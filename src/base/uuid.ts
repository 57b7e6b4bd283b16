// In charge of fresh ids that sort by time, and of telling whether a text is such an id. Not of time, which is an argument.
import { randomFillSync } from 'node:crypto';

/** RFC 9562 version 7: 48 bits of milliseconds, then 74 random ones. */
export function uuidv7(nowMs: number): string {
  const bytes = Buffer.allocUnsafe(16);
  randomFillSync(bytes, 6);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** As we print them: other spellings that Postgres would take are nobody's id. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
