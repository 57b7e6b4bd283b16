// Reports of the customer base and outcomes over real shops, compared with separate SQL over the rows of the files as they are: written in
// another way, and knowing nothing of what Strata keeps. And with figures that others have published.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { DAY_MS } from '../../src/base/durations.ts';
import { evaluateDue } from '../../src/membership/due.ts';
import { type Service, startService } from '../api/service.ts';
import { finishRuns } from '../membership/leader-by-hand.ts';
import { dataFile, groupBy, isThere, parseCsv, readCsv } from './read-csv.ts';

const day = (text: string) => Date.parse(`${text}T00:00:00Z`);

interface Bought {
  readonly id: string;
  readonly customer: string;
  /** RFC 3339 */
  readonly at: string;
  readonly amount: string;
}

/** A service with these orders, and the same rows in a table of the test's own. */
async function openShop(rows: readonly Bought[], clock: TestClock): Promise<Service> {
  const service = await startService({ clock, background: false });
  const orders = rows.map(({ id, customer, at, amount }) => ({ id, customerId: customer, placedAt: at, total: amount, status: 'paid' }));
  const body = orders.map((row) => JSON.stringify(row)).join('\n');
  const answer = await service.call('POST', '/v1/imports/orders', body, { 'content-type': 'application/x-ndjson' });
  expect(answer.body, answer.text).toMatchObject({ rows: rows.length, accepted: rows.length });
  await ask(service, 'create table bought (customer text, at timestamp, amount numeric)');
  await ask(
    service,
    `insert into bought
     select r.customer, (r.at at time zone 'UTC'), r.amount
     from jsonb_to_recordset($1) as r (customer text, at timestamptz, amount numeric)`,
    [JSON.stringify(rows)],
  );
  await ask(service, 'create index on bought (customer, at)');
  await ask(service, 'analyze bought');
  return service;
}

// biome-ignore lint/suspicious/noExplicitAny: rows of any statement
function ask(service: Service, text: string, values: readonly unknown[] = []): Promise<any[]> {
  return service.strata.database.query({ text, values });
}

async function report(service: Service, path: string) {
  const answer = await service.call('GET', `/v1/reports/${path}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

const cents = (money: string) => Math.round(Number(money) * 10_000);

describe.skipIf(!isThere('cdnow-sample'))('CDNOW (skipped where ../shared/data/cdnow-sample is absent)', () => {
  let service: Service;
  const clock = new TestClock(day('1997-04-01'));

  beforeAll(async () => {
    const lines = readFileSync(dataFile('cdnow-sample/CDNOW_sample.txt'), 'utf8').trim().split('\n');
    const rows = lines.map((line, index): Bought => {
      const [, customer = '', date = '', , amount = ''] = line.trim().split(/\s+/);
      return { id: String(index), customer, at: `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T00:00:00Z`, amount };
    });
    service = await openShop(rows, clock);
    await service.call('POST', '/v1/segments', {
      ...{ key: 'twice', name: 'twice', kind: 'rule', publish: true },
      rule: 'count(orders in the last 60 days) >= 2',
    });
    await finishRuns(service.strata);
    const fail = (error: unknown) => {
      throw error;
    };
    // all instants of the file are midnights, so a look at each midnight is a look at each flip
    for (let atMs = day('1997-04-02'); atMs <= day('1997-06-10'); atMs += DAY_MS) {
      clock.set(atMs);
      while ((await evaluateDue(service.strata, { onFailure: fail })).customers > 0);
    }
  }, 300_000);

  afterAll(() => service?.close());

  /** SQL: who is in the segment at an instant, by the rows alone. */
  const membersAt = (instant: string) => `
    select b.customer
    from bought as b
    where b.at > ${instant} - interval '60 days' and b.at <= ${instant}
    group by b.customer
    having count(*) >= 2`;

  it('tells what came of an instant’s members', async () => {
    const answer = await report(service, 'outcome?segment=twice&at=1997-04-15T12:00:00Z&days=42');
    const at = `timestamp '1997-04-15 12:00'`;
    const [expected] = await ask(
      service,
      `
      with members as (${membersAt(at)}), later as (
        select b.customer, b.customer in (select m.customer from members as m) as is_member, b.amount, (b.at - ${at}) as passed
        from bought as b
        where b.at - ${at} > interval '0' and b.at - ${at} <= interval '1008 hours'
      )
      select (select count(*) from members) as members,
        (select count(distinct b.customer) from bought as b) as everybody,
        count(distinct l.customer) filter (where l.is_member) as buyers,
        count(distinct l.customer) filter (where not l.is_member) as other_buyers,
        (select count(*) from (select 1 from later as r where r.is_member group by r.customer having count(*) > 1) as x) as repeaters,
        sum(l.amount) filter (where l.is_member) as revenue,
        sum(l.amount) filter (where not l.is_member) as other_revenue,
        (
          select array_agg((select count(distinct r.customer) from later as r
            where r.is_member and r.passed > interval '168 hours' * g.week and r.passed <= interval '168 hours' * (g.week + 1)) order by g.week)
          from generate_series(0, 5) as g (week)
        )::integer[] as weeks,
        (select count(*) from members as m join (${membersAt(`${at} + interval '1008 hours'`)}) as e using (customer)) as stayed,
        (select count(*) from (${membersAt(`${at} + interval '1008 hours'`)}) as e) as at_end,
        (
          select variance(coalesce(s.revenue, 0))
          from members as m
          left join (select r.customer, sum(r.amount) as revenue from later as r group by r.customer) as s using (customer)
        ) as variance
      from later as l`,
    );
    const members = Number(expected.members);
    expect(members).toBeGreaterThan(100);
    expect(answer.customers).toEqual({ members, compared: Number(expected.everybody) - members });
    expect(answer.conversion.members).toMatchObject({ count: Number(expected.buyers), of: members });
    expect(answer.conversion.compared.count).toBe(Number(expected.other_buyers));
    expect(answer.repeat.members).toMatchObject({ count: Number(expected.repeaters), of: Number(expected.buyers) });
    expect(cents(answer.revenue.members)).toBe(cents(expected.revenue));
    expect(cents(answer.revenue.compared)).toBe(cents(expected.other_revenue));
    expect(answer.retention.map(({ active }: { active: { members: { count: number } } }) => active.members.count)).toEqual(expected.weeks);
    const [{ atEnd }] = answer.segments;
    expect([atEnd.members.count, atEnd.compared.count]).toEqual([
      Number(expected.stayed),
      Number(expected.at_end) - Number(expected.stayed),
    ]);
    const { amount, low, high } = answer.revenuePerCustomer.members;
    // hundreds of members: t is near the normal quantile, but wider
    const normal = 1.959964 * Math.sqrt(Number(expected.variance) / members);
    expect((Number(high) - Number(low)) / 2).toBeGreaterThan(normal);
    expect((Number(high) - Number(low)) / 2).toBeLessThan(normal * 1.02);
    expect(Number(amount)).toBeCloseTo(Number(expected.revenue) / members, 3);
  });

  it('tells what came of those who entered', async () => {
    const answer = await report(service, 'outcome?segment=twice&from=1997-04-10T00:00:00Z&to=1997-04-20T00:00:00Z&days=28');
    const [expected] = await ask(
      service,
      `
      with entered as (
        select g.day, n.customer
        from generate_series(timestamp '1997-04-10', timestamp '1997-04-19', interval '1 day') as g (day)
        cross join lateral (
          (${membersAt('g.day')}) except (${membersAt(`(g.day - interval '1 day')`)})
        ) as n
      ), first_entered as (
        select e.customer, min(e.day) as day
        from entered as e
        group by e.customer
      )
      , others as (
        select c.external_id as customer, s.day
        from customers as c
        join (select f.day, row_number() over (order by f.day) - 1 as place, count(*) over () as entered from first_entered as f) as s
          on s.place = (c.id & x'7fffffffffffffff'::bigint) % s.entered
        where c.external_id not in (select f.customer from first_entered as f)
          and c.external_id not in (select m.customer from (${membersAt(`timestamp '1997-04-10'`)}) as m)
      )
      select (select count(*) from first_entered) as members, count(distinct b.customer) as buyers, count(*) as orders, sum(b.amount) as revenue,
        (select count(*) from others) as others,
        (
          select count(distinct r.customer)
          from others as n
          join bought as r on r.customer = n.customer and r.at > n.day and r.at <= n.day + interval '672 hours'
        ) as other_buyers
      from first_entered as f
      join bought as b on b.customer = f.customer and b.at > f.day and b.at <= f.day + interval '672 hours'`,
    );
    expect(Number(expected.members)).toBeGreaterThan(10);
    expect(answer.customers.members).toBe(Number(expected.members));
    expect(answer.conversion.members.count).toBe(Number(expected.buyers));
    expect(answer.customers.compared).toBe(Number(expected.others));
    expect(answer.conversion.compared.count).toBe(Number(expected.other_buyers));
    expect(answer.orders.members).toBe(Number(expected.orders));
    expect(cents(answer.revenue.members)).toBe(cents(expected.revenue));
  });

  it('follows cohorts as the file says', async () => {
    clock.set(day('1998-07-01'));
    const { cohorts } = await report(service, 'cohorts?from=1997-01-01T00:00:00Z&to=1998-07-01T00:00:00Z');
    const cells = cohorts.flatMap(
      (cohort: { start: string; periods: { offset: number; customers: number; orders: number; revenue: string }[] }) =>
        cohort.periods
          .filter(({ orders }) => orders > 0)
          .map(({ offset, customers, orders, revenue }) => [cohort.start.slice(0, 7), offset, customers, orders, cents(revenue)]),
    );
    const expected = await ask(
      service,
      `
      select to_char(f.month, 'YYYY-MM') as cohort,
        ((extract(year from b.at) - extract(year from f.month)) * 12 + extract(month from b.at) - extract(month from f.month))::integer as later,
        count(distinct b.customer) as customers, count(*) as orders, sum(b.amount) as revenue
      from bought as b
      join lateral (select date_trunc('month', min(r.at)) as month from bought as r where r.customer = b.customer) as f on true
      group by cohort, later
      order by cohort, later`,
    );
    expect(cells).toEqual(expected.map((row) => [row.cohort, row.later, Number(row.customers), Number(row.orders), cents(row.revenue)]));
    // what the literature says of the sample: 2,357 customers, all first seen in the first quarter; 6,919 purchases; 244,091.94 dollars
    const sizes = cohorts.map(({ customers }: { customers: number }) => customers);
    expect(sizes.slice(0, 3).reduce((sum: number, size: number) => sum + size, 0)).toBe(2357);
    expect(sizes.slice(3).every((size: number) => size === 0)).toBe(true);
    expect(cells.reduce((sum: number, cell: number[]) => sum + (cell[3] ?? 0), 0)).toBe(6919);
    expect(cells.reduce((sum: number, cell: number[]) => sum + (cell[4] ?? 0), 0)).toBe(2_440_919_400);
  });
});

describe.skipIf(!isThere('rfm-orders'))('the orders of R’s rfm (skipped where ../shared/data/rfm-orders is absent)', () => {
  let service: Service;

  beforeAll(async () => {
    const rows = readCsv('rfm-orders/rfm_data_orders.csv').map(
      (row, index): Bought => ({
        id: String(index),
        customer: row['customer_id'] ?? '',
        at: `${row['order_date']}T00:00:00Z`,
        amount: row['revenue'] ?? '',
      }),
    );
    service = await openShop(rows, new TestClock(day('2007-06-01')));
  });

  afterAll(() => service?.close());

  /** R's own rule: cuts at the quantiles of type 7, plus one. */
  function cutsOf(values: readonly number[]): string {
    const sorted = [...values].sort((left, right) => left - right);
    const quantile = (share: number) => {
      const place = (sorted.length - 1) * share;
      const [low = 0, high = low] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
      return low + (high - low) * (place - Math.floor(place));
    };
    return [0.2, 0.4, 0.6, 0.8].map((share) => String(Math.round((quantile(share) + 1) * 10_000) / 10_000)).join(',');
  }

  it('have the scores that were published', async () => {
    const published = readCsv('rfm-orders/expected_orders_rfm_table.csv');
    expect(published).toHaveLength(995);
    const column = (name: string) => published.map((row) => Number(row[name]));
    const cuts = `recency=${cutsOf(column('recency_days'))}&frequency=${cutsOf(column('transaction_count'))}&monetary=${cutsOf(column('amount'))}`;
    const { cells, withOrders } = await report(service, `rfm?at=2006-12-31T00:00:00Z&${cuts}`);
    const counted = new Map<string, number>(
      cells.map(({ recency, frequency, monetary, customers }: Record<string, number>) => [`${recency}${frequency}${monetary}`, customers]),
    );
    expect(withOrders).toBe(995);
    const expected = groupBy(published, (row) => row['rfm_score'] ?? '');
    expect(Object.fromEntries(counted)).toEqual(Object.fromEntries([...expected].map(([score, rows]) => [score, rows.length])));
  });

  it('give fifths of about as many', async () => {
    const { cells, monetaryCuts, recencyCuts } = await report(service, 'rfm?at=2006-12-31T00:00:00Z');
    const rows = await ask(
      service,
      `
      select n.part, min(n.amount) as least, min(n.days) filter (where n.part_of_days > 1) as unused
      from (
        select s.amount, s.days, ntile(5) over (order by s.amount) as part, ntile(5) over (order by s.days) as part_of_days
        from (
          select sum(b.amount) as amount, (date '2006-12-31' - max(b.at)::date) as days from bought as b group by b.customer
        ) as s
      ) as n
      group by n.part
      order by n.part`,
    );
    // 995 customers are five parts of 199 exactly
    expect(monetaryCuts.map(Number)).toEqual(rows.slice(1).map((row) => Number(row.least)));
    const days = await ask(
      service,
      `
      select min(n.days) as least
      from (
        select s.days, ntile(5) over (order by s.days) as part
        from (select (date '2006-12-31' - max(b.at)::date) as days from bought as b group by b.customer) as s
      ) as n
      group by n.part
      order by n.part`,
    );
    expect(recencyCuts).toEqual(days.slice(1).map((row) => row.least));
    const total = cells.reduce((sum: number, { customers }: { customers: number }) => sum + customers, 0);
    expect(total).toBe(995);
  });
});

describe.skipIf(!isThere('online-retail'))('Online Retail (skipped where ../shared/data/online-retail is absent)', () => {
  let service: Service;

  beforeAll(async () => {
    const text = gunzipSync(readFileSync(dataFile('online-retail/online_retail.csv.gz'))).toString('utf8');
    const lines = parseCsv(text).filter(
      (line) => line['CustomerID'] !== '' && Number(line['Quantity']) > 0 && Number(line['UnitPrice']) > 0,
    );
    const rows = [...groupBy(lines, (line) => line['InvoiceNo'] ?? '')].map(([id, own]): Bought => {
      const scaled = own.reduce((sum, line) => sum + Number(line['Quantity']) * Math.round(Number(line['UnitPrice']) * 10_000), 0);
      const at = own.map((line) => line['InvoiceDate'] ?? '').sort()[0] ?? '';
      return { id, customer: own[0]?.['CustomerID'] ?? '', at: `${at.replace(' ', 'T')}Z`, amount: (scaled / 10_000).toFixed(4) };
    });
    service = await openShop(rows, new TestClock(day('2012-01-01')));
  }, 300_000);

  afterAll(() => service?.close());

  it('has its new and returning customers by month', async () => {
    const { periods } = await report(service, 'new-and-returning?from=2010-12-01T00:00:00Z');
    const expected = await ask(
      service,
      `
      with numbered as (
        select b.customer, to_char(b.at, 'YYYY-MM') as month, b.amount,
          first_value(to_char(b.at, 'YYYY-MM')) over (partition by b.customer order by b.at) as first_month
        from bought as b
      )
      select n.month, count(distinct n.customer) filter (where n.month = n.first_month) as new,
        count(distinct n.customer) filter (where n.month <> n.first_month) as returning,
        coalesce(sum(n.amount) filter (where n.month = n.first_month), 0) as new_revenue,
        coalesce(sum(n.amount) filter (where n.month <> n.first_month), 0) as returning_revenue
      from numbered as n
      group by n.month
      order by n.month`,
    );
    const seen = periods
      .filter((period: { start: string }) => period.start < '2012')
      .map((period: Record<'new' | 'returning', { customers: number; revenue: string }> & { start: string }) => [
        period.start.slice(0, 7),
        ...[period.new.customers, period.returning.customers, cents(period.new.revenue), cents(period.returning.revenue)],
      ]);
    expect(seen).toEqual(
      expected.map((row) => [row.month, Number(row.new), Number(row.returning), cents(row.new_revenue), cents(row.returning_revenue)]),
    );
    // 4,338 customers, 8,911,407.904 pounds
    expect(seen.reduce((sum: number, row: number[]) => sum + (row[1] ?? 0), 0)).toBe(4338);
    expect(seen.reduce((sum: number, row: number[]) => sum + (row[3] ?? 0) + (row[4] ?? 0), 0)).toBe(89_114_079_040);
  });

  it('has its grid of value and cycle', async () => {
    const grid = await report(service, 'value-grid?value=500,2000&cycle=30,90');
    const expected = await ask(
      service,
      `
      select
        (s.amount >= 500)::integer + (s.amount >= 2000)::integer as value_band,
        case when s.orders > 1 then (s.days >= 30)::integer + (s.days >= 90)::integer end as cycle_band,
        count(*) as customers, sum(s.orders) as orders, sum(s.amount) as revenue
      from (
        select sum(b.amount) as amount, count(*) as orders,
          (extract(epoch from max(b.at)) - extract(epoch from min(b.at))) / 86400 / greatest(count(*) - 1, 1) as days
        from bought as b
        group by b.customer
      ) as s
      group by value_band, cycle_band
      order by value_band, cycle_band`,
    );
    const seen = grid.cells
      .filter(({ customers }: { customers: number }) => customers > 0)
      .map((cell: Record<string, number> & { revenue: string }) => [
        ...[cell['valueBand'], cell['cycleBand'], cell['customers'], cell['orders']],
        cents(cell.revenue),
      ]);
    expect(seen).toEqual(
      expected.map((row) => [row.value_band, row.cycle_band, Number(row.customers), Number(row.orders), cents(row.revenue)]),
    );
    expect(grid).toMatchObject({ customers: 4338, withOrders: 4338, revenue: '8911407.904' });
  });
});
