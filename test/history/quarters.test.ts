// Sizes are kept by quarters of hours: the days of every zone must begin at one, or the size on a local day could not be exact.
import { Temporal } from 'temporal-polyfill';
import { expect, test } from 'vitest';
import { dayOf, dayStartMs } from '../../src/base/calendar.ts';
import { MAX_POINTS, periodsBetween, QUARTER_MS } from '../../src/changes/read-sizes.ts';

const FROM = Temporal.Instant.from('2026-01-01T00:00:00Z');
const UNTIL_MS = Date.UTC(2045, 0, 1);

/** Offsets change only at transitions: the days beside each are all the different ones. */
function daysOf(zone: string): number[] {
  const days = [dayOf(FROM.epochMilliseconds, zone)];
  let at = FROM.toZonedDateTimeISO(zone).getTimeZoneTransition('next');
  while (at !== null && at.epochMilliseconds < UNTIL_MS) {
    const day = dayOf(at.epochMilliseconds, zone);
    days.push(day - 1, day, day + 1);
    at = at.getTimeZoneTransition('next');
  }
  return days;
}

test('days begin at quarters of hours everywhere', { timeout: 240_000 }, () => {
  const uneven = Intl.supportedValuesOf('timeZone').filter((zone) => daysOf(zone).some((day) => dayStartMs(day, zone) % QUARTER_MS !== 0));
  expect(uneven).toEqual([]);
});

test('hours are counted from their day', () => {
  const starts = (zone: string, from: string, to: string) =>
    periodsBetween('hour', Date.parse(from), Date.parse(to), zone)?.startsMs.map((startMs) =>
      new Date(startMs).toISOString().slice(11, 16),
    );
  expect(starts('Asia/Kathmandu', '2026-06-15T12:00:00Z', '2026-06-15T14:00:00Z')).toEqual(['11:15', '12:15', '13:15']);
  // the clock of Lord Howe goes back by half an hour: the day has 24 and a half
  const day = periodsBetween('day', Date.parse('2026-04-04T20:00:00Z'), Date.parse('2026-04-04T20:00:01Z'), 'Australia/Lord_Howe');
  if (day === null) throw new Error('one day is not too many');
  const hours = periodsBetween('hour', day.startsMs[0] ?? 0, day.endMs, 'Australia/Lord_Howe');
  expect([hours?.startsMs.length, hours?.endMs]).toEqual([25, day.endMs]);
});

test('too many points are none', () => {
  expect(periodsBetween('day', 0, MAX_POINTS * 86_400_000, 'UTC')?.startsMs).toHaveLength(MAX_POINTS);
  expect(periodsBetween('day', 0, MAX_POINTS * 86_400_000 + 1, 'UTC')).toBeNull();
});
