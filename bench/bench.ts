// In charge of what the figures share: the shop, the server, and the service with its 50 segments, each made when a figure first needs it.
import path from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import type { Figure } from './figure.ts';
import type { BenchSegment } from './segments.ts';
import { drawSegments } from './segments.ts';
import { loadShop, type Server, settle } from './server.ts';
import { defineSegments, type Service, startService } from './service.ts';
import { Shop, type ShopSize } from './shop.ts';

const OUTBOX_LOOK_MS = 100;

export interface BenchOptions {
  readonly size: ShopSize;
  readonly seed: number;
  readonly server: Server;
  /** the prefix of its databases' names, for several benches on one server */
  readonly databases: string;
  report(figure: Figure): void;
  /** What this run does not measure, and why: a missing figure is always reported, never just absent. */
  leaveOut(id: string, why: string): void;
  /** Progress for whoever watches; not part of the output. */
  say(text: string): void;
}

export interface Bench extends BenchOptions {
  readonly shop: Shop;
  /** the database that the service owns */
  readonly strataDatabase: string;
  /** the same tables for the other way of doing the work */
  readonly referenceDatabase: string;
  readonly segments: readonly BenchSegment[];
  /** The service on the shop without segments: the import's figure fills it, otherwise it is loaded. */
  useService(service: Service): void;
  /** The service with the shop and all segments built. */
  service(): Promise<Service>;
  /** Fills the database `reference` with the same shop. */
  reference(): Promise<void>;
  /** Ends the service and leaves its shop, all segments built, to one figure that may do anything with it; no figure can come after it. */
  takeShop(): Promise<void>;
  close(): Promise<void>;
}

export function openBench(options: BenchOptions): Bench {
  const { server, size, seed, say } = options;
  const shop = new Shop(size, seed, systemClock.nowMs());
  const segments = drawSegments(seed);
  const strataDatabase = `${options.databases}_strata`;
  const referenceDatabase = `${options.databases}_reference`;
  let empty: Service | undefined;
  let built: Promise<Service> | undefined;
  let hasReference = false;
  let isTaken = false;
  const build = async () => {
    if (empty === undefined) {
      say('loading the shop');
      await server.createMigrated(strataDatabase);
      await loadShop(server, strataDatabase, shop);
      await settle(server, strataDatabase);
      empty = await startBenchService(server, strataDatabase);
      await registerAttributes(empty);
    }
    say('building 50 segments');
    await defineSegments(empty, segments);
    say('waiting for the feed');
    await drainOutbox(server, strataDatabase);
    await settle(server, strataDatabase);
    return empty;
  };
  return {
    ...options,
    shop,
    segments,
    strataDatabase,
    referenceDatabase,
    useService: (service) => {
      empty = service;
      hasReference = true;
    },
    service: () => {
      if (isTaken) throw new Error('the shop was given away');
      built ??= build();
      return built;
    },
    reference: async () => {
      if (hasReference) return;
      say('loading the shop for the reference');
      hasReference = true;
      await server.createMigrated(referenceDatabase);
      await loadShop(server, referenceDatabase, shop);
      await settle(server, referenceDatabase);
    },
    takeShop: async () => {
      built ??= build();
      const service = await built;
      isTaken = true;
      await drainOutbox(server, strataDatabase);
      await service.stop();
    },
    close: async () => empty?.stop(),
  };
}

/** Waits until every change is in the feed, so that what earlier figures left to do is no cost of the next one. */
export async function drainOutbox(server: Server, database: string): Promise<void> {
  const client = await server.connect(database);
  try {
    while ((await client.query('select from outbox limit 1')).rowCount !== 0) await systemClock.sleep(OUTBOX_LOOK_MS);
  } finally {
    await client.end();
  }
}

export function startBenchService(server: Server, database: string): Promise<Service> {
  return startService(server.urlOf(database), path.join(server.folder, 'service'));
}

/** Rows that came by COPY have not registered the types of their attributes. */
export async function registerAttributes(service: Service): Promise<void> {
  await service.call('PUT', '/v1/attributes/tier', { type: 'string' });
  await service.call('PUT', '/v1/attributes/visits', { type: 'number' });
}
