// In charge of instants in fields: what a `datetime-local` shows and takes, in the zone of this browser.
const DIGITS = { minutes: 16, seconds: 19 };

/** '' if it is no instant. */
export function localOf(instant: string, exactTo: keyof typeof DIGITS): string {
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) return '';
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, DIGITS[exactTo]);
}

/** undefined: nothing was entered. */
export function instantOf(local: string): string | undefined {
  return local === '' ? undefined : new Date(local).toISOString();
}
