// In charge of times in files that are not as RFC 3339 writes them: without a zone ("2010-12-01 08:26:00"), which instant they are in the
// import's zone; or with one in another form, as exports of shops write it. Not of calendar arithmetic in rules (rules/ and SQL).
import { Temporal } from 'temporal-polyfill';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../base/durations.ts';
import { readTimestamp } from '../read-time.ts';

/** `YYYY-MM-DD`, alone or with ` ` or `T` and `HH:MM`, `HH:MM:SS` or `HH:MM:SS.mmm`; times with an offset are read elsewhere. */
const LOCAL_TIME = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?$/;

/** `2026-03-02 10:15:00 +0100` (Shopify), `… UTC` (BigQuery), `…+01` (Postgres): which instant is meant is beyond doubt. */
const OTHER_OFFSET = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2})(:\d{2})?(\.\d{1,9})? ?(?:(?:UTC|GMT|Z)|([+-]\d{2}):?(\d{2})?)$/;

export interface LocalTimes {
  readonly timeZone: string;
  /**
   * The RFC 3339 form of a local time, in UTC, or of one with an offset in another form; undefined if the text is neither (it has that form, or is
   * no time at all).
   * A date alone is the beginning of its day. If an hour comes twice (clocks set back) it is the first; a time that does not exist
   * (clocks set forward) moves on by the missing hour: 01:30 on that day in London is 02:30 summer time.
   */
  toUtc(text: string): string | undefined;
}

function withOffset(text: string): string | undefined {
  const match = OTHER_OFFSET.exec(text);
  if (match === null) return undefined;
  const [, date, minutes, seconds = ':00', fraction = '', hours, rest = '00'] = match;
  const time = `${date}T${minutes}${seconds}${fraction}${hours === undefined ? 'Z' : `${hours}:${rest}`}`;
  return time === text || readTimestamp(time) === undefined ? undefined : time;
}

/** Offsets are asked once per local day; only days around a transition go to Temporal for each time (0.3 µs against 60 µs a time). */
export function createLocalTimes(timeZone: string): LocalTimes {
  const offsets = new Map<number, number | null>();

  const offsetAt = (instantMs: number) =>
    Temporal.Instant.fromEpochMilliseconds(instantMs).toZonedDateTimeISO(timeZone).offsetNanoseconds / 1e6;

  /** The offset of the whole local day, or null if it changes within a day of it. */
  const offsetOfDay = (dayMs: number): number | null => {
    let offset = offsets.get(dayMs);
    if (offset === undefined) {
      const before = offsetAt(dayMs - DAY_MS);
      offset = before === offsetAt(dayMs + DAY_MS) && before === offsetAt(dayMs + 2 * DAY_MS) ? before : null;
      if (offsets.size > 100_000) offsets.clear();
      offsets.set(dayMs, offset);
    }
    return offset;
  };

  const toUtc = (text: string): string | undefined => {
    const match = LOCAL_TIME.exec(text);
    if (match === null) return withOffset(text);
    const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = match;
    const milliseconds = Number(fraction.slice(0, 3).padEnd(3, '0'));
    const dayMs = Date.UTC(Number(year), Number(month) - 1, Number(day));
    const date = new Date(dayMs);
    const exists = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day) && Number(year) >= 100;
    if (!exists || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
    const localMs = dayMs + Number(hour) * HOUR_MS + Number(minute) * MINUTE_MS + Number(second) * 1000 + milliseconds;
    const offset = offsetOfDay(dayMs);
    if (offset !== null) return new Date(localMs - offset).toISOString();
    const local = Temporal.PlainDateTime.from(new Date(localMs).toISOString().slice(0, -1));
    const instant = local.toZonedDateTime(timeZone, { disambiguation: 'compatible' }).epochMilliseconds;
    return new Date(instant).toISOString();
  };

  let lastText = '';
  let lastUtc: string | undefined;
  return {
    timeZone,
    toUtc: (text) => {
      if (text !== lastText) {
        lastText = text;
        lastUtc = toUtc(text);
      }
      return lastUtc; // the lines of an order, and rows of one export, often have the same time
    },
  };
}
