// `npm run bench -- [--size tiny|small|S|L] [--only P1,P4] [--seed 1]`: measures what docs/performance.md reports against the same work done otherwise, in
// one run on a Postgres of its own. Prints a line of JSON for each figure and a table at the end, also of what it leaves out, and leaves nothing
// behind. Whole at S it is to take 15 minutes at the most; at L some hours (four, and rows begin to leave their windows: shop.ts) and 57 GB of the
// folder for temporary files (TMPDIR). With BENCH_PROGRESS=1 it says what it does.
import fs from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { openBench } from './bench.ts';
import { type Absence, type Figure, printAbsence, printFigure, printTable } from './figure.ts';
import { measureImport } from './p1-import.ts';
import { measureFull, measureNarrow } from './p2-full.ts';
import { measureBeside } from './p3-beside.ts';
import { measurePublish } from './p3-publish.ts';
import { measureBySegments } from './p4-by-segments.ts';
import { measureOrder } from './p4-order.ts';
import { measureBatch } from './p5-batch.ts';
import { measureDue } from './p6-due.ts';
import { measureLateness } from './p6-lateness.ts';
import { measureReads } from './p7-reads.ts';
import { measureGraphql } from './p8-graphql.ts';
import { measureWebhooks } from './p9-webhooks.ts';
import { measureFeed } from './p10-feed.ts';
import { measureStreams } from './p10-streams.ts';
import { measureMemory } from './p11-memory.ts';
import { measureReports } from './p12-reports.ts';
import { startServer } from './server.ts';
import { type ShopSize, SIZES } from './shop.ts';

/** In the order they are measured in: P1 fills the shop that the others use, P6 moves its clock and is the last. */
const MEASURES = {
  P1: measureImport,
  P2: measureFull,
  P2n: measureNarrow,
  P3: measurePublish,
  P3b: measureBeside,
  P4: measureOrder,
  P4s: measureBySegments,
  P5: measureBatch,
  P6l: measureLateness,
  P7: measureReads,
  P8: measureGraphql,
  P9: measureWebhooks,
  P10: measureFeed,
  P10s: measureStreams,
  P11: measureMemory,
  P12: measureReports,
  P6: measureDue,
} as const;
type Measure = keyof typeof MEASURES;

/** Too dear for what they say beside the others: only when they are named. */
const ONLY_BY_NAME: Partial<Record<Measure, string>> = { P2n: 'no target speaks of it, and it takes over a minute; --only P2n' };

/** Two copies of the shop, memberships, the feed, the views of P2, what imports leave to vacuum: 5.2 kB an order at `small`. And Postgres' own log. */
const BYTES_PER_ORDER = 5_500;
const BYTES_OF_LOG = 2e9;

const { values } = parseArgs({
  options: { size: { type: 'string', default: 'S' }, only: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const size = SIZES[values.size];
if (size === undefined) refuse(`--size is one of ${Object.keys(SIZES).join(', ')}`);
const seed = Number(values.seed);
if (!Number.isInteger(seed) || seed < 0) refuse('--seed is a whole number');
const all = Object.keys(MEASURES) as Measure[];
const wanted = values.only?.split(',') ?? all.filter((name) => ONLY_BY_NAME[name] === undefined);
if (wanted.some((name) => !all.includes(name as Measure))) refuse(`--only takes some of ${all.join(',')}`);
requireRoom(size);

const figures: Figure[] = [];
const absences: Absence[] = [];
const tellAbsence = (absence: Absence) => {
  absences.push(absence);
  process.stdout.write(printAbsence(absence));
};
const leaveOut = (id: string, why: string) => tellAbsence({ id, why, isFailure: false });
const started = performance.now();
const say = (text: string) => {
  if (process.stderr.isTTY || process.env['BENCH_PROGRESS'] !== undefined)
    process.stderr.write(`[${Math.round((performance.now() - started) / 1000)} s] ${text}\n`);
};
const server = await startServer();
const bench = openBench({
  size,
  seed,
  server,
  databases: 'main',
  report: (figure) => {
    figures.push(figure);
    process.stdout.write(printFigure(figure));
  },
  leaveOut,
  say,
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130)); // the server and its folder go with us
try {
  for (const name of all) {
    if (!wanted.includes(name)) {
      if (values.only === undefined) leaveOut(name, ONLY_BY_NAME[name] as string);
      continue;
    }
    try {
      await MEASURES[name](bench);
    } catch (error) {
      process.exitCode = 1;
      tellAbsence({ id: name, why: error instanceof Error ? error.message : String(error), isFailure: true });
      if (process.stderr.isTTY) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    }
  }
} finally {
  await bench.close();
  await server.stop();
}
process.stdout.write(printTable(figures, absences));

/** A disk that fills up half way would only be noticed after an hour, and by others too. */
function requireRoom({ orders }: ShopSize): void {
  const { bavail, bsize } = fs.statfsSync(os.tmpdir());
  const needed = orders * BYTES_PER_ORDER + BYTES_OF_LOG;
  if (bavail * bsize < needed)
    refuse(`${os.tmpdir()} has not the ${Math.ceil(needed / 1e9)} GB that this size takes; set TMPDIR to a folder that has`);
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
