// `npm run bench -- [--size tiny|S|L] [--only P1,P4] [--seed 1]`: measures what docs/performance.md reports against the same work done otherwise, in one run
// on a Postgres of its own. Prints a line of JSON for each figure and a table at the end, and leaves nothing behind.
import { parseArgs } from 'node:util';
import { openBench } from './bench.ts';
import { type Figure, printFigure, printTable } from './figure.ts';
import { measureImport } from './p1-import.ts';
import { measureFull } from './p2-full.ts';
import { measureBeside } from './p3-beside.ts';
import { measurePublish } from './p3-publish.ts';
import { measureBySegments } from './p4-by-segments.ts';
import { measureOrder } from './p4-order.ts';
import { measureBatch } from './p5-batch.ts';
import { measureDue } from './p6-due.ts';
import { measureReads } from './p7-reads.ts';
import { measureGraphql } from './p8-graphql.ts';
import { measureWebhooks } from './p9-webhooks.ts';
import { measureFeed } from './p10-feed.ts';
import { measureStreams } from './p10-streams.ts';
import { measureMemory } from './p11-memory.ts';
import { measureReports } from './p12-reports.ts';
import { startServer } from './server.ts';
import { SIZES } from './shop.ts';

const MEASURES = {
  P1: measureImport,
  P2: measureFull,
  P3: measurePublish,
  P3b: measureBeside,
  P4: measureOrder,
  P4s: measureBySegments,
  P5: measureBatch,
  P6: measureDue,
  P7: measureReads,
  P8: measureGraphql,
  P9: measureWebhooks,
  P10: measureFeed,
  P10s: measureStreams,
  P11: measureMemory,
  P12: measureReports,
} as const;
type Measure = keyof typeof MEASURES;

const { values } = parseArgs({
  options: { size: { type: 'string', default: 'S' }, only: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const size = SIZES[values.size];
if (size === undefined) refuse(`--size is one of ${Object.keys(SIZES).join(', ')}`);
const seed = Number(values.seed);
if (!Number.isInteger(seed) || seed < 0) refuse('--seed is a whole number');
const all = Object.keys(MEASURES) as Measure[];
const wanted = values.only?.split(',') ?? all;
if (wanted.some((name) => !all.includes(name as Measure))) refuse(`--only takes some of ${all.join(',')}`);

const figures: Figure[] = [];
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
  say,
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130)); // the server and its folder go with us
try {
  for (const name of all.filter((measure) => wanted.includes(measure))) {
    try {
      await MEASURES[name](bench);
    } catch (error) {
      process.exitCode = 1;
      process.stdout.write(`${JSON.stringify({ id: name, failure: error instanceof Error ? error.message : String(error) })}\n`);
      if (process.stderr.isTTY) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    }
  }
} finally {
  await bench.close();
  await server.stop();
}
process.stdout.write(printTable(figures));

function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
