// In charge of reading where a webhook is to begin.
/** A place of the feed as one types it: a position, or else an instant, which the service judges. */
export function readFrom(typed: string): number | string {
  const text = typed.trim();
  return /^\d+$/.test(text) ? Number(text) : text;
}
