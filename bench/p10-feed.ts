// P10: reading the feed over HTTP in pages of 1,000, against selecting the same rows through pg; and what a page costs depending on how deep it
// is, in the feed and in a segment's members.
import type pg from 'pg';
import { encodeCursor } from '../src/api/rest/cursor.ts';
import { type Bench, drainOutbox } from './bench.ts';
import { findBigSegment } from './big-segment.ts';
import { median } from './figure.ts';
import { pressService } from './press.ts';
import { processSeconds } from './processes.ts';
import type { Service } from './service.ts';

const PAGE = 1000;
const ROUNDS = 5;
const PAGES_OF_ROUND = 60;
const DEPTH_ROUNDS = 3;
const PAGES_AT_DEPTH = 30;
const MOST_GROWTH = 1.3;
const PATIENCE_SECONDS = 60;

const SELECT = `
  select c.position, c.type, s.key as segment, k.external_id as "customerId", c.version, c.cause, c.at
  from changes as c
  join segments as s on s.id = c.segment_id
  join customers as k on k.id = c.customer_id
  where c.position > $1
  order by c.position
  limit $2`;

interface Read {
  readonly rows: number;
  readonly seconds: number;
  readonly cpuSeconds: { readonly postgres: number; readonly service: number; readonly reader: number };
}

export async function measureFeed(bench: Bench): Promise<void> {
  const service = await bench.service();
  await drainOutbox(bench.server, bench.strataDatabase);
  const client = await bench.server.connect(bench.strataDatabase);
  try {
    const end = await feedEnd(client);
    const costs = { strata: [] as Read[], select: [] as Read[] };
    for (let round = 0; round <= ROUNDS; round += 1) {
      bench.say(`the feed, round ${round} of ${ROUNDS}`);
      const from = Math.max(0, Math.floor((end * round) / (ROUNDS + 1)));
      const strata = await read(bench, service, (pages) => readFeed(service, from, pages));
      const select = await read(bench, service, (pages) => selectFeed(client, from, pages));
      if (strata.rows !== select.rows) throw new Error(`${strata.rows} changes of the feed, ${select.rows} selected`);
      if (round === 0) continue; // warm up
      costs.strata.push(strata);
      costs.select.push(select);
    }
    const perSecond = (reads: readonly Read[]) => median(reads.map(({ rows, seconds }) => rows / seconds));
    bench.report({
      id: 'P10',
      what: `reading the feed over HTTP, pages of ${PAGE}, parsed`,
      value: perSecond(costs.strata),
      unit: 'changes/s',
      reference: { what: 'select of the same rows through pg', value: perSecond(costs.select) },
      ratio: perSecond(costs.strata) / perSecond(costs.select),
      target: { sense: '>=', value: 0.5 },
      detail: costs,
    });
    await reportDepth(bench, service, {
      id: 'P10d',
      what: `a page of the feed, ${end} changes`,
      places: [0, Math.floor(end / 2), Math.max(0, end - PAGE)].map((place) => pathOfFeed(encodeCursor('changes', [String(place)]))),
    });
    await reportDepth(bench, service, await memberPages(bench));
  } finally {
    await client.end();
  }
}

async function feedEnd(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ position: string }>('select f.position from feed as f');
  return Number(rows[0]?.position);
}

async function read(bench: Bench, service: Service, work: (pages: number) => Promise<number>): Promise<Read> {
  const look = () => [bench.server.cpuSeconds(), processSeconds(service.pid), processSeconds(process.pid)] as const;
  const before = look();
  const startMs = performance.now();
  const rows = await work(PAGES_OF_ROUND);
  const seconds = Number(((performance.now() - startMs) / 1000).toFixed(3));
  const after = look();
  const spent = (index: 0 | 1 | 2) => Number((after[index] - before[index]).toFixed(2));
  return { rows, seconds, cpuSeconds: { postgres: spent(0), service: spent(1), reader: spent(2) } };
}

function pathOfFeed(after: string): string {
  return `/v1/changes?limit=${PAGE}&after=${encodeURIComponent(after)}`;
}

/** As a consumer does it: the next page is read when the last was parsed. → changes */
async function readFeed(service: Service, from: number, pages: number): Promise<number> {
  let after = encodeCursor('changes', [String(from)]);
  let rows = 0;
  for (let page = 0; page < pages; page += 1) {
    const { data, next } = (await service.call('GET', pathOfFeed(after))) as { data: readonly object[]; next: string };
    rows += data.length;
    after = next;
    if (data.length < PAGE) break;
  }
  return rows;
}

async function selectFeed(client: pg.Client, from: number, pages: number): Promise<number> {
  let after = String(from);
  let count = 0;
  for (let page = 0; page < pages; page += 1) {
    const { rows } = await client.query<{ position: string }>({ name: 'select_feed', text: SELECT, values: [after, PAGE] });
    count += rows.length;
    after = rows.at(-1)?.position ?? after;
    if (rows.length < PAGE) break;
  }
  return count;
}

// ---------------------------------------------------------------- depth

interface Depths {
  readonly id: string;
  readonly what: string;
  /** of a page at the start, in the middle, at the end */
  readonly places: readonly string[];
}

async function memberPages(bench: Bench): Promise<Depths> {
  const { key, members, places } = await findBigSegment(bench, PAGE, PAGE);
  const middle = places[places.length >> 1] as string;
  const path = (after: string | undefined) =>
    `/v1/segments/${key}/members?limit=${PAGE}${after === undefined ? '' : `&after=${encodeURIComponent(encodeCursor('members', [after]))}`}`;
  return {
    id: 'P10m',
    what: `a page of a segment's members, ${members} members`,
    places: [path(undefined), path(middle), path(places.at(-1))],
  };
}

async function reportDepth(bench: Bench, service: Service, { id, what, places }: Depths): Promise<void> {
  bench.say(`${what}: at the start, in the middle, at the end`);
  const costs = places.map(() => [] as number[]);
  for (let round = 0; round <= DEPTH_ROUNDS; round += 1) {
    for (const [depth, path] of places.entries()) {
      const cpuMs = await pageCpuMs(bench, service, path);
      if (round > 0) costs[depth]?.push(cpuMs);
    }
  }
  const [start, middle, end] = costs.map(median) as [number, number, number];
  bench.report({
    id,
    what: `${what}, at its most expensive place`,
    value: Math.max(start, middle, end),
    unit: 'CPU ms',
    reference: { what: 'the first page, CPU ms', value: start },
    ratio: Math.max(start, middle, end) / start,
    target: { sense: '<=', value: MOST_GROWTH },
    detail: { start, middle, end, pages: PAGES_AT_DEPTH * DEPTH_ROUNDS },
  });
}

async function pageCpuMs(bench: Bench, service: Service, path: string): Promise<number> {
  const { hostname, port } = new URL(service.url);
  const look = () => bench.server.cpuSeconds() + processSeconds(service.pid);
  const requests = Array.from({ length: PAGES_AT_DEPTH }, () => ['GET', path, ''] as const);
  const before = look();
  await pressService({ host: hostname, port: Number(port), key: service.key, clients: 1, seconds: PATIENCE_SECONDS, requests });
  return ((look() - before) * 1000) / PAGES_AT_DEPTH;
}
