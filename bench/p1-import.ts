// P1: customers and orders as NDJSON over HTTP against COPY of the same rows into the same tables with the same indexes, slice by slice in turn,
// so that both write into tables of equal size. And how flat the service's memory stays.
import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as stream } from 'node:stream/promises';
import { type Bench, startBenchService } from './bench.ts';
import { median } from './figure.ts';
import { processSeconds, watchMemory } from './processes.ts';
import { copyInto, type Server } from './server.ts';
import type { Service } from './service.ts';
import {
  COPY_CUSTOMERS,
  COPY_ITEMS,
  COPY_ORDERS,
  COPY_OWNERS,
  type CopyTable,
  customerCopy,
  customerLine,
  inPieces,
  itemsCopy,
  orderBody,
  orderCopy,
  ownerCopy,
} from './shop.ts';

interface Slice {
  readonly name: string;
  readonly kind: 'customers' | 'orders';
  readonly rows: number;
  readonly lines: () => Iterable<string>;
  readonly tables: readonly { readonly copy: CopyTable; readonly pieces: () => Iterable<string> }[];
}

interface Cost {
  readonly seconds: number;
  readonly postgresSeconds: number;
  readonly clientSeconds: number;
  readonly serviceSeconds: number;
}

const ORDER_SLICES = 4;

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
    for (const way of index % 2 === 0 ? (['copy', 'strata'] as const) : (['strata', 'copy'] as const)) {
      runs[way] = way === 'copy' ? await copySlice(bench, slice) : await importSlice(server, service, slice);
    }
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
      lines: () => inPieces(everyCustomer(), customerLine),
      tables: [{ copy: COPY_CUSTOMERS, pieces: () => inPieces(everyCustomer(), customerCopy) }],
    },
  ];
  for (let slice = 0; slice < ORDER_SLICES; slice += 1) {
    const from = Math.round((slice * orders) / ORDER_SLICES);
    const to = Math.round(((slice + 1) * orders) / ORDER_SLICES);
    const rows = () => shop.orders(from, to);
    slices.push({
      name: `orders, slice ${slice + 1} of ${ORDER_SLICES}`,
      kind: 'orders',
      rows: to - from,
      lines: () => inPieces(rows(), (order) => `${JSON.stringify(orderBody(order, true, true))}\n`),
      tables: [
        { copy: COPY_OWNERS, pieces: () => inPieces(rows(), ownerCopy) },
        { copy: COPY_ORDERS, pieces: () => inPieces(rows(), orderCopy) },
        { copy: COPY_ITEMS, pieces: () => inPieces(rows(), itemsCopy) },
      ],
    });
  }
  return slices;
}

/** Files first, so that making the rows costs neither way anything. */
async function spool<Value>(
  server: Server,
  contents: readonly Iterable<string>[],
  use: (files: readonly string[]) => Promise<Value>,
): Promise<Value> {
  const files = contents.map((_, index) => path.join(server.folder, `slice-${index}`));
  try {
    for (const [index, file] of files.entries()) {
      await stream(Readable.from(contents[index] as Iterable<string>, { objectMode: false }), fs.createWriteStream(file));
    }
    return await use(files);
  } finally {
    for (const file of files) fs.rmSync(file, { force: true });
  }
}

const readFile = (file: string) => fs.createReadStream(file, { highWaterMark: 262_144 });

async function copySlice({ server, referenceDatabase }: Bench, slice: Slice): Promise<Cost> {
  return spool(
    server,
    slice.tables.map(({ pieces }) => pieces()),
    async (files) => {
      const client = await server.connect(referenceDatabase);
      try {
        return await cost(server, undefined, async () => {
          for (const [index, { copy }] of slice.tables.entries()) await copyInto(client, copy, readFile(files[index] as string));
        });
      } finally {
        await client.end();
      }
    },
  );
}

async function importSlice(server: Server, service: Service, slice: Slice): Promise<Cost> {
  return spool(server, [slice.lines()], ([file]) =>
    cost(server, service, async () => {
      const answer = await service.stream(`/v1/imports/${slice.kind}`, 'application/x-ndjson', readFile(file as string));
      if (answer['accepted'] === slice.rows && answer['rejected'] === 0) return;
      throw new Error(`of ${slice.rows} rows the import took ${answer['accepted']}: ${JSON.stringify(answer).slice(0, 1000)}`);
    }),
  );
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
