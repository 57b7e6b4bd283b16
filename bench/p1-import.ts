// P1: customers and orders as NDJSON over HTTP against COPY of the same rows into the same tables with the same indexes, one slice each in turn,
// so that both write into tables of equal size. And how flat the service's memory stays.
import fs from 'node:fs';
import path from 'node:path';
import { type Bench, startBenchService } from './bench.ts';
import { median } from './figure.ts';
import { processSeconds, watchMemory } from './processes.ts';
import { copyInto, type Server } from './server.ts';
import type { Service } from './service.ts';
import {
  type BenchOrder,
  COPY_CUSTOMERS,
  COPY_ITEMS,
  COPY_ORDERS,
  COPY_OWNERS,
  type CopyTable,
  customerCopy,
  customerLine,
  itemsCopy,
  orderBody,
  orderCopy,
  ownerCopy,
} from './shop.ts';

interface Slice {
  readonly name: string;
  readonly kind: 'customers' | 'orders';
  readonly rows: number;
  /** Writes its rows to disk in both forms beforehand, so that making them costs neither way anything. */
  spool(folder: string): Spooled;
}

interface Spooled {
  readonly lines: string;
  readonly tables: readonly { readonly copy: CopyTable; readonly file: string }[];
  remove(): void;
}

interface Cost {
  readonly seconds: number;
  readonly postgresSeconds: number;
  readonly clientSeconds: number;
  readonly serviceSeconds: number;
}

const ORDER_SLICES = 4;
const PIECE = 262_144;

export async function measureImport(bench: Bench): Promise<void> {
  const { server, say } = bench;
  await server.createMigrated(bench.strataDatabase);
  await server.createMigrated(bench.referenceDatabase);
  const service = await startBenchService(server, bench.strataDatabase);
  bench.useService(service);
  const memory = watchMemory(service.pid);
  const measured: { slice: Slice; strata: Cost; copy: Cost; peakMegabytes: number }[] = [];
  for (const [index, slice] of slicesOf(bench).entries()) {
    say(`import: ${slice.name}, ${slice.rows} rows`);
    const runs: Record<'strata' | 'copy', Cost | undefined> = { strata: undefined, copy: undefined };
    memory.takePeakMegabytes();
    const spooled = slice.spool(server.folder);
    for (const way of index % 2 === 0 ? (['copy', 'strata'] as const) : (['strata', 'copy'] as const)) {
      runs[way] = way === 'copy' ? await copySlice(bench, spooled) : await importSlice(bench, service, slice, spooled);
    }
    spooled.remove();
    measured.push({ slice, strata: runs.strata as Cost, copy: runs.copy as Cost, peakMegabytes: memory.takePeakMegabytes() });
  }
  memory.stop();
  for (const kind of ['customers', 'orders'] as const) {
    const own = measured.filter(({ slice }) => slice.kind === kind);
    const rate = (way: 'strata' | 'copy') => median(own.map((each) => each.slice.rows / each[way].seconds));
    bench.report({
      id: kind === 'orders' ? 'P1' : 'P1c',
      what: `import of ${kind} over HTTP (NDJSON)`,
      value: rate('strata'),
      unit: 'rows/s',
      reference: { what: 'COPY, rows/s', value: rate('copy') },
      ratio: median(own.map(({ strata, copy }) => copy.seconds / strata.seconds)),
      target: { sense: '>=', value: 0.5 },
      detail: {
        slices: own.map(({ slice, strata, copy, peakMegabytes }) => ({
          rows: slice.rows,
          strata,
          copy,
          peakMegabytes: Math.round(peakMegabytes),
        })),
      },
    });
  }
  const orders = measured.filter(({ slice }) => slice.kind === 'orders').map(({ peakMegabytes }) => peakMegabytes);
  bench.report({
    id: 'P1m',
    what: 'growth of the service’s memory, first to last slice',
    value: (orders.at(-1) as number) - (orders[0] as number),
    unit: 'MB',
    reference: null,
    ratio: null,
    target: { sense: '<=', value: 50 },
    detail: { peakMegabytes: orders.map(Math.round) },
  });
}

function slicesOf(bench: Bench): readonly Slice[] {
  const { shop } = bench;
  const { customers, orders } = shop.size;
  function* everyCustomer() {
    for (let index = 0; index < customers; index += 1) yield shop.customer(index);
  }
  const slices: Slice[] = [
    {
      name: 'customers',
      kind: 'customers',
      rows: customers,
      spool: (folder) => spool(folder, everyCustomer(), customerLine, [[COPY_CUSTOMERS, customerCopy]]),
    },
  ];
  const orderLine = (order: BenchOrder) => `${JSON.stringify(orderBody(order, true, true))}\n`;
  for (let slice = 0; slice < ORDER_SLICES; slice += 1) {
    const from = Math.round((slice * orders) / ORDER_SLICES);
    const to = Math.round(((slice + 1) * orders) / ORDER_SLICES);
    slices.push({
      name: `orders, slice ${slice + 1} of ${ORDER_SLICES}`,
      kind: 'orders',
      rows: to - from,
      spool: (folder) =>
        spool(folder, shop.orders(from, to), orderLine, [
          [COPY_OWNERS, ownerCopy],
          [COPY_ORDERS, orderCopy],
          [COPY_ITEMS, itemsCopy],
        ]),
    });
  }
  return slices;
}

/** Each row is drawn once and printed in every form: drawing is half of the work. */
function spool<Row>(
  folder: string,
  rows: Iterable<Row>,
  line: (row: Row) => string,
  tables: readonly (readonly [CopyTable, (row: Row) => string])[],
): Spooled {
  const forms = [line, ...tables.map(([, print]) => print)].map((print, index) => {
    const file = path.join(folder, `slice-${index}`);
    return { print, file, open: fs.openSync(file, 'w'), text: '' };
  });
  for (const row of rows) {
    for (const form of forms) {
      form.text += form.print(row);
      if (form.text.length < PIECE) continue;
      fs.writeSync(form.open, form.text);
      form.text = '';
    }
  }
  for (const { open, text } of forms) {
    fs.writeSync(open, text);
    fs.closeSync(open);
  }
  const files = forms.map(({ file }) => file);
  return {
    lines: files[0] as string,
    tables: tables.map(([copy], index) => ({ copy, file: files[index + 1] as string })),
    remove: () => {
      for (const file of files) fs.rmSync(file, { force: true });
    },
  };
}

const readFile = (file: string) => fs.createReadStream(file, { highWaterMark: PIECE });

async function copySlice({ server, referenceDatabase }: Bench, { tables }: Spooled): Promise<Cost> {
  const client = await server.connect(referenceDatabase);
  try {
    return await cost(server, undefined, async () => {
      for (const { copy, file } of tables) await copyInto(client, copy, readFile(file));
    });
  } finally {
    await client.end();
  }
}

function importSlice({ server }: Bench, service: Service, { kind, rows }: Slice, { lines }: Spooled): Promise<Cost> {
  return cost(server, service, async () => {
    const answer = await service.stream(`/v1/imports/${kind}`, 'application/x-ndjson', readFile(lines));
    if (answer['accepted'] === rows && answer['rejected'] === 0) return;
    throw new Error(`of ${rows} rows the import took ${answer['accepted']}: ${JSON.stringify(answer).slice(0, 1000)}`);
  });
}

async function cost(server: Server, service: Service | undefined, work: () => Promise<void>): Promise<Cost> {
  const read = () => [server.cpuSeconds(), processSeconds(process.pid), service === undefined ? 0 : processSeconds(service.pid)] as const;
  const before = read();
  const startMs = performance.now();
  await work();
  const seconds = (performance.now() - startMs) / 1000;
  const after = read();
  const spent = (index: 0 | 1 | 2) => Number((after[index] - before[index]).toFixed(2));
  return { seconds: Number(seconds.toFixed(3)), postgresSeconds: spent(0), clientSeconds: spent(1), serviceSeconds: spent(2) };
}
