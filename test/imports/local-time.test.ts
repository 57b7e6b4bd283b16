// Times that are not as RFC 3339 writes them: without a zone, in the import's; with one in another form.
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import { createLocalTimes } from '../../src/ingest/imports/local-time.ts';

describe('London', () => {
  const london = createLocalTimes('Europe/London');
  const table: [text: string, utc: string | undefined][] = [
    ['2010-12-01 08:26:00', '2010-12-01T08:26:00.000Z'],
    ['2011-07-01 08:26:00', '2011-07-01T07:26:00.000Z'],
    ['2011-07-01T08:26', '2011-07-01T07:26:00.000Z'],
    ['2011-07-01 08:26:00.1239', '2011-07-01T07:26:00.123Z'],
    ['2011-07-01', '2011-06-30T23:00:00.000Z'],
    ['2011-03-27 00:59:59', '2011-03-27T00:59:59.000Z'],
    ['2011-03-27 01:30:00', '2011-03-27T01:30:00.000Z'], // never was: 02:30 summer time
    ['2011-03-27 02:00:00', '2011-03-27T01:00:00.000Z'],
    ['2011-10-30 01:30:00', '2011-10-30T00:30:00.000Z'], // came twice: the first
    ['2011-10-30 02:00:00', '2011-10-30T02:00:00.000Z'],
    ['2011-07-01 08:26:00 +0200', '2011-07-01T08:26:00+02:00'],
    ['2011-07-01 08:26:00 -0330', '2011-07-01T08:26:00-03:30'],
    ['2011-07-01 08:26:00.123456+00', '2011-07-01T08:26:00.123456+00:00'],
    ['2011-07-01 08:26 UTC', '2011-07-01T08:26:00Z'],
    ['2011-07-01T08:26:00 GMT', '2011-07-01T08:26:00Z'],
    ['2011-07-01 08:26:00 CET', undefined], // is another offset in other places
    ['2011-07-01 25:26:00 +0200', undefined],
    ['2011-07-01 08:26:00 +9900', undefined],
    ['2011-07-01T08:26:00Z', undefined],
    ['2011-07-01T08:26:00+02:00', undefined],
    ['2011-02-30 08:26', undefined],
    ['2011-07-01 24:00', undefined],
    ['01/07/2011 08:26', undefined],
    ['yesterday', undefined],
    ['', undefined],
  ];
  test.each(table)('%s', (text, utc) => {
    expect(london.toUtc(text)).toBe(utc);
  });
});

test.each(['Australia/Lord_Howe', 'America/Sao_Paulo', 'Africa/Casablanca', 'Asia/Kathmandu', 'Pacific/Apia'])(
  'agrees with Temporal in %s',
  (zone) => {
    const times = createLocalTimes(zone);
    let local = Temporal.PlainDateTime.from('2010-12-25T00:07:00');
    for (let step = 0; step < 3000; step += 1) {
      const expected = new Date(local.toZonedDateTime(zone, { disambiguation: 'compatible' }).epochMilliseconds).toISOString();
      expect(times.toUtc(local.toString().padEnd(19, ':00'))).toBe(expected);
      local = local.add({ minutes: 411 });
    }
  },
);
