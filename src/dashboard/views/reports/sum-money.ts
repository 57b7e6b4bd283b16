// In charge of adding up money exactly: decimal strings with at most four decimals.
const SCALE = 10_000n;

export function sumMoney(amounts: readonly string[]): string {
  const sum = amounts.reduce((total, amount) => total + scaled(amount), 0n);
  const size = sum < 0n ? -sum : sum;
  return `${sum < 0n ? '-' : ''}${size / SCALE}.${String(size % SCALE).padStart(4, '0')}`;
}

function scaled(amount: string): bigint {
  const [whole = '0', rest = ''] = amount.replace('-', '').split('.');
  const size = BigInt(whole) * SCALE + BigInt(rest.padEnd(4, '0').slice(0, 4));
  return amount.startsWith('-') ? -size : size;
}

/** One amount divided by another, for a share; null: there is nothing to divide by. */
export function shareOf(part: string, whole: string): number | null {
  return Number(whole) === 0 ? null : Number(part) / Number(whole);
}
