// In charge of how many milliseconds the units of time have that are of one length. A day in a time zone may be longer or shorter: calendar.ts.
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
