// In charge of playing rounds: the load runs, a fault happens at a random moment, the service recovers on its own, the load rests, and
// everything is checked. The faults are in faults.ts, what must hold is in checks.ts.
import { systemClock } from '../../src/base/clock.ts';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import { Caller } from './caller.ts';
import { findViolations, untilSettled } from './checks.ts';
import { type Fault, untilReady } from './faults.ts';
import { mountSmallDisk } from './full-disk.ts';
import { changeSegments, defineSegments, moveCrews, publishMuch } from './hands.ts';
import { Ledger } from './ledger.ts';
import { FeedReader, readCustomers } from './readers.ts';
import { until } from './until.ts';
import { WebhookReceiver } from './webhook-receiver.ts';
import { ADMIN_KEY, openWorld, type World } from './world.ts';
import { type Load, writeFacts } from './writers.ts';

const WRITERS = ['w0', 'w1', 'w2', 'w3'];
const READY_PATIENCE_MS = 60_000;
/** A message that failed twice waits for half a minute. */
const WEBHOOK_PATIENCE_MS = 180_000;

export interface PlayOptions {
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly rounds: number;
  readonly untilMs: number;
  /** how long coming back may take */
  readonly recoveryMs: number;
  tell(line: string): void;
}

export interface PlayReport {
  faults: number;
  skipped: string[];
  acknowledged: number;
  refused: number;
  unanswered: number;
  reads: number;
  changes: number;
  /** of webhooks */
  messages: number;
  slowestRecoveryMs: number;
  violations: string[];
}

/** Rounds on one world per number of processes; the small disk has one of its own. */
export async function playFaults(options: PlayOptions): Promise<PlayReport> {
  const random = new SeededRandom(options.seed);
  const report: PlayReport = {
    faults: 0,
    skipped: [],
    acknowledged: 0,
    refused: 0,
    unanswered: 0,
    reads: 0,
    changes: 0,
    messages: 0,
    slowestRecoveryMs: 0,
    violations: [],
  };
  const drawn = Array.from({ length: options.rounds }, (_, round) => options.faults[round % options.faults.length] as Fault);
  for (const [place, faults] of groupByPlace(drawn)) {
    const disk = place === 'small disk' ? mountSmallDisk() : undefined;
    if (typeof disk === 'string') {
      report.skipped.push(`${faults[0]?.name}: ${disk}`);
      continue;
    }
    const services = Math.max(...faults.map((fault) => fault.services));
    const world = await openWorld({
      services,
      random,
      embedded: place === 'embedded',
      ...(disk === undefined ? {} : { folder: disk.folder }),
    });
    try {
      await playOn(world, faults, options, report);
    } finally {
      await world.close();
      disk?.unmount();
    }
  }
  return report;
}

function groupByPlace(faults: readonly Fault[]): Map<string, Fault[]> {
  const places = new Map<string, Fault[]>();
  for (const fault of faults) {
    const place = fault.place ?? `${fault.services} services`;
    places.set(place, [...(places.get(place) ?? []), fault]);
  }
  return places;
}

async function playOn(world: World, faults: readonly Fault[], options: PlayOptions, report: PlayReport): Promise<void> {
  const play = await startPlay(world);
  const { caller, ledger } = play.load;
  try {
    for (const fault of faults) {
      if (systemClock.nowMs() > options.untilMs) break;
      const begunMs = systemClock.nowMs();
      const round = await playRound(play, fault).catch(async (error: unknown) => {
        options.tell(`${fault.name}: the round did not end; ${await situation(world)}`);
        throw error;
      });
      const wrong = [...round.violations, ...caller.wrong.splice(0), ...play.receiver.wrong.splice(0)];
      if (round.recoveryMs > options.recoveryMs) wrong.push(`it took ${round.recoveryMs} ms to come back`);
      const found = wrong.map((violation) => `${fault.name}: ${violation}`);
      report.faults += 1;
      report.reads += round.reads;
      report.slowestRecoveryMs = Math.max(report.slowestRecoveryMs, round.recoveryMs);
      report.violations.push(...found);
      const took = systemClock.nowMs() - begunMs;
      options.tell(
        `${fault.name}: ${found.length} violations; back in ${round.recoveryMs} ms, settled in ${round.settleMs} ms, ${took} ms in all; so far ${tally(play)}`,
      );
      for (const violation of found.slice(0, 20)) options.tell(`  VIOLATION ${violation}`);
      if (found.length > 0) for (const service of world.services) options.tell(service.output.slice(-4000));
    }
  } finally {
    await play.receiver.close();
  }
  report.acknowledged += ledger.counts.answered;
  report.refused += ledger.counts.refused;
  report.unanswered += ledger.counts.unknown;
  report.changes += play.reader.changes.length;
  report.messages += play.receiver.messages;
}

/** What every process said last, and what Postgres is doing. */
async function situation({ services, database }: World): Promise<string> {
  const said = services.map(
    ({ url, endedByItself, output }) => `${url} ended ${endedByItself} times by itself and said: ${output.slice(-4000)}`,
  );
  const text = `
    select a.pid, a.application_name, a.state, a.wait_event_type, a.wait_event, a.query_start, left(a.query, 200) as query
    from pg_stat_activity as a
    where a.datname = current_database()`;
  const activity = await database.query({ text }).catch((error: unknown) => [String(error)]);
  return `${said.join('\n')}\n${activity.map((row) => JSON.stringify(row)).join('\n')}`;
}

interface Play {
  readonly world: World;
  readonly load: Load;
  readonly reader: FeedReader;
  readonly receiver: WebhookReceiver;
}

async function startPlay(world: World): Promise<Play> {
  const urls = world.services.map((service) => service.url);
  const caller = new Caller(urls, ADMIN_KEY, world.random);
  let marks = 0;
  const nextMark = () => {
    marks += 1;
    return String(marks);
  };
  const load: Load = { caller, ledger: new Ledger(), nextMark };
  const receiver = await WebhookReceiver.start(world.random);
  const webhook = { url: receiver.url, types: ['segment.membership.changed'], from: 0 };
  const made = await caller.call('POST', '/v1/webhooks', webhook);
  if (made.status !== 201) throw new Error(`the webhook: ${JSON.stringify(made)}`);
  await defineSegments(load);
  await untilSettled(world.database);
  return { world, load, reader: new FeedReader(), receiver };
}

function tally({ load: { ledger }, reader, receiver }: Play): string {
  const { answered, refused, unknown } = ledger.counts;
  return `${answered} writes acknowledged, ${refused} refused, ${unknown} without answer, ${reader.changes.length} changes read, ${receiver.messages} webhook messages (${receiver.repeated} again)`;
}

interface Round {
  readonly reads: number;
  readonly recoveryMs: number;
  readonly settleMs: number;
  readonly violations: string[];
}

async function playRound({ world, load, reader, receiver }: Play, fault: Fault): Promise<Round> {
  const { random } = world;
  const own = () => new SeededRandom(random.below(2 ** 31));
  const resting = new AbortController();
  const ending = new AbortController();
  const writers = [
    ...WRITERS.map((name) => writeFacts(load, name, own(), resting.signal)),
    publishMuch(load, own(), resting.signal),
    changeSegments(load, own(), resting.signal),
    moveCrews(load, own(), resting.signal),
  ];
  const reading = readCustomers(load.caller, WRITERS, own(), resting.signal);
  const following = reader.follow(load.caller, ending.signal);
  try {
    await systemClock.sleep(500 + random.below(1500));
    await fault.inject(world);
    const recoveryMs = await untilBack(world, load);
    await systemClock.sleep(random.below(800));
    resting.abort();
    await Promise.all(writers);
    const settleMs = await untilSettled(world.database);
    const [end] = await world.database.query<{ position: string }>({ text: 'select f.position from feed as f' });
    await until('the feed has been read', () => reader.changes.length >= Number(end?.position));
    await until('the webhook has been told', () => receiver.through >= Number(end?.position), WEBHOOK_PATIENCE_MS);
    return { reads: await reading, recoveryMs, settleMs, violations: await findViolations(world.database, load.ledger, reader) };
  } finally {
    resting.abort();
    ending.abort();
    await Promise.allSettled([...writers, reading, following]);
  }
}

/** Every process serves, a write is taken, and its change has its position. → milliseconds */
async function untilBack(world: World, load: Load): Promise<number> {
  const begunMs = systemClock.nowMs();
  await untilReady(world, READY_PATIENCE_MS);
  const mark = load.nextMark();
  await until(
    'a write is taken',
    async () => (await load.caller.call('PUT', `/v1/customers/probe-${mark}`, { city: mark })).status === 200,
  );
  load.ledger.note(new Map([[`customer probe-${mark}`, mark]]), 'answered');
  await until('its change is in the feed', async () => {
    const answer = await load.caller.call('GET', `/v1/changes?customer=probe-${mark}`);
    return answer.status === 200 && answer.body.data.length > 0;
  });
  return systemClock.nowMs() - begunMs;
}
