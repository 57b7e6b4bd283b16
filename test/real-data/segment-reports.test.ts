// Reports over segments of real shops, compared with separate SQL over the rows of the files as they are: subqueries where the reports have one
// pass and masks, and nothing of what Strata keeps except who is a member.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { type Service, startService } from '../api/service.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';
import { type CsvRow, isThere, readCsv } from './read-csv.ts';

// biome-ignore lint/suspicious/noExplicitAny: rows of any statement
function ask(service: Service, text: string, values: readonly unknown[] = []): Promise<any[]> {
  return service.strata.database.query({ text, values });
}

/** A table of texts of the test's own, named like the file. */
async function keepFile(service: Service, table: string, rows: readonly CsvRow[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {}).map((name) => `"${name}" text`);
  await ask(service, `create table ${table} as select r.* from jsonb_to_recordset($1) as r (${columns.join(', ')})`, [
    JSON.stringify(rows),
  ]);
}

async function importRows(service: Service, kind: string, rows: readonly object[]): Promise<void> {
  const body = rows.map((row) => JSON.stringify(row)).join('\n');
  const { body: summary } = await service.call('POST', `/v1/imports/${kind}`, body, { 'content-type': 'application/x-ndjson' });
  expect(summary).toMatchObject({ rows: rows.length, accepted: rows.length });
}

/** With a view of each segment's members, by the caller's ids. */
async function define(service: Service, rules: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, rule] of Object.entries(rules)) {
    const made = await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
    expect(made.status, made.text).toBe(201);
    await ask(
      service,
      `create view in_${key} as select external_id as id from customers where exists (
         select from memberships where customer_id = customers.id and segment_id = (select id from segments where key = '${key}'))`,
    );
  }
  await finishRuns(service.strata);
  await publishChanges(service.strata);
}

async function get(service: Service, path: string) {
  const answer = await service.call('GET', path);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

const units = (scaled: string) => Number(scaled);

describe.skipIf(!isThere('chinook'))('Chinook in figures (skipped where ../shared/data/chinook is absent)', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService({ clock: new TestClock(Date.parse('2025-12-23T00:00:00Z')), background: false });
    const genres = new Map(readCsv('chinook/Genre.csv').map((row) => [row['GenreId'], row['Name'] ?? '']));
    const tracks = new Map(readCsv('chinook/Track.csv').map((row) => [row['TrackId'], genres.get(row['GenreId']) ?? '']));
    const customers = readCsv('chinook/Customer.csv');
    const invoices = readCsv('chinook/Invoice.csv');
    const lines = readCsv('chinook/InvoiceLine.csv').map((row) => ({ ...row, Genre: tracks.get(row['TrackId']) ?? '' }));
    await keepFile(service, 'customer', customers);
    await keepFile(service, 'invoice', invoices);
    await keepFile(service, 'line', lines);
    await importRows(
      service,
      'customers',
      customers.map((row) => ({ id: row['CustomerId'], country: row['Country'], city: row['City'] })),
    );
    const linesOf = Map.groupBy(lines as readonly CsvRow[], (row) => row['InvoiceId']);
    const orders = invoices.map((row) => ({
      id: row['InvoiceId'],
      customerId: row['CustomerId'],
      placedAt: `${row['InvoiceDate']?.replace(' ', 'T')}Z`,
      total: row['Total'],
      items: linesOf.get(row['InvoiceId'])?.map((line) => {
        return { productId: line['TrackId'], category: line['Genre'], quantity: line['Quantity'], unitPrice: line['UnitPrice'] };
      }),
    }));
    await importRows(service, 'orders', orders);
    await define(service, {
      rock: 'count(items where category = "Rock") >= 15',
      curious: 'distinct(items.category) >= 9',
      spender: 'sum(orders.total) > 40',
      recent: 'count(orders in the last 180 days) >= 1',
    });
  }, 300_000);
  afterAll(() => service?.close());

  it('spreads over countries as SQL does', async () => {
    const { profile, members } = await get(service, '/v1/segments/rock/report?parts=profile&by=country&most=100');
    const rows = await ask(
      service,
      `select c."Country" as value, (select count(*) from customer as o where o."Country" = c."Country")::int as everybody,
         (select count(*) from customer as o where o."Country" = c."Country" and o."CustomerId" in (select id from in_rock))::int as members
       from customer as c group by c."Country" order by members desc, everybody desc, c."Country" collate "C"`,
    );
    expect(profile[0].values.map(({ value, members, everybody }: CsvRow) => ({ value, everybody, members }))).toEqual(rows);
    const [first] = profile[0].values;
    expect(first.lift).toBeCloseTo(first.members / members / (first.everybody / 59), 10);
    expect(members).toBeGreaterThan(5);
  });

  it.each(['rock', 'curious', 'spender', 'recent'])('adds up what %s spent as SQL does', async (key) => {
    const { value } = await get(service, `/v1/segments/${key}/report?parts=value&days=365`);
    const sums = (whom: string, from: string) =>
      ask(
        service,
        `select count(*)::int as orders, coalesce(sum("Total"::numeric), 0)::float8 as revenue, count(distinct "CustomerId")::int as buyers
         from invoice where "InvoiceDate"::timestamp >= '${from}' and "InvoiceDate"::timestamp <= '2025-12-23' ${whom}`,
      );
    const ours = `and "CustomerId" in (select id from in_${key})`;
    for (const [name, from] of [
      ['lifetime', '1900-01-01'],
      ['period', '2024-12-24'],
    ] as const) {
      const [mine] = await sums(ours, from);
      const [all] = await sums('', from);
      const { members, everybody, shareOfRevenue } = value[name];
      const told = (sales: { orders: number; revenue: string; buyers: number }) => {
        return { orders: sales.orders, revenue: units(sales.revenue), buyers: sales.buyers };
      };
      expect([name, told(members), told(everybody)]).toEqual([name, mine, all]);
      expect(shareOfRevenue).toBeCloseTo(mine.revenue / all.revenue, 10);
    }
    const bands = await ask(
      service,
      `select band.from, count(*) filter (where s.id in (select id from in_${key}))::int as members, count(*)::int as everybody
       from (select "CustomerId" as id, sum("Total"::numeric) as spent from invoice group by 1) as s
       join (values (20, 50), (50, 100), (10, 20), (0, 1), (1, 2), (2, 5), (5, 10)) as band ("from", "to") on spent >= band.from and spent < band.to
       group by band.from order by band.from`,
    );
    const filled = value.byRevenue.filter(
      ({ from, everybody }: { from: number | null; everybody: number }) => from !== null && everybody > 0,
    );
    expect(filled.map(({ from, members, everybody }: Record<string, number>) => ({ from, members, everybody }))).toEqual(bands);
  });

  it('ranks genres by share and lift like SQL', async () => {
    const { goods } = await get(service, '/v1/segments/rock/report?parts=goods&days=730&most=100');
    const rows = await ask(
      service,
      `with sold as (
         select l."Genre" as value, l."UnitPrice"::numeric * l."Quantity"::numeric as amount, i."CustomerId" in (select id from in_rock) as mine
         from line as l join invoice as i using ("InvoiceId")
         where i."InvoiceDate"::timestamp >= '2023-12-25' and i."InvoiceDate"::timestamp <= '2025-12-23'
       )
       select value, sum(amount) filter (where mine)::float8 as revenue, sum(amount)::float8 as all, count(*) filter (where mine)::int as lines,
         (select sum(amount) from sold where mine)::float8 as mine_total, (select sum(amount) from sold)::float8 as total
       from sold group by value`,
    );
    expect(goods.categories.byShare.length).toBe(rows.filter(({ lines }) => lines > 0).length);
    for (const good of goods.categories.byShare) {
      const row = rows.find(({ value }) => value === good.value);
      expect([good.value, good.lines, units(good.revenue), units(good.revenueOfEverybody)]).toEqual([
        row.value,
        row.lines,
        row.revenue,
        row.all,
      ]);
      expect(good.share).toBeCloseTo(row.revenue / row.mine_total, 10);
      expect(good.lift).toBeCloseTo(row.revenue / row.mine_total / (row.all / row.total), 10);
    }
    expect(goods.categories.byShare.length).toBeGreaterThan(10);
    const lifted = rows.filter(({ lines }) => lines >= 10).sort((a, b) => b.revenue / b.all - a.revenue / a.all);
    expect(goods.categories.byLift.map(({ lift }: { lift: number }) => lift.toFixed(8))).toEqual(
      lifted.map((row) => (row.revenue / row.mine_total / (row.all / row.total)).toFixed(8)),
    );
  });

  it('overlaps as set operations do', async () => {
    const keys = ['rock', 'curious', 'spender', 'recent'];
    const report = await get(service, `/v1/reports/overlap?segments=${keys.join(',')}`);
    for (const { left, right, both, either } of report.pairs) {
      const [row] = await ask(
        service,
        `select (select count(*) from (select id from in_${left} intersect select id from in_${right}) as b)::int as both,
           (select count(*) from (select id from in_${left} union select id from in_${right}) as e)::int as either`,
      );
      expect([left, right, { both, either }]).toEqual([left, right, row]);
    }
    for (const { segments, customers } of report.intersections) {
      const outside = keys.filter((key) => !segments.includes(key)).map((key) => ` except select id from in_${key}`);
      const inside = segments.map((key: string) => `select id from in_${key}`).join(' intersect ');
      const [row] = await ask(service, `select count(*)::int as customers from ((${inside})${outside.join('')}) as x`);
      expect([segments, customers]).toEqual([segments, row.customers]);
    }
    expect(report.intersections.length).toBeGreaterThan(2);
  });

  it('compares as the reports of each tell', async () => {
    const { segments } = await get(
      service,
      '/v1/reports/comparison?segments=rock,curious,spender,recent&by=country,city&most=100&days=365',
    );
    expect(segments.map(({ segment }: { segment: string }) => segment)).toEqual(['rock', 'curious', 'spender', 'recent']);
    for (const { segment, members, value, profile } of segments) {
      const alone = await get(service, `/v1/segments/${segment}/report?parts=value,profile&by=country,city&most=100&days=365`);
      expect([segment, members, value]).toEqual([segment, alone.members, alone.value]);
      for (const [index, { values, missing }] of profile.entries()) {
        const byValue = (a: CsvRow, b: CsvRow) => ((a['value'] ?? '') < (b['value'] ?? '') ? -1 : 1);
        expect([...values].sort(byValue)).toEqual([...alone.profile[index].values].sort(byValue));
        expect(missing).toEqual(alone.profile[index].missing);
      }
    }
  });
});

describe.skipIf(!isThere('sakila'))('Sakila in figures (skipped where ../shared/data/sakila is absent)', () => {
  it('counts events and active days as SQL does', async () => {
    const service = await startService({ clock: new TestClock(Date.parse('2005-08-24T00:00:00Z')), background: false });
    try {
      const rentals = readCsv('sakila/rental.csv');
      await keepFile(service, 'rental', rentals);
      const instant = (local: string | undefined) => `${local?.replace(' ', 'T')}Z`;
      const event = (id: string | undefined, name: string, row: CsvRow, at: string | undefined) => {
        return { id: `${name}-${id}`, name, customerId: row['customer_id'], occurredAt: instant(at) };
      };
      await importRows(
        service,
        'customers',
        readCsv('sakila/customer.csv').map((row) => ({ id: row['customer_id'] })),
      );
      const started = rentals.map((row) => event(row['rental_id'], 'started', row, row['rental_date']));
      const ended = rentals
        .filter((row) => row['return_date'] !== '')
        .map((row) => event(row['rental_id'], 'ended', row, row['return_date']));
      await importRows(service, 'events', [...started, ...ended]);
      await define(service, { often: 'count(events "started") >= 30' });
      const { engagement, members } = await get(service, '/v1/segments/often/report?parts=engagement&days=30');
      const within = (column: string) =>
        `"${column}" <> '' and "${column}"::timestamp >= '2005-07-26' and "${column}"::timestamp <= '2005-08-24'`;
      const [row] = await ask(
        service,
        `with seen as (
           select customer_id as id, 'started' as name, rental_date::timestamp as at from rental where ${within('rental_date')}
           union all
           select customer_id, 'ended', return_date::timestamp from rental where ${within('return_date')}
         ), days as (select id, count(distinct at::date) as days from seen group by id)
         select (select count(*) from in_often)::int as members,
           (select jsonb_object_agg(name, jsonb_build_array(times, people, all_times, all_people)) from (
              select name, count(*) filter (where id in (select id from in_often)) as times, count(*) as all_times,
                count(distinct id) filter (where id in (select id from in_often)) as people, count(distinct id) as all_people
              from seen group by name) as n) as events,
           (select avg(days) from days where id in (select id from in_often))::float8 as mine, (select avg(days) from days)::float8 as theirs,
           (select count(*) from days where days >= 10 and days < 20 and id in (select id from in_often))::int as ten_to_twenty`,
      );
      const told = engagement.events.map((each: Record<string, number>) => [
        each['event'],
        [each['times'], each['members'], each['timesOfEverybody'], each['everybody']],
      ]);
      expect([members, Object.fromEntries(told)]).toEqual([row.members, row.events]);
      expect(engagement.activeDays.members).toBeCloseTo(row.mine, 10);
      expect(engagement.activeDays.everybody).toBeCloseTo(row.theirs, 10);
      expect(engagement.byActiveDays.find(({ from }: { from: number }) => from === 10)?.members ?? 0).toBe(row.ten_to_twenty);
      expect(members).toBeGreaterThan(100);
    } finally {
      await service.close();
    }
  }, 300_000);
});
