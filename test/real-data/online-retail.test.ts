// A year of a British wholesaler through the command line and real HTTP, the file unchanged; ten segments on it, whose members are computed
// again by plain loops over the lines of the file.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY } from '../api/service.ts';
import { type CsvRow, dataFile, groupBy, isThere, parseCsv } from './read-csv.ts';
import { openRealShop, type RealShop } from './shop.ts';

const FILE = 'online-retail/online_retail.csv.gz';
const LAUNCHER = fileURLToPath(new URL('../../src/cli/launch.js', import.meta.url));
const MAPPED = ['id=InvoiceNo', 'customerId=CustomerID', 'placedAt=InvoiceDate', 'items.sku=StockCode', 'items.name=Description'];
const NUMBERS = ['items.quantity=Quantity', 'items.unitPrice=UnitPrice'];

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function runCli(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<Ended> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], { env: { ...process.env, ...environment } });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

interface Invoice {
  readonly id: string;
  readonly tenThousandths: number;
  readonly pieces: number;
  readonly skus: ReadonlySet<string>;
  /** local London time, which compares like the text it is */
  readonly placedAt: string;
}

describe.skipIf(!isThere('online-retail'))('Online Retail by command line (skipped where ../shared/data/online-retail is absent)', () => {
  let shop: RealShop;
  let ended: Ended;
  let invoicesOf: Map<string, Invoice[]>;
  const ids = (holds: (invoices: readonly Invoice[]) => boolean) =>
    [...invoicesOf]
      .filter(([, invoices]) => holds(invoices))
      .map(([id]) => id)
      .sort();

  beforeAll(async () => {
    shop = await openRealShop();
    const url = await shop.service.app.listen({ host: '127.0.0.1', port: 0 });
    const maps = [...MAPPED, ...NUMBERS].flatMap((map) => ['--map', map]);
    const args = ['import', 'orders', fileURLToPath(dataFile(FILE)), ...maps, '--default', 'status=paid', '--time-zone', 'Europe/London'];
    ended = await runCli([...args, '--url', url], { ADMIN_KEY });
    invoicesOf = readInvoices();
  }, 300_000);

  afterAll(() => shop?.service.close());

  it('tells what came of it', () => {
    expect(ended.err).not.toContain('\r'); // no terminal: plain lines
    expect(`${ended.out}${ended.err}`).toMatch(/135,080/);
    expect(ended.code).toBe(3); // some rows were rejected
  });

  const segments: readonly [key: string, rule: string, holds: (invoices: readonly Invoice[]) => boolean][] = [
    ['first-time', 'count(orders) = 1', (all) => all.length === 1],
    ['loyal', 'count(orders where total > 0) >= 20', (all) => all.filter((one) => one.tenThousandths > 0).length >= 20],
    ['high-value', 'sum(orders.total) >= 10000', (all) => sum(all.map((one) => one.tenThousandths)) >= 100_000_000],
    ['returners', 'count(orders where total < 0) >= 5', (all) => all.filter((one) => one.tenThousandths < 0).length >= 5],
    [
      'mostly-returns',
      'count(orders where total < 0) / count(orders) >= 0.5',
      (all) => all.filter((one) => one.tenThousandths < 0).length * 2 >= all.length,
    ],
    ['bulk', 'max(orders.item_count) >= 5000', (all) => Math.max(...all.map((one) => one.pieces)) >= 5000],
    ['postage', 'count(items where sku = "POST") >= 1', (all) => all.some((one) => one.skus.has('POST'))],
    [
      'christmas-only',
      'count(orders since 2011-11-01) >= 1 and count(orders before 2011-11-01) = 0',
      (all) => all.every((one) => one.placedAt >= '2011-11-01'),
    ],
    ['curious', 'distinct(items.sku) >= 300', (all) => new Set(all.flatMap((one) => [...one.skus])).size >= 300],
    [
      'average',
      'avg(orders.total) > 1000 and count(orders) > 1',
      (all) => all.length > 1 && sum(all.map((one) => one.tenThousandths)) > 10_000_000 * all.length,
    ],
  ];

  it.each(segments)('%s: %s', async (key, rule, holds) => {
    const expected = ids(holds);
    expect(expected.length).toBeGreaterThan(0);
    expect(await shop.membersOf(key, rule)).toEqual(expected);
  });
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Prices have up to three decimals, so lines are whole ten-thousandths, and their sums stay far below 2^53. */
function readInvoices(): Map<string, Invoice[]> {
  const text = gunzipSync(readFileSync(dataFile(FILE))).toString('utf8');
  const lines = parseCsv(text).filter((line) => line['CustomerID'] !== '');
  const invoices = [...groupBy(lines, (line) => line['InvoiceNo'] ?? '')].map(([id, own]) => ({
    customer: own[0]?.['CustomerID'] ?? '',
    ...toInvoice(id, own),
  }));
  return groupBy(invoices, (invoice) => invoice.customer);
}

function toInvoice(id: string, lines: readonly CsvRow[]): Invoice {
  return {
    id,
    tenThousandths: sum(lines.map((line) => Number(line['Quantity']) * Math.round(Number(line['UnitPrice']) * 10_000))),
    pieces: sum(lines.map((line) => Number(line['Quantity']))),
    skus: new Set(lines.map((line) => line['StockCode'] ?? '')),
    placedAt: lines.map((line) => line['InvoiceDate'] ?? '').sort()[0] ?? '',
  };
}
