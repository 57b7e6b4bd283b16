// The SQL functions of compiled rules against Temporal, BigInt and node:crypto.
import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anniversaryIn, dayOf, dayStartMs, formatDay, parseDay, partsOfDay } from '../../src/base/calendar.ts';
import { DAY_MS, HOUR_MS } from '../../src/base/durations.ts';
import { nextBirthday } from '../../src/rules/emit-age.ts';
import { createParameters } from '../../src/rules/emit-parameters.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

async function askOne(text: string, values: readonly unknown[]): Promise<Record<string, unknown>> {
  const [row] = await testDatabase.database.query<Record<string, unknown>>({ text, values });
  if (row === undefined) throw new Error('the query gave no row');
  return row;
}

const FIRST_INSTANT = Temporal.Instant.from('1969-12-01T00:00:00Z');

interface Offset {
  readonly fromMs: number;
  readonly offsetMs: number;
}

/** A zone as Temporal knows it: how far its clocks are ahead of UTC, and from when on. Asking for each instant took half a minute. */
function offsetsOf(zone: string): readonly Offset[] {
  const found: Offset[] = [];
  let at: Temporal.ZonedDateTime | null = FIRST_INSTANT.toZonedDateTimeISO(zone);
  for (; at !== null && at.year <= 2040; at = at.getTimeZoneTransition('next')) {
    found.push({ fromMs: at.epochMilliseconds, offsetMs: at.offsetNanoseconds / 1_000_000 });
  }
  return found;
}

/** What a clock on the wall shows, read as if it were UTC. */
function clockMs(instantMs: number, offsets: readonly Offset[]): number {
  const offset = offsets.findLast(({ fromMs }) => fromMs <= instantMs);
  if (offset === undefined) throw new Error(`${instantMs} lies before the first instant`);
  return instantMs + offset.offsetMs;
}

function localDayAt(instantMs: number, offsets: readonly Offset[]): number {
  return Math.floor(clockMs(instantMs, offsets) / DAY_MS);
}

/** `clocks`: how Postgres reads the clock. Its zone data may be of another year than Node's; where the two disagree nothing is compared. */
const QUERY = `
select
  array(
    select (extract(epoch from strata_day_start(d.day, $1)) * 1000)::int8
    from unnest($2::date[]) with ordinality as d (day, place) order by d.place
  ) as starts,
  array(
    select strata_local_date(to_timestamp(i.ms / 1000.0), $1)::text
    from unnest($3::int8[]) with ordinality as i (ms, place) order by i.place
  ) as days,
  array(
    select (extract(epoch from to_timestamp(i.ms / 1000.0) at time zone $1) * 1000)::int8
    from unnest($4::int8[]) with ordinality as i (ms, place) order by i.place
  ) as clocks`;

describe('days of a zone', () => {
  it('begin and hold as in Temporal, everywhere', { timeout: 240_000 }, async () => {
    let compared = 0;
    const wrong: string[] = [];
    const judge = (isRight: boolean, said: string) => {
      if (!isRight) wrong.push(said);
    };
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      const offsets = offsetsOf(zone);
      const transitions = offsets.slice(1).map(({ fromMs }) => fromMs);
      const days = transitions.flatMap((ms) => [-1, 0, 1, 2].map((shift) => dayOf(ms, zone) + shift));
      const instants = transitions.flatMap((ms) => [-HOUR_MS, -1, 0, 60_000, HOUR_MS - 1, 2 * HOUR_MS].map((shift) => ms + shift));
      const starts = days.map((day) => dayStartMs(day, zone));
      const answer = await askOne(QUERY, [zone, days.map(formatDay), instants, [...starts, ...instants]]);
      const clocks = answer['clocks'] as string[];
      const agree = [...starts, ...instants].map((ms, place) => Number(clocks[place]) === clockMs(ms, offsets));
      days.forEach((day, place) => {
        if (!agree[place]) return;
        const startMs = starts[place] as number;
        compared += 1;
        const asked = `${zone} ${formatDay(day)}`;
        const emittedMs = Number((answer['starts'] as string[])[place]);
        judge(emittedMs === startMs, `${asked} starts at ${emittedMs} in SQL, at ${startMs} here`);
        judge(localDayAt(startMs, offsets) >= day, `${asked} has not begun at ${startMs}`);
        for (const before of [1, HOUR_MS / 2, 3 * HOUR_MS]) {
          judge(localDayAt(startMs - before, offsets) < day, `${asked} has begun ${before} ms before ${startMs}`);
        }
      });
      instants.forEach((ms, place) => {
        if (!agree[starts.length + place]) return;
        const day = (answer['days'] as string[])[place];
        judge(day === formatDay(dayOf(ms, zone)), `${zone} ${ms} is of ${day} in SQL, of ${formatDay(dayOf(ms, zone))} here`);
      });
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(50_000);
  });

  it('begin once where midnight comes twice', async () => {
    // St John's put its clocks back from 00:01 to 23:01
    const start = Date.parse('2010-11-07T02:30:00Z');
    expect(dayStartMs(parseDay('2010-11-07'), 'America/St_Johns')).toBe(start);
    expect(formatDay(dayOf(start + 45 * 60_000, 'America/St_Johns'))).toBe('2010-11-07'); // the clock says the 6th again
    const row = await askOne(
      `select strata_day_start('2010-11-07', 'America/St_Johns') as start, strata_local_date($1, 'America/St_Johns') as day`,
      [new Date(start + 45 * 60_000).toISOString()],
    );
    expect(row).toEqual({ start, day: '2010-11-07' });
  });

  it('are empty where a date is skipped', async () => {
    const row = await askOne(
      `select strata_day_start('2011-12-30', 'Pacific/Apia') as skipped, strata_day_start('2011-12-31', 'Pacific/Apia') as next`,
      [],
    );
    expect(row['skipped']).toBe(Date.parse('2011-12-30T10:00:00Z'));
    expect(row['next']).toBe(row['skipped']);
  });
});

// ---------------------------------------------------------------- division

function power(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

/** a / b to 20 significant digits, half to even, as coefficient × 10^exponent; both of at most 10 places. */
function divide(a: string, b: string): string {
  const integer = (text: string): bigint => {
    const [whole = '', fraction = ''] = text.replace('-', '').split('.');
    return BigInt(whole + fraction.padEnd(10, '0'));
  };
  const negative = a.startsWith('-') !== b.startsWith('-');
  const dividend = integer(a);
  const divisor = integer(b);
  if (dividend === 0n) return '0';
  for (let shift = 60; ; shift -= 1) {
    const scaled = shift >= 0 ? dividend * power(shift) : dividend;
    const by = shift >= 0 ? divisor : divisor * power(-shift);
    if (scaled / by >= power(20)) continue;
    const rest = scaled % by;
    const up = rest * 2n > by || (rest * 2n === by && (scaled / by) % 2n === 1n);
    return plain(scaled / by + (up ? 1n : 0n), -shift, negative);
  }
}

function plain(coefficient: bigint, exponent: number, negative: boolean): string {
  const digits = (exponent > 0 ? coefficient * power(exponent) : coefficient).toString().padStart(-exponent + 1, '0');
  const text = exponent >= 0 ? digits : `${digits.slice(0, exponent)}.${digits.slice(exponent)}`;
  return (negative ? '-' : '') + (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
}

describe('strata_divide', () => {
  it('rounds to twenty digits, half to even', async () => {
    const numbers = [
      '1',
      '2',
      '3',
      '7',
      '-7',
      '0.0001',
      '-0.3333',
      '999999999999999',
      '12345678.9012',
      '0',
      '6',
      '1000000',
      '0.0000000001',
    ];
    const pairs = numbers.flatMap((a) => numbers.filter((b) => b !== '0').map((b) => [a, b] as const));
    for (let i = 1n; i < 400n; i += 1n) pairs.push([String((i * 7_919_000_017n) % 999_983n), String((i * 104_729n) % 9_973n)]);
    // exact halves at the 21st digit, to either side of an even one
    pairs.push(
      ['10000000000000000000.5', '1'],
      ['10000000000000000001.5', '1'],
      ['99999999999999999999.5', '1'],
      ['-10000000000000000000.5', '1'],
    );
    const row = await askOne(
      `select array(select strata_divide(p.a, p.b)::text from unnest($1::numeric[], $2::numeric[]) with ordinality as p (a, b, place) order by p.place) as quotients`,
      [pairs.map(([a]) => a), pairs.map(([, b]) => b)],
    );
    expect(row['quotients']).toEqual(pairs.map(([a, b]) => divide(a, b)));
  });

  it('gives nothing for a zero divisor', async () => {
    expect(await askOne('select strata_divide(1, 0) as a, strata_divide(null, 1) as b, strata_divide(0, 3)::text as c', [])).toEqual({
      a: null,
      b: null,
      c: '0',
    });
  });

  it('never raises for extreme numbers', async () => {
    const row = await askOne(
      `select strata_divide('1e-16000', '1e16000') as tiny, strata_divide('1e60000', 3) > 0 as huge, strata_divide('NaN', 1) as nan`,
      [],
    );
    expect(row).toEqual({ tiny: '0', huge: true, nan: null });
  });
});

// ---------------------------------------------------------------- buckets, ages, anniversaries, texts

describe('strata_bucket', () => {
  it('is the hash that Node computes', async () => {
    const pairs = ['', 'a', '1:', 'spring-test', 'ü', '😀'].flatMap((salt) =>
      ['', 'a', '1:a', 'ö', 'customer-7'].map((id) => [salt, id] as const),
    );
    const expected = pairs.map(([salt, id]) => {
      const digest = createHash('sha256')
        .update(`${Buffer.byteLength(salt)}:${salt}${id}`, 'utf8')
        .digest();
      return ((digest.readUIntBE(0, 6) % 10_000) / 100).toFixed(2);
    });
    const row = await askOne(
      `select array(select strata_bucket(p.salt, p.id)::text from unnest($1::text[], $2::text[]) with ordinality as p (salt, id, place) order by p.place) as buckets`,
      [pairs.map(([salt]) => salt), pairs.map(([, id]) => id)],
    );
    expect(row['buckets']).toEqual(expected);
  });
});

describe('ages and anniversaries', () => {
  const birthdays = ['2000-02-29', '2000-02-28', '2000-03-01', '1999-12-31', '2026-11-21', '1900-01-01'];
  const todays = ['2026-02-28', '2026-03-01', '2028-02-28', '2028-02-29', '2026-11-21', '2026-12-31', '2000-02-29', '1999-12-31'];

  it('grow on 1 March in common years', async () => {
    for (const birthday of birthdays) {
      for (const today of todays) {
        const row = await askOne('select strata_age($1, $2) as age, strata_next_anniversary($1, $2) as next', [birthday, today]);
        const { year } = partsOfDay(parseDay(birthday));
        let age = -1;
        while (anniversaryIn(parseDay(birthday), year + age + 1) <= parseDay(today)) age += 1;
        let next = year + 1;
        while (anniversaryIn(parseDay(birthday), next) < parseDay(today)) next += 1;
        expect([birthday, today, row['age']]).toEqual([birthday, today, age < 0 ? null : age]);
        expect([birthday, today, row['next']]).toEqual([birthday, today, formatDay(anniversaryIn(parseDay(birthday), next))]);
      }
    }
  });

  it('turn as the emitted expression says', async () => {
    for (const today of [...todays, '2027-12-31', '2028-03-01']) {
      const parameters = createParameters();
      const { text, bind } = parameters.render(sql`
        select count(*)::integer as born, count(*) filter (where (${nextBirthday(sql`b.day`, parameters)}) = w.day)::integer as right
        from (
          select '1990-12-31'::date + n as day from generate_series(0, 13000, 1) as n -- to 2026-08
          union all
          select ${parameters.constant('date', today)} + n from generate_series(-800, 800) as n
        ) as b
        cross join lateral (
          select case when b.day > ${parameters.constant('date', today)} then b.day
            else strata_next_anniversary(b.day, ${parameters.constant('date', today)} + 1) end as day
        ) as w`);
      const counts = await askOne(text, bind({ asOfMs: Date.parse(today), timeZone: 'UTC', customers: { keys: [] } }));
      expect([today, counts['right']]).toEqual([today, counts['born']]);
    }
    expect(await nextOfNobody()).toEqual({ next: null });
  });
});

async function nextOfNobody(): Promise<Record<string, unknown>> {
  const parameters = createParameters();
  const { text, bind } = parameters.render(sql`select ${nextBirthday(sql`null::date`, parameters)} as next`);
  return askOne(text, bind({ asOfMs: 0, timeZone: 'UTC', customers: { keys: [] } }));
}

describe('stored texts', () => {
  it('that name no date or instant are missing', async () => {
    const texts = [
      '2024-02-29',
      '2023-02-29',
      '1900-02-29',
      '2000-02-29',
      '2026-04-31',
      '2026-13-01',
      '0000-01-01',
      '2026-1-1',
      'x',
      '',
      '9999-12-31',
    ];
    const row = await askOne(
      'select array(select strata_date(t.value)::text from unnest($1::text[]) with ordinality as t (value, place) order by t.place) as dates',
      [texts],
    );
    expect(row['dates']).toEqual(['2024-02-29', null, null, '2000-02-29', null, null, null, null, null, null, '9999-12-31']);
    const instants = [
      '2024-02-29T23:59:59.999Z',
      '2023-02-29T00:00:00.000Z',
      '2024-01-01T24:00:00.000Z',
      '2024-01-01T00:00:00Z',
      '2024-01-01',
      'x',
    ];
    const times = await askOne(
      'select array(select extract(epoch from strata_timestamp(t.value))::text from unnest($1::text[]) with ordinality as t (value, place) order by t.place) as times',
      [instants],
    );
    expect(times['times']).toEqual(['1709251199.999000', null, null, '1704067200.000000', null, null]);
  });
});
