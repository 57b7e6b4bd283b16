// In charge of reading the place at which a webhook is to begin.
/** A place of the feed as it is typed: a position, or otherwise an instant, which the service judges. */
export function readFrom(typed: string): number | string {
  const text = typed.trim();
  return /^\d+$/.test(text) ? Number(text) : text;
}
