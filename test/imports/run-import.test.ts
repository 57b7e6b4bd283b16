// Imports on a real database: what is written, what is rejected, what a second run changes.
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AppError } from '../../src/errors.ts';
import { parseImportOptions } from '../../src/ingest/imports/import-options.ts';
import type { ImportProgress } from '../../src/ingest/imports/run-import.ts';
import { removeStagedLines, StagedLines } from '../../src/ingest/imports/stage-lines.ts';
import { erase } from '../../src/pipeline.ts';
import { type ImportService, startImportService } from './service.ts';

let service: ImportService;
beforeAll(async () => {
  service = await startImportService();
});
afterAll(async () => {
  await service.close();
});

const refusalOf = async (work: Promise<unknown>): Promise<AppError> => {
  try {
    await work;
  } catch (error) {
    return error as AppError;
  }
  throw new Error('nothing was refused');
};

describe('customers', () => {
  test('cells become typed values', async () => {
    const file = [
      'id,email,tags,consent.email,createdAt,attributes.tier,birthday',
      '17850.0,a@example.org,vip|new,yes,2024-07-01 10:00,gold, 1990-02-03',
      'c2,,,0,2024-07-01T10:00:00Z,"silver, old",',
    ].join('\r\n');
    const summary = await service.csv('customers', file, { timeZone: 'Europe/London' });
    expect(summary).toMatchObject({ rows: 2, accepted: 2, rejected: 0, errors: [] });
    expect(summary.token).toEqual(expect.any(String));
    const rows = await service.rows(
      `select external_id, email, tags, consents, attributes, birthday, created_at from customers order by 1`,
    );
    expect(rows).toEqual([
      {
        external_id: '17850.0',
        email: 'a@example.org',
        tags: ['vip', 'new'],
        consents: { email: true },
        attributes: { tier: 'gold' },
        birthday: '1990-02-03',
        created_at: Date.UTC(2024, 6, 1, 9),
      },
      {
        external_id: 'c2',
        email: null,
        tags: [],
        consents: { email: false },
        attributes: { tier: 'silver, old' },
        birthday: null,
        created_at: Date.UTC(2024, 6, 1, 10),
      },
    ]);
  });

  test('empty cells say nothing, \\N clears', async () => {
    await service.csv('customers', 'id,email,city\nk1,k@example.org,Bonn\n');
    await service.csv('customers', 'id,email,city\nk1,,\\N\n');
    expect(await service.rows(`select email, city from customers where external_id = 'k1'`)).toEqual([
      { email: 'k@example.org', city: null },
    ]);
  });

  test('bad rows are rejected by line and column', async () => {
    const file = 'Key,Born,Mail\nr1,1990-13-01,x\n,1990-01-01,x\nr3,1990-01-01\nr4,1990-01-01,x\nr"5,,\nr6,,z\n';
    const summary = await service.csv('customers', file, { 'map.id': 'Key', 'map.birthday': 'Born', 'map.email': 'Mail' });
    expect(summary).toMatchObject({ rows: 6, accepted: 2, rejected: 4 });
    expect(summary.errors.map(({ line, column, code }) => [line, column, code])).toEqual([
      [2, 'Born', 'invalid_date'],
      [3, 'Key', 'missing_field'],
      [4, undefined, 'wrong_cell_count'],
      [6, 'Key', 'invalid_quoting'],
    ]);
  });

  test('columns that do not fit refuse all', async () => {
    const unknown = await refusalOf(service.csv('customers', 'id,emial\na,b\n'));
    expect(unknown).toMatchObject({ code: 'invalid_fields', errors: [{ column: 'emial', hint: expect.stringContaining('`email`') }] });
    const missing = await refusalOf(service.csv('customers', 'Kunde,E-Mail\na,b\n', { 'map.id': 'Kunden', 'map.email': 'E-Mail' }));
    expect(missing).toMatchObject({ errors: [{ parameter: 'map.id', hint: 'Did you mean "Kunde"?' }, { code: 'missing_column' }] });
    expect(await refusalOf(service.csv('customers', ''))).toMatchObject({ code: 'invalid_csv' });
  });

  test('declared attributes read their cells', async () => {
    await service.ndjson('customers', '{"id":"t0","attributes":{"points":1,"vip":true,"likes":["a"]}}\n');
    const file = 'id,attributes.points,attributes.vip,attributes.likes\nt1,-12.5,no,x|y\nt2,many,1,x\n';
    const summary = await service.csv('customers', file);
    expect(summary.errors).toMatchObject([{ line: 3, column: 'attributes.points', code: 'type_mismatch' }]);
    expect(await service.rows(`select attributes from customers where external_id = 't1'`)).toEqual([
      { attributes: { points: -12.5, vip: false, likes: ['x', 'y'] } },
    ]);
  });

  test('many rows of one id apply in order', async () => {
    const file = ['id,city,email'];
    for (let n = 0; n < 9000; n += 1) file.push(`m${n % 7},city ${n},${n === 3 ? 'm3@example.org' : ''}`);
    expect(await service.csv('customers', file.join('\n'))).toMatchObject({ rows: 9000, accepted: 9000 });
    expect(await service.rows(`select city, email from customers where external_id = 'm3'`)).toEqual([
      { city: 'city 8998', email: 'm3@example.org' },
    ]);
  });
});

describe('order lines', () => {
  test.each(['false', 'true'])('what waits is told (atomic: %s)', async (atomic) => {
    const lines = Array.from({ length: 6_000 }, (_, n) => `w${n % 3_000},walt,${n}`).join('\n');
    const told: ImportProgress['waiting'][] = [];
    const onProgress = ({ waiting }: ImportProgress) => void told.push(waiting);
    await service.csv('orders', `id,customerId,items.sku\n${lines}`, { atomic }, { onProgress });
    const waiting = told.flatMap((each) => each ?? []);
    expect([waiting[0], waiting.at(-1)]).toEqual([
      { written: 0, total: 6_000 },
      { written: 6_000, total: 6_000 },
    ]);
    expect(told.slice(0, -waiting.length)).toEqual(Array(told.length - waiting.length).fill(null));
  });

  test('rejected lines do not wait for ever', async () => {
    const told: ImportProgress['waiting'][] = [];
    const onProgress = ({ waiting }: ImportProgress) => void told.push(waiting);
    await service.csv('orders', 'id,customerId,items.quantity\nj1,jane,1\nj1,jane,x\nj2,jane,1\nj2,joan,1\n', {}, { onProgress });
    expect(told.at(-1)).toEqual({ written: 4, total: 4 });
  });

  const map = {
    'map.id': 'No',
    'map.customerId': 'Who',
    'map.placedAt': 'When',
    'map.items.sku': 'Sku',
    'map.items.quantity': 'Qty',
    'map.items.unitPrice': 'Price',
    'default.status': 'paid',
    timeZone: 'Europe/London',
  };
  const order = (id: string) =>
    service.rows(`
      select c.external_id as who, o.status, o.total, o.item_count, o.placed_at,
        (select array_agg(i.sku order by i.line) from order_items i where i.customer_id = o.customer_id and i.order_id = o.id) as skus
      from orders o join customers c on c.id = o.customer_id where o.id = '${id}'`);

  test('lines far apart become one order', async () => {
    const file = ['No,Who,When,Sku,Qty,Price,Extra', 'far,ann,2024-07-01 10:05,A,2,1.255,x'];
    for (let n = 0; n < 6000; n += 1) file.push(`o${n},bob,2024-01-01,B,1,1,`);
    file.push('far,ann,2024-07-01 10:04,B,-1,0.5,x', 'far,ann,2024-07-01 10:05,A,2,1.255,x');
    expect(await service.csv('orders', file.join('\n'), map)).toMatchObject({ rows: 6003, accepted: 6003, rejected: 0 });
    expect(await order('far')).toEqual([
      { who: 'ann', status: 'paid', total: '45200', item_count: '30000', placed_at: Date.UTC(2024, 6, 1, 9, 4), skus: ['A', 'B', 'A'] },
    ]);
    expect(await service.rows(`select count(*)::int as n from orders o where o.id like 'o%'`)).toEqual([{ n: 6000 }]);
    expect(await service.rows('select count(*)::int as n from import_lines')).toEqual([{ n: 0 }]);
    expect(await service.rows('select count(*)::int as n from pending')).toEqual([{ n: 0 }]);
  });

  test('orders that lack rejected lines are named', async () => {
    const file = [
      'No,Who,When,Sku,Qty,Price,total',
      'sum,ann,2024-07-01,A,1,5,',
      'gone,ann,2024-07-01,A,x,5,', // all its lines are rejected: it is not written
      'sum,ann,2024-07-01,B,x,5,',
      'told,ann,2024-07-01,A,1,5,9',
      ',ann,2024-07-01,A,1,5,', // of no order that anybody knows
      'told,ann,2024-07-01,A,1,5,10', // another total
      'told,bob,2024-07-01,A,1,5,11', // and another customer: one line, of which two things are wrong
      'sum,ann,2024-07-01,B"B,1,5,', // cannot be read, but whose it is can
      'sum,ann,2024-07-01', // nor this, and here that cannot either
      'good,ann,2024-07-01,A,1,5,',
    ].join('\n');
    const summary = await service.csv('orders', file, map);
    expect(summary).toMatchObject({ rows: 10, accepted: 3, rejected: 7 });
    expect(summary.incompleteOrders).toEqual({
      count: 2,
      first: [
        { id: 'sum', totalGiven: false, rejected: 2, lines: [4, 9] },
        { id: 'told', totalGiven: true, rejected: 2, lines: [7, 8] },
      ],
      unplacedLines: 2,
    });
    expect(await order('sum')).toMatchObject([{ total: '50000' }]);
    expect(await order('gone')).toEqual([]);
    expect((await service.ndjson('orders', '{"id":"n1","customerId":"ann"}\n{"id":"n1","customerId":7}\n')).incompleteOrders).toEqual({
      count: 0,
      first: [],
      unplacedLines: 0,
    });
  });

  test('of many such orders the first are named', async () => {
    const lines = ['No,Who,When,Sku,Qty,Price'];
    for (let n = 0; n < 150; n += 1) lines.push(`short${149 - n},ann,2024-07-01,A,1,5`);
    for (let n = 0; n < 300; n += 1) lines.push(`short${n % 150},ann,2024-07-01,A,x,5`);
    for (let n = 0; n < 120; n += 1) lines.push('short0,ann,2024-07-01,A,x,5');
    const { count, first = [] } = (await service.csv('orders', lines.join('\n'), map)).incompleteOrders ?? {};
    expect([count, first.length]).toEqual([150, 100]);
    expect(first[0]).toMatchObject({ id: 'short0', rejected: 122, lines: expect.objectContaining({ length: 100 }) });
    expect(first[0]?.lines.slice(0, 3)).toEqual([152, 302, 452]);
    expect(first.at(-1)).toEqual({ id: 'short99', totalGiven: false, rejected: 2, lines: [251, 401] });
  });

  test('amounts of floats are rounded where asked', async () => {
    const file = 'No,Who,When,Sku,Qty,Price\nfloat,ann,2024-07-01,A,2,59.97000122\n';
    expect((await service.csv('orders', file, map)).errors).toMatchObject([
      { column: 'Price', hint: expect.stringContaining('`round=4`') },
    ]);
    expect(await service.csv('orders', file, { ...map, round: '2' })).toMatchObject({ accepted: 1 });
    expect(await order('float')).toMatchObject([{ total: '1199400' }]);
    const json = '{"id":"float2","customerId":"ann","total":59.97000122}\n';
    expect(await service.ndjson('orders', json, { round: '2' })).toMatchObject({ accepted: 1 });
    expect(parseImportOptions('orders', { round: '5' }, 'UTC')).toMatchObject({ ok: false, problems: [{ parameter: 'round' }] });
    expect(parseImportOptions('events', { round: '2' }, 'UTC')).toMatchObject({ ok: false, problems: [{ parameter: 'round' }] });
  });

  test('a second import changes nothing', async () => {
    const file = 'No,Who,When,Sku,Qty,Price\ns1,ann,2024-01-01,A,1,1\ns2,bob,2024-01-02,B,2,2\ns1,ann,2024-01-01,A,1,1\n';
    const state = () =>
      service.rows(
        `select o, (select array_agg(i) from order_items i where i.customer_id = o.customer_id and i.order_id = o.id) from orders o where o.id like 's_' order by o.id`,
      );
    await service.csv('orders', file, map);
    const before = await state();
    expect(before).toHaveLength(2);
    expect(await service.csv('orders', file, map)).toMatchObject({ accepted: 3, changes: 0 });
    expect(await state()).toEqual(before);
  });

  test('a bad line leaves its order the others', async () => {
    const file = 'No,Who,When,Sku,Qty,Price\nb1,ann,2024-01-01,A,1,1\nb1,ann,2024-01-01,B,one,1\nb1,ann,2024-01-01,C,1,1\n';
    const summary = await service.csv('orders', file, map);
    expect(summary).toMatchObject({ rows: 3, accepted: 2, rejected: 1, errors: [{ line: 3, column: 'Qty', code: 'invalid_number' }] });
    expect(await order('b1')).toMatchObject([{ total: '20000', skus: ['A', 'C'] }]);
  });

  test('the first line can speak for all', async () => {
    const file = 'No,Who,When,Sku,Qty,Price\nf1,ann,2024-01-01,A,1,1\nf1,,,B,1,1\n';
    expect(await service.csv('orders', file, map)).toMatchObject({ accepted: 2, rejected: 0 });
    expect(await order('f1')).toMatchObject([{ who: 'ann', skus: ['A', 'B'] }]);
  });

  test('an order without a customer rejects its lines', async () => {
    const file = 'No,Who,When,Sku,Qty,Price\nz2,,,A,1,1\na1,,,A,1,1\nz2,,,B,1,1\n';
    const summary = await service.csv('orders', file, map);
    expect(summary).toMatchObject({ rows: 3, accepted: 0, rejected: 3 });
    expect(summary.errors.map(({ line, column, code }) => [line, column, code])).toEqual([
      [2, 'Who', 'missing_field'],
      [3, 'Who', 'missing_field'],
      [4, 'Who', 'missing_field'],
    ]);
  });

  test('a line that contradicts is rejected', async () => {
    const file = 'No,Who,When,Sku,Qty,Price\nd1,ann,2024-01-01,A,1,1\nd1,bob,2024-01-01,B,1,1\n';
    const summary = await service.csv('orders', file, map);
    expect(summary).toMatchObject({ accepted: 1, errors: [{ line: 3, column: 'Who', code: 'lines_disagree' }] });
    expect(await order('d1')).toMatchObject([{ who: 'ann', skus: ['A'] }]);
  });

  test('a stream that breaks off applies nothing', async () => {
    const rows = Array.from({ length: 5000 }, (_, n) => `cut${n},ann,2024-01-01,A,1,1\n`).join('');
    const stream = Readable.from(
      (async function* () {
        yield Buffer.from(`No,Who,When,Sku,Qty,Price\n${rows}`);
        throw new Error('aborted');
      })(),
      { objectMode: false },
    );
    const refusal = await refusalOf(service.csv('orders', stream, map));
    expect(refusal).toMatchObject({ code: 'import_incomplete' });
    expect(refusal.message).toContain('Nothing was imported');
    expect(await service.rows(`select count(*)::int as n from orders o where o.id like 'cut%'`)).toEqual([{ n: 0 }]);
    expect(await service.rows('select count(*)::int as n from import_lines')).toEqual([{ n: 0 }]);
  });

  test('a gzip cut off is told', async () => {
    const rows = Array.from({ length: 3000 }, (_, n) => `gz${n},ann,2024-01-01,A,1,1\n`).join('');
    const zipped = gzipSync(`No,Who,When,Sku,Qty,Price\n${rows}`);
    const refusal = await refusalOf(service.csv('orders', zipped.subarray(0, zipped.length - 20), map, { encoding: 'gzip' }));
    expect(refusal).toMatchObject({ code: 'import_incomplete' });
    expect(refusal.message).toContain('cut off');
    const damaged = Buffer.from(zipped);
    damaged.fill(0x55, 100, 200);
    expect(await refusalOf(service.csv('orders', damaged, map))).toMatchObject({ code: 'invalid_compression' });
    expect(await service.csv('orders', zipped, map)).toMatchObject({ rows: 3000, accepted: 3000 });
  });
});

describe('NDJSON', () => {
  test('whole orders, a later one replaces', async () => {
    const line = (quantity: number) =>
      JSON.stringify({ id: 'n1', customerId: 'eve', placedAt: '2024-07-01 12:00', items: [{ sku: 'A', quantity, unitPrice: '2.50' }] });
    const summary = await service.ndjson('orders', `${line(1)}\n{"id":"n2"}\n{oops\n\n${line(3)}`, { timeZone: 'Asia/Tokyo' });
    expect(summary).toMatchObject({ rows: 4, accepted: 2, rejected: 2 });
    expect(summary.errors.map(({ line, column, code }) => [line, column, code])).toEqual([
      [2, 'customerId', 'missing_field'],
      [3, undefined, 'invalid_json'],
    ]);
    expect(await service.rows(`select total, placed_at from orders where id = 'n1'`)).toEqual([
      { total: '75000', placed_at: Date.UTC(2024, 6, 1, 3) },
    ]);
  });

  test('keys are mapped like columns', async () => {
    const summary = await service.ndjson('customers', '{"customer":"map1","town":"Bonn","more":1}\n', {
      'map.id': 'customer',
      'map.city': 'town',
      'default.consent.email': 'true',
    });
    expect(summary).toMatchObject({ accepted: 1 });
    expect(await service.rows(`select city, consents from customers where external_id = 'map1'`)).toEqual([
      { city: 'Bonn', consents: { email: true } },
    ]);
  });
});

describe('events', () => {
  test('without ids, a second import changes nothing', async () => {
    const file =
      'customerId,name,occurredAt,properties.path\nev,view,2024-01-01,/a\nev,view,2024-01-01,/a\nev,view,2024-01-01,/b\nev,view,,/b\n';
    const count = () => service.rows(`select count(*)::int as n from events`);
    expect(await service.csv('events', file)).toMatchObject({ rows: 4, accepted: 4, repeated: 0 });
    const [first] = await count();
    expect(first).toEqual({ n: 4 });
    expect(await service.csv('events', file, { atomic: 'true' })).toMatchObject({ accepted: 4, repeated: 4 });
    expect(await count()).toEqual([first]);
    const twice = '{"id":"t","customerId":"ev","name":"view"}\n';
    expect(await service.ndjson('events', twice + twice)).toMatchObject({ rows: 2, accepted: 2, repeated: 1 });
  });
});

describe('atomic', () => {
  test('one bad row refuses all', async () => {
    const refusal = await refusalOf(
      service.ndjson('customers', '{"id":"at1","attributes":{"fresh":1}}\n{"id":2}\n{"id":"at3","attributes":{"fresh":"x"}}\n', {
        atomic: 'true',
      }),
    );
    expect(refusal).toMatchObject({ code: 'invalid_rows', errors: [{ line: 2 }, { line: 3, code: 'type_mismatch' }] });
    expect(await service.rows(`select external_id from customers where external_id like 'at%'`)).toEqual([]);
    expect(await service.rows(`select name from registered_types where name = 'fresh'`)).toEqual([]);
  });

  test('all good rows go together', async () => {
    const rows = Array.from({ length: 12_000 }, (_, n) => `{"id":"all${n % 11_000}","city":"${n}","attributes":{"lot":${n}}}`);
    expect(await service.ndjson('customers', rows.join('\n'), { atomic: 'true' })).toMatchObject({ rows: 12_000, accepted: 12_000 });
    expect(await service.rows(`select city, attributes from customers where external_id = 'all5'`)).toEqual([
      { city: '11005', attributes: { lot: 11005 } },
    ]);
  });

  test('a bad line refuses all orders', async () => {
    const file = 'id,customerId,items.quantity\nx1,ann,1\nx2,,1\n';
    expect(await refusalOf(service.csv('orders', file, { atomic: 'true' }))).toMatchObject({ code: 'invalid_rows', errors: [{ line: 3 }] });
    expect(await service.rows(`select id from orders where id like 'x_'`)).toEqual([]);
  });
});

describe('since when somebody is a customer', () => {
  const at = (index: number) => new Date(Date.UTC(2026, 5, 30) - index * 3_600_000).toISOString();
  const sinceOf = async (id: string) => {
    const [row] = await service.rows(`select created_at from customers where external_id = '${id}'`);
    return new Date(Number(row?.['created_at'])).toISOString();
  };
  const events = (id: string, from: number, count: number) =>
    Array.from({ length: count }, (_, i) => `${JSON.stringify({ customerId: id, name: 'seen', occurredAt: at(from + i) })}\n`).join('');

  test('the earliest row counts, not the first', async () => {
    await service.ndjson('events', events('since-1', 0, 4_100)); // three batches, the newest first
    expect(await sinceOf('since-1')).toBe(at(4_099));
    const lines = 'id,customerId,placedAt,items.name\n9,since-2,2026-02-01,a\n10,since-2,2026-03-01,a\n';
    await service.csv('orders', lines);
    await service.csv('orders', 'id,customerId,placedAt,items.name\nC8,since-2,2025-12-24,a\n');
    expect(await sinceOf('since-2')).toBe('2025-12-24T00:00:00.000Z');
  });

  test('a row without time ends nothing', async () => {
    await service.ndjson('orders', '{"id":"since-o1","customerId":"since-5","total":1}\n');
    await service.ndjson('orders', '{"id":"since-o2","customerId":"since-5","total":1,"placedAt":"2024-01-01T00:00:00Z"}\n');
    expect(await sinceOf('since-5')).toBe('2024-01-01T00:00:00.000Z');
  });

  test('what was said of it stays', async () => {
    await service.ndjson('events', events('since-3', 0, 1));
    await service.ndjson('customers', '{"id":"since-3","createdAt":"2026-01-01T00:00:00Z"}\n');
    await service.ndjson('events', events('since-3', 8_000, 1));
    expect(await sinceOf('since-3')).toBe('2026-01-01T00:00:00.000Z');
    await service.ndjson('customers', '{"id":"since-4"}\n');
    const made = await sinceOf('since-4');
    await service.ndjson('events', events('since-4', 0, 1));
    expect(await sinceOf('since-4')).toBe(made);
  });
});

describe('trouble', () => {
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => `{"id":"trouble${from + n}","city":"x"}\n`).join('');
  const count = async () =>
    Number((await service.rows(`select count(*)::int as n from customers where external_id like 'trouble%'`))[0]?.['n']);
  const streamOf = (...parts: (string | (() => Promise<unknown>))[]) =>
    Readable.from(
      (async function* () {
        for (const part of parts) {
          if (typeof part === 'string') yield Buffer.from(part);
          else await part();
        }
      })(),
      { objectMode: false },
    );

  test('Postgres goes away, a second run completes', async () => {
    const written = async () => {
      while ((await count()) < 2000) await new Promise((resolve) => setImmediate(resolve));
    };
    const pids: unknown[] = [];
    const restart = async () => {
      const told = await service.rows(`
        select a.pid
        from pg_stat_activity as a, pg_terminate_backend(a.pid) as t
        where a.datname = current_database() and a.pid <> pg_backend_pid()`);
      pids.push(...told.map(({ pid }) => pid));
    };
    const stream = streamOf(rows(0, 2000), written, rows(2000, 2500), restart, rows(2500, 9000));
    await service.ndjson('customers', stream).catch(() => undefined); // whether it meets the broken connections is a matter of luck
    // one that goes later would break what follows
    const left = `select from pg_stat_activity as a where a.pid = any('{${pids.join()}}'::integer[])`;
    const areGone = async () => (await service.rows(left).catch(() => ['it was the one that asked'])).length === 0;
    await vi.waitUntil(areGone, 30_000);
    expect(await count()).toBeGreaterThanOrEqual(2000);
    expect(await service.ndjson('customers', rows(0, 9000))).toMatchObject({ rows: 9000, accepted: 9000 });
    expect(await count()).toBe(9000);
    expect(await service.rows('select count(*)::int as n from pending')).toEqual([{ n: 0 }]);
  });

  test('a stream that breaks off keeps whole batches', async () => {
    await service.rows(`delete from customers where external_id like 'trouble%'`);
    const breaks = async () => {
      throw new Error('aborted');
    };
    const refusal = await refusalOf(service.ndjson('customers', streamOf(rows(0, 4500), breaks)));
    expect(refusal).toMatchObject({ code: 'import_incomplete' });
    expect(refusal.message).toContain('4500 rows before that');
    expect(await count()).toBe(4500);
  });

  test('a write that fails ends the import', async () => {
    await service.rows(`alter table customers add constraint no_nine check (external_id <> 'trouble9') not valid`);
    await expect(service.ndjson('customers', rows(0, 3000))).rejects.toMatchObject({ code: '23514' });
    await service.rows('alter table customers drop constraint no_nine');
    expect(await service.rows(`select distinct status from imports where finished_at is null`)).toEqual([]);
  });

  test('lines of a dead import are removed', async () => {
    await service.rows(`
      with dead as (
        insert into imports (kind, status, leased_until, started_at) values ('orders', 'running', '2020-01-01', '2020-01-01') returning id
      )
      insert into import_lines (import_id, order_id, line, data) select dead.id, 'x', 1, '{}' from dead`);
    await service.ndjson('customers', rows(0, 1));
    expect(await service.rows('select count(*)::int as n from import_lines')).toEqual([{ n: 0 }]);
    expect(await service.rows(`select count(*)::int as n from imports where status = 'running'`)).toEqual([{ n: 0 }]);
  });

  test('a crash that empties what waited is told', async () => {
    const lines = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => `crashed-${(from + n) % 3000},nobody,1,1\n`).join('');
    const waiting = async () => (await service.rows('select count(*)::int as n from import_lines'))[0]?.['n'] !== 0;
    const crash = async () => {
      while (!(await waiting())) await new Promise((resolve) => setImmediate(resolve));
      await service.rows('truncate import_lines'); // what recovery after a crash does to an unlogged table
    };
    for (const parameters of [{}, { atomic: 'true' }]) {
      const stream = streamOf('id,customerId,items.quantity,items.unitPrice\n', lines(0, 4500), crash, lines(4500, 6000));
      expect(await refusalOf(service.csv('orders', stream, parameters))).toMatchObject({ code: 'unavailable' });
    }
    expect(await service.rows(`select count(*)::int as n from orders where id like 'crashed-%'`)).toEqual([{ n: 0 }]);
  });

  test('batches at once set one mark', async () => {
    const staged = new StagedLines(service.strata.database, '987654321');
    await Promise.all([1, 2, 3].map((line) => staged.add([{ group: 'marked', line, data: {} }])));
    expect(await service.rows('select line::int from import_lines where import_id = 987654321 order by line')).toEqual(
      [-1, 1, 2, 3].map((line) => ({ line })),
    );
    await removeStagedLines(service.strata.database, '987654321');
  });

  test('an erasure takes its lines, and nobody else’s', async () => {
    await service.ndjson('customers', '{"id":"leaving"}\n');
    const lines = (of: string, count: number) => Array.from({ length: count }, (_, n) => `${of}-${n % 1500},${of},1,1\n`).join('');
    const waiting = async () => (await service.rows('select count(*)::int as n from import_lines'))[0]?.['n'] !== 0;
    const leave = async () => {
      while (!(await waiting())) await new Promise((resolve) => setImmediate(resolve));
      await erase(service.strata, 'leaving');
    };
    const stream = streamOf('id,customerId,items.quantity,items.unitPrice\n', lines('leaving', 3000), leave, lines('staying', 3000));
    await service.csv('orders', stream);
    expect(await service.rows(`select count(*)::int as n from orders where id like 'staying-%'`)).toEqual([{ n: 1500 }]);
  });

  test('hanging up stops it', async () => {
    const hangUp = new AbortController();
    const stream = streamOf(rows(0, 3000), async () => hangUp.abort(), rows(3000, 50_000));
    await refusalOf(service.ndjson('customers', stream, {}, { signal: hangUp.signal }));
    expect(await count()).toBeLessThan(50_000);
    expect(await service.rows(`select count(*)::int as n from imports where status = 'running'`)).toEqual([{ n: 0 }]);
  });
});
