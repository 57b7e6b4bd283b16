// In charge of one cell of a CSV file that we write (RFC 4180): in quotes where it must be, and where a reader would trim it.

export function quoteCell(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
