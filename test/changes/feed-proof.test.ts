// The feed's promise under hundreds of transactions at once, of random length, rolled back, and open for long: dense, gap-free, exactly once,
// in each customer's order, and what committed before another was decided comes first; and no open transaction holds anybody up.
// Readers follow live, by waiting pages and by a stream, and are compared with the members after every step.
// FEED_SEED=… runs one seed again.
import { once } from 'node:events';
import type net from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import { type Client, type Database, openDatabase, pipeline } from '../../src/db/database.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { readMoment, toMoment } from '../../src/membership/moment.ts';
import { recordStatements } from '../../src/membership/record.ts';
import { EventReader } from '../api/event-reader.ts';
import { AUTHORIZED, built, type Service, startService } from '../api/service.ts';

const SEED = Number(process.env['FEED_SEED'] ?? 1);
const CUSTOMERS = 120;
const SEGMENTS = ['red', 'green', 'blue'];
const STEPS = 3;
/** at once: as many as the tests' server has room for beside the others */
const WRITERS = 100;
const WRITES_EACH = 3;
const HELD_OPEN = 5;

/** The system's, but the self-check, which rests for seconds, rests for ever: it would mend what is written here behind the rules' back. */
const clock: typeof systemClock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms < 5000 ? ms : 2 ** 31 - 1, signal),
};

let service: Service;
let writers: Database;
let port: number;
let segmentIds: ReadonlyMap<string, number>;

beforeAll(async () => {
  service = await startService({ clock });
  writers = openDatabase(service.strata.database.url, { connections: WRITERS + HELD_OPEN });
  for (const key of SEGMENTS) await service.call('POST', '/v1/segments', { key, name: key, kind: 'manual' });
  for (const key of SEGMENTS) await built(service, key); // its run would put out who is written in here behind its back
  const ids = Array.from({ length: CUSTOMERS }, (_, index) => ({ id: `c${index}` }));
  expect((await service.call('POST', '/v1/customers', { data: ids })).status).toBe(200);
  const rows = await service.strata.database.query<{ key: string; id: number }>({ text: 'select s.key, s.id from segments as s' });
  segmentIds = new Map(rows.map((row) => [row.key, row.id]));
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  port = (service.app.server.address() as net.AddressInfo).port;
});
afterAll(async () => {
  await writers.close();
  await service.close();
});

// ---------------------------------------------------------------- writing

interface Committed {
  /** stands as the version of its changes, so that the feed says whose they are */
  readonly number: number;
  /** how many had been told that they are committed when this one was decided */
  readonly afterCommits: number;
  readonly changes: readonly { readonly customer: string; readonly segment: string; readonly type: 'entered' | 'exited' }[];
}

/** In the order in which commits were told. */
const committed: Committed[] = [];
let lastNumber = 0;

/** Locks some customers as every write does, decides, turns some of their memberships round, waits, and commits or does not. */
async function transact(random: SeededRandom, customers: readonly number[], hold: () => Promise<unknown>, commits: boolean): Promise<void> {
  const client = await writers.pool.connect();
  try {
    await client.query('begin');
    const transaction = await decide(client, random, customers);
    await hold();
    await client.query(commits ? 'commit' : 'rollback');
    if (commits) {
      committed.push(transaction);
      service.strata.publisher.poke();
    }
  } finally {
    client.release();
  }
}

async function decide(client: Client, random: SeededRandom, customers: readonly number[]): Promise<Committed> {
  const keys = customers.map((index) => customerKey(`c${index}`)).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  for (const key of keys) await client.query('update customers set revision = revision + 1 where id = $1::bigint', [key]);
  const afterCommits = committed.length;
  const [moments = []] = await pipeline(client, [readMoment(systemClock)]);
  const { rows } = await client.query<{ customer_id: string; segment_id: number }>(
    'select m.customer_id, m.segment_id from memberships as m where m.customer_id = any($1::bigint[])',
    [keys],
  );
  const have = new Set(rows.map((row) => `${row.customer_id} ${row.segment_id}`));
  const names = new Map(customers.map((index) => [customerKey(`c${index}`), `c${index}`]));
  lastNumber += 1;
  const number = lastNumber;
  const changes: Committed['changes'][number][] = [];
  const differences = keys.map((key) => {
    const turned = SEGMENTS.filter(() => random.below(2) === 0);
    const isIn = (segment: string) => have.has(`${key} ${segmentIds.get(segment)}`);
    const exited = turned.filter(isIn);
    const entered = turned.filter((segment) => !isIn(segment));
    const tell = (type: 'entered' | 'exited') => (segment: string) => changes.push({ customer: names.get(key) ?? '', segment, type });
    exited.forEach(tell('exited'));
    entered.forEach(tell('entered'));
    const ids = (list: readonly string[]) => list.map((segment) => segmentIds.get(segment) ?? 0);
    return {
      customerKey: key,
      revision: '0',
      entered: ids(entered),
      exited: ids(exited),
      dueAtMs: null,
      storedDueAtMs: null,
      seen: new Map(),
    };
  });
  const findings = { differences, complete: false };
  const { clock, timeZone, programs } = service.strata;
  const decision = { client, program: programs.get(), clock, timeZone, moment: toMoment(moments) };
  await pipeline(client, recordStatements(decision, { findings, cause: 'data', versionOf: () => number }));
  return { number, afterCommits, changes };
}

// ---------------------------------------------------------------- reading

interface ReadChange {
  readonly position: number;
  readonly type: 'entered' | 'exited';
  readonly customerId: string;
  readonly segment: string;
  readonly version: number;
}

/** Follows by itself and keeps the members; anything out of order shows at once. */
class Follower {
  readonly changes: ReadChange[] = [];
  readonly members = new Set<string>();
  readonly faults: string[] = [];
  readonly #isDense: boolean;
  readonly #grown = new EventTarget();

  constructor(isDense: boolean) {
    this.#isDense = isDense;
  }

  take(change: ReadChange): void {
    const last = this.changes.at(-1)?.position ?? 0;
    if (this.#isDense ? change.position !== last + 1 : change.position <= last) this.faults.push(`${change.position} after ${last}`);
    const membership = `${change.customerId} ${change.segment}`;
    if (this.members.has(membership) !== (change.type === 'exited')) this.faults.push(`${change.type} ${membership} at ${change.position}`);
    if (change.type === 'entered') this.members.add(membership);
    else this.members.delete(membership);
    this.changes.push(change);
    this.#grown.dispatchEvent(new Event('grown'));
  }

  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) await once(this.#grown, 'grown');
  }
}

const stopping = new AbortController();

async function followByPages(follower: Follower, random: SeededRandom): Promise<void> {
  let after = '';
  while (!stopping.signal.aborted) {
    const answer = await service.call('GET', `/v1/changes?wait=1&limit=${1 + random.below(200)}${after}`);
    for (const change of answer.body.data) follower.take(change);
    after = `&after=${answer.body.next}`;
  }
}

/** Hangs up at random and goes on behind the last id, as browsers do. */
async function followByStream(follower: Follower, random: SeededRandom, query: string): Promise<void> {
  let lastId = '';
  while (!stopping.signal.aborted) {
    const reader = await EventReader.open(port, `/v1/changes/stream?${query}`, {
      ...AUTHORIZED,
      ...(lastId === '' ? {} : { 'last-event-id': lastId }),
    });
    stopping.signal.addEventListener('abort', () => reader.close(), { once: true });
    for (let left = 20 + random.below(300); left > 0; left -= 1) {
      const event = await reader.next();
      if (event === null) break;
      expect(event.event).toBe('change');
      follower.take(event.data);
      lastId = event.lastId;
    }
    reader.close();
  }
}

// ---------------------------------------------------------------- the proof

async function membersNow(): Promise<string[]> {
  const rows = await service.strata.database.query<{ member: string }>({
    text: `
      select c.external_id || ' ' || s.key as member
      from memberships as m
      join customers as c on c.id = m.customer_id
      join segments as s on s.id = m.segment_id`,
  });
  return rows.map((row) => row.member).sort();
}

const total = () => committed.reduce((sum, transaction) => sum + transaction.changes.length, 0);

function pickCustomers(random: SeededRandom, among: number): number[] {
  return [...new Set(Array.from({ length: 1 + random.below(3) }, () => random.below(among)))];
}

/** Each lock order is that of the keys, so nobody waits in a circle. The last customers are left to transactions that stay open. */
async function runStep(random: SeededRandom): Promise<void> {
  const write = async (own: SeededRandom) => {
    for (let left = WRITES_EACH; left > 0; left -= 1) {
      const holdMs = own.below(4) === 0 ? own.below(60) : own.below(5);
      await transact(own, pickCustomers(own, CUSTOMERS - HELD_OPEN), () => systemClock.sleep(holdMs), own.below(5) > 0);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, () => write(new SeededRandom(random.below(2 ** 31)))));
}

/** Changes of a transaction, in the feed's places. */
function placesOf(changes: readonly ReadChange[]): ReadonlyMap<number, readonly ReadChange[]> {
  return Map.groupBy(changes, (change) => change.version);
}

function checkOrder(changes: readonly ReadChange[]): void {
  const places = placesOf(changes);
  const faults: string[] = [];
  const lastBefore: number[] = [0]; // of the first so many commits, the last place
  for (const { number, changes: written } of committed) {
    const own = places.get(number) ?? [];
    const told = own.map(({ customerId, segment, type }) => ({ customer: customerId, segment, type }));
    if (JSON.stringify(told) !== JSON.stringify(written)) faults.push(`${JSON.stringify(told)} instead of ${JSON.stringify(written)}`);
    lastBefore.push(Math.max(lastBefore.at(-1) ?? 0, own.at(-1)?.position ?? 0));
  }
  for (const { number, afterCommits } of committed) {
    const first = places.get(number)?.[0]?.position ?? Number.POSITIVE_INFINITY;
    if (first <= (lastBefore[afterCommits] ?? 0)) faults.push(`${number} stands before what had committed before it was decided`);
  }
  expect(faults).toEqual([]);
  expect(places.size).toBe(committed.filter((each) => each.changes.length > 0).length); // nothing that was rolled back
}

const release: (() => void)[] = [];
const held: Promise<void>[] = [];

/** Also where the test fails. */
afterEach(async () => {
  stopping.abort();
  for (const end of release) end();
  await Promise.allSettled(held);
});

test('every reader gets the same, right feed', async () => {
  const random = new SeededRandom(SEED);
  const pages = new Follower(true);
  const stream = new Follower(true);
  const green = new Follower(false);
  const reading = [
    followByPages(pages, new SeededRandom(SEED + 1)),
    followByStream(stream, new SeededRandom(SEED + 2), ''),
    followByStream(green, new SeededRandom(SEED + 3), 'segment=green'),
  ];
  const decided = Array.from({ length: HELD_OPEN }, (_, index) => {
    const customer = CUSTOMERS - 1 - index; // decided first, committed last, or never
    return new Promise<void>((isDecided) => {
      const hold = () => new Promise<void>((resolve) => isDecided(void release.push(resolve)));
      held.push(transact(new SeededRandom(random.below(2 ** 31)), [customer], hold, index > 0));
    });
  });
  await Promise.all(decided);

  for (let step = 1; step <= STEPS; step += 1) {
    if (step === STEPS) {
      for (const end of release) end();
      await Promise.all(held);
    }
    await runStep(random);
    const expected = total();
    for (const follower of [pages, stream]) {
      await follower.until(() => follower.changes.length >= expected || follower.faults.length > 0); // with transactions still open
      expect(follower.faults).toEqual([]);
      expect([...follower.members].sort()).toEqual(await membersNow());
      expect(follower.changes).toHaveLength(expected);
    }
    const greenChanges = pages.changes.filter((change) => change.segment === 'green');
    await green.until(() => green.changes.length >= greenChanges.length);
    expect([green.faults, green.changes]).toEqual([[], greenChanges]);
    expect(stream.changes).toEqual(pages.changes);
    checkOrder(pages.changes);
  }
  expect(pages.changes.length).toBeGreaterThan(800);
  stopping.abort();
  await Promise.all(reading);
}, 300_000); // hundreds of transactions beside other tests' work
