// In charge of fresh ids that sort by time. Not of ids that callers give, nor of time, which is an argument.
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
