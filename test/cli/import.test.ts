// `strata import` against a listening service: what it sends, prints, and exits with.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { importCommand } from '../../src/cli/import.ts';
import { describeProgress, Progress } from '../../src/cli/progress.ts';
import { ADMIN_KEY, type Service, startService } from '../api/service.ts';
import { type Ran, runCommand } from './run-command.ts';

let service: Service;
let url: string;
let folder: string;
beforeAll(async () => {
  service = await startService();
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(service.app.server.address() as net.AddressInfo).port}`;
  folder = mkdtempSync(path.join(tmpdir(), 'strata-import-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await service.close();
});

function run(
  args: string[],
  { url: given = url, ...more }: { input?: Readable; isTerminal?: boolean; environment?: Record<string, string>; url?: string } = {},
): Promise<Ran> {
  return runCommand((terminal) => importCommand([...args, '--url', given], terminal), { environment: { ADMIN_KEY }, ...more });
}

function file(name: string, content: string | Buffer): string {
  const full = path.join(folder, name);
  writeFileSync(full, content);
  return full;
}

const ORDERS = 'No,Who,Qty,Price\nC1,ann,2,1.5\nC1,ann,1,10\nC2,bob,one,5\n';
const MAP = ['--map', 'id=No', '--map', 'customerId=Who', '--map', 'items.quantity=Qty', '--map', 'items.unitPrice=Price'];

test('a gzipped file, its rejections in a table', async () => {
  const name = file('orders.csv.gz', gzipSync(ORDERS));
  const { code, out } = await run(['orders', name, ...MAP, '--default', 'status=paid']);
  expect(code).toBe(3);
  expect(out).toContain('3 rows: 2 imported, 1 rejected');
  expect(out).toMatch(/ {2}line 4 {2}Qty {2}invalid_number {2}.*one/);
  expect((await service.call('GET', '/v1/orders/C1')).body).toMatchObject({ total: '13.00', status: 'paid' });
});

test('orders that lack lines are named', async () => {
  const { out } = await run(['orders', file('lacking.csv', 'No,Who,Qty,Price\nL1,ann,1,5\nL1,ann,one,5\nL2,ann,1,5\n,ann,1,5\n'), ...MAP]);
  expect(out).toContain('1 order was written without these lines; mend them and send all lines of the order again:\n');
  expect(out).toMatch(/ {2}L1 {2}line 3 {2}its total is too small\n/);
  expect(out).toContain('1 rejected line does not say readably of which order');
});

test('the same mistake in every row is cut', async () => {
  const bad = Array.from({ length: 30 }, (_, n) => `D${n},ann,x,1\n`).join('');
  const { out } = await run(['orders', file('many.csv', `No,Who,Qty,Price\n${bad}D99,ann,1,y\n`), ...MAP]);
  expect(out.match(/ {2}line \d+ +Qty /g)).toHaveLength(10);
  expect(out).toMatch(/Qty +invalid_number +… and 20 more like these/);
  expect(out).toMatch(/line 32 +Price /);
});

test('another delimiter is guessed', async () => {
  const { code, told } = await run(['customers', file('semicolon.csv', 'id;city\nann;Bonn\n')]);
  expect([code, told]).toEqual([1, expect.stringContaining('name it: --delimiter semicolon')]);
  expect((await run(['customers', file('unmapped.csv', 'Kunde\nann\n')])).told).toContain('Name it with --map id=<column>.');
  expect(await run(['customers', file('semicolon.csv', 'id;city\nann;Bonn\n'), '--delimiter', ';'])).toMatchObject({ code: 0 });
});

test('standard input with a format', async () => {
  const input = Readable.from([Buffer.from('{"id":"in1"}\n'), Buffer.from('{"id":"in2"}')]);
  const environment = { ADMIN_KEY_FILE: file('admin-key', `${ADMIN_KEY}\n`) }; // as in a container, where the service has it so
  expect(await run(['customers', '-', '--format', 'ndjson'], { input, environment })).toMatchObject({ code: 0, told: '' });
  expect((await service.call('GET', '/v1/customers/in2')).status).toBe(200);
});

test('rows and rejections show while it runs', async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => (n % 1000 === 0 ? `{"id":${n}}\n` : `{"id":"many${n}","city":"x"}\n`));
  const { code, told, out } = await run(['customers', file('many.ndjson', rows.join(''))], { isTerminal: true });
  expect(code).toBe(3);
  expect(out).toContain('20,000 rows: 19,980 imported, 20 rejected');
  expect(told).toMatch(/\r\[#+-*\] {2}\d+ % {2}[\d,]+ rows {2}[\d,]+ rows\/s {2}\d+ rejected/);
});

test('a refusal is told and fails', async () => {
  const unknown = await run(['orders', file('o.csv', ORDERS), '--map', 'id=Nr', '--map', 'customerId=Who']);
  expect(unknown).toMatchObject({ code: 1, out: '' });
  expect(unknown.told).toContain('The file has no column "Nr"');
  const cut = await run(['orders', file('cut.csv.gz', gzipSync(ORDERS).subarray(0, 40)), ...MAP]);
  expect(cut).toMatchObject({ code: 1 });
  expect(cut.told).toContain('cut off');
  const key = await run(['customers', file('c.ndjson', '{"id":"k"}')], { environment: { ADMIN_KEY: 'wrong' } });
  expect(key).toMatchObject({ code: 1 });
});

test('a key that may import and nothing else', async () => {
  const made = await service.call('POST', '/v1/keys', { name: 'import', scopes: ['ingest'] });
  const imported = await run(['customers', file('k.ndjson', '{"id":"k1"}')], { environment: { STRATA_KEY: made.body.secret } });
  expect(imported).toMatchObject({ code: 0, out: expect.stringContaining('1 imported') });
  const reader = await service.call('POST', '/v1/keys', { name: 'read', scopes: ['segments:read'] });
  const refused = await run(['customers', file('k.ndjson', '{"id":"k1"}')], { environment: { STRATA_KEY: reader.body.secret } });
  expect(refused).toMatchObject({ code: 1, told: expect.stringContaining('ingest') });
});

test('a large file that is refused at once', async () => {
  const name = file('large.csv', `a,b\n${'1,2\n'.repeat(3_000_000)}`);
  const { code, told } = await run(['customers', name]);
  expect(code).toBe(1);
  expect(told).toContain('`id`');
  const zone = await run(['customers', name, '--time-zone', 'Nowhere/Land']);
  expect(zone.told).toContain('is no time zone');
  const stranger = await run(['customers', name], { environment: { ADMIN_KEY: 'wrong' } });
  expect(stranger.code).toBe(1);
  expect(stranger.told).toContain('key');
});

test('a command not understood', async () => {
  for (const args of [[], ['orders'], ['things', 'x'], ['orders', 'nowhere.csv'], ['orders', folder], ['orders', '-'], ['--wrong']]) {
    const { code, told } = await run(args);
    expect([args, code]).toEqual([args, 2]);
    expect(told).toContain('Exit codes');
  }
  expect(await run(['orders', file('m.csv', ''), '--map', 'id'])).toMatchObject({ code: 2 });
});

test('a service that goes away', async () => {
  const server = http.createServer((request, response) => {
    request.once('end', () => response.end('{}'));
    request.once('data', () => request.socket.destroy()); // the question before the upload has no body
    request.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const gone = `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  const name = file('gone.ndjson', '{"id":"k"}\n');
  const { code, told } = await run(['customers', name], { url: gone });
  expect(code).toBe(1);
  expect(told).toContain('broke off');
  server.close();
  await once(server, 'close');
  const none = await run(['customers', name], { url: gone });
  expect(none.told).toContain('No service answers');
});

test('progress in words', () => {
  const state = { rows: 212_000, rejected: 3, sentBytes: 43, readBytes: null, totalBytes: 100, waiting: null, elapsedMs: 10_000 };
  expect(describeProgress(state, true)).toBe(
    '[##########--------------]  43 %  212,000 rows  21,200 rows/s  3 rejected  14 s of reading left',
  );
  expect(describeProgress({ ...state, sentBytes: 100, readBytes: 50 }, false)).toContain('50 %');
  expect(describeProgress({ ...state, sentBytes: 100 }, false)).toBe('100 %  212,000 rows  21,200 rows/s  3 rejected  all sent, finishing');
  const written = (count: number) =>
    describeProgress({ ...state, sentBytes: 100, waiting: { written: count, total: 200_000, sinceMs: 8_000 } }, false);
  expect(written(0)).toMatch(/all sent, 0 of 200,000 written$/);
  expect(written(50_000)).toMatch(/all sent, 50,000 of 200,000 written, 6 s of writing left$/);
  expect(written(200_000)).toMatch(/all written, evaluating$/);
  expect(describeProgress({ ...state, totalBytes: null, sentBytes: 5e6 }, true)).toBe('5 MB sent  212,000 rows  21,200 rows/s  3 rejected');
});

test('elsewhere than on a terminal, lines', () => {
  const clock = new TestClock(0);
  const written: string[] = [];
  const progress = new Progress({ write: (text) => written.push(text), isTerminal: false, columns: 80 }, clock);
  const state = { rows: 10, rejected: 0, sentBytes: 1, readBytes: null, totalBytes: 2, waiting: null };
  for (let step = 0; step < 100; step += 1) {
    clock.advance(120);
    progress.show(state);
  }
  progress.clear();
  expect(written).toEqual(['50 %  10 rows  2 rows/s  6 s of reading left\n', '50 %  10 rows  1 rows/s  11 s of reading left\n']);
});
