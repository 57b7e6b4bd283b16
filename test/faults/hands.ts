// In charge of the load on segments: publishes, groups, pauses and moves, noted in the ledger like facts. One worker for each kind, so that each
// thing is changed by only one.
import { systemClock } from '../../src/base/clock.ts';
import type { SeededRandom } from '../../src/base/seeded-random.ts';
import { type Answer, outcomeOf } from './caller.ts';
import type { Load } from './writers.ts';

const CREW = 5;
export const CREWS = 4;
const CROWD = 20;
export const VALUE_GROUP = ['gold', 'silver', 'bronze'];

export const crewOf = (crew: number) => Array.from({ length: CREW }, (_, n) => `crew${crew}-${n}`);

async function pauseAfter(answer: Answer, random: SeededRandom): Promise<void> {
  await systemClock.sleep(answer.status === 0 || answer.status >= 500 ? 50 : random.below(60));
}

/** What waits for the end of the first run of everything. */
export async function defineSegments(load: Load): Promise<void> {
  const rules: Record<string, string> = {
    buyers: 'count(orders) >= 1',
    moment: 'count(orders in the last 2 seconds) >= 1',
    loyal: 'count(orders where status = "paid") >= 3',
    big: 'sum(orders.total) > 500',
    rest: 'not in segment "buyers"',
    viewers: 'count(events "view" in the last 3 seconds) >= 2',
    aside: 'country = "CN"',
    fleeting: 'country = "DE"',
    gold: 'sum(orders.total) >= 900',
    silver: 'sum(orders.total) >= 300',
    bronze: 'count(orders in the last 3 seconds) >= 1',
  };
  const { caller } = load;
  const expect201 = async (path: string, body: unknown) => {
    const answer = await caller.call('POST', path, body);
    if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  for (const [key, rule] of Object.entries(rules)) await expect201('/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
  for (const key of ['guests', 'chosen', 'left', 'right', 'east', 'west']) {
    await expect201('/v1/segments', { key, name: key, kind: 'manual', publish: true });
  }
  await expect201('/v1/groups', { key: 'value', name: 'value', segments: VALUE_GROUP, otherwise: 'guests' });
  load.ledger.note(new Map([['group value', 'value']]), 'answered');
  await expect201('/v1/groups', { key: 'sides', name: 'sides', segments: ['left', 'right'] });
  await expect201('/v1/groups', { key: 'halves', name: 'halves', segments: ['east', 'west'] });
  for (let n = 0; n < CROWD; n += 1) {
    const added = await caller.call('PUT', `/v1/customers/crowd-${n}`, {});
    const pinned = await caller.call('PUT', `/v1/segments/east/members/crowd-${n}`, {});
    if (added.status !== 200 || pinned.status !== 200) throw new Error(`crowd: ${JSON.stringify([added, pinned])}`);
  }
  for (let crew = 0; crew < CREWS; crew += 1) {
    for (const id of crewOf(crew)) {
      const added = await caller.call('PUT', `/v1/customers/${id}`, {});
      const pinned = await caller.call('PUT', `/v1/segments/left/members/${id}`, {});
      if (added.status !== 200 || pinned.status !== 200) throw new Error(`crew: ${JSON.stringify([added, pinned])}`);
    }
    load.ledger.note(new Map([[`crew ${crew}`, 'left']]), 'answered');
  }
}

/** Publishes versions of two segments; every fourth time the one before again, as who rolls back does. */
export async function publishMuch(load: Load, random: SeededRandom, signal: AbortSignal): Promise<void> {
  const known = new Map<string, { number: number; mark: string }[]>();
  while (!signal.aborted) {
    const key = random.pick(['big', 'loyal', 'gold']);
    const numbers = known.get(key) ?? [];
    known.set(key, numbers);
    const earlier = numbers.at(-2);
    const mark = load.nextMark();
    if (earlier !== undefined && random.below(4) === 0) {
      const answer = await load.caller.call('POST', `/v1/segments/${key}/versions/${earlier.number}/publish`);
      load.ledger.note(new Map([[`version ${key}`, earlier.mark]]), outcomeOf(answer));
      await pauseAfter(answer, random);
      continue;
    }
    const rule = key === 'loyal' ? `count(orders) >= ${random.below(6)}` : `sum(orders.total) > ${random.below(900)}`;
    const answer = await load.caller.call('POST', `/v1/segments/${key}/versions`, { rule, note: mark, publish: true });
    load.ledger.note(new Map([[`version ${key}`, mark]]), outcomeOf(answer));
    if (outcomeOf(answer) === 'answered') numbers.push({ number: Number(answer.body.version?.number ?? answer.body.number), mark });
    await pauseAfter(answer, random);
  }
}

/** The order of a group, a segment that is paused and resumed, one that is archived and comes back, an attribute's type, and runs that are cancelled. */
export async function changeSegments(load: Load, random: SeededRandom, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await pauseAfter(await changeSomething(load, random), random);
}

async function changeSomething(load: Load, random: SeededRandom): Promise<Answer> {
  const { caller, ledger } = load;
  switch (random.below(7)) {
    case 0: {
      const name = load.nextMark();
      const segments = [...VALUE_GROUP].sort(() => random.below(3) - 1);
      const answer = await caller.call('PUT', '/v1/groups/value', { name, segments, otherwise: 'guests' });
      ledger.note(new Map([['group value', name]]), outcomeOf(answer));
      return answer;
    }
    case 1: {
      const answer = await caller.call('POST', '/v1/segments/aside/pause');
      ledger.note(new Map([['paused aside', 'paused']]), outcomeOf(answer));
      return answer;
    }
    case 2: {
      const answer = await caller.call('POST', '/v1/segments/aside/resume');
      ledger.note(new Map([['paused aside', null]]), outcomeOf(answer));
      return answer;
    }
    case 3: {
      const isBack = random.below(2) === 0;
      const answer = await (isBack
        ? caller.call('POST', '/v1/segments/fleeting/versions/1/publish')
        : caller.call('DELETE', '/v1/segments/fleeting'));
      ledger.note(new Map([['archived fleeting', isBack ? null : 'archived']]), outcomeOf(answer));
      return answer;
    }
    case 4: {
      const description = load.nextMark();
      const answer = await caller.call('PUT', '/v1/attributes/grade', { type: 'text', description });
      ledger.note(new Map([['described grade', description]]), outcomeOf(answer));
      return answer;
    }
    case 5: {
      const [from, to] = random.below(2) === 0 ? ['east', 'west'] : ['west', 'east'];
      return cancelOrNot(load, random, await caller.call('POST', '/v1/moves', { from, to }));
    }
    default:
      return cancelOrNot(load, random, await caller.call('POST', '/v1/segments/buyers/refresh'));
  }
}

async function cancelOrNot({ caller }: Load, random: SeededRandom, queued: Answer): Promise<Answer> {
  const run = queued.body?.run?.id;
  return run !== undefined && random.below(2) === 0 ? caller.call('POST', `/v1/runs/${run}/cancel`) : queued;
}

/** Crews change sides, all of them or none. */
export async function moveCrews(load: Load, random: SeededRandom, signal: AbortSignal): Promise<void> {
  const sides = Array.from({ length: CREWS }, () => 'left');
  while (!signal.aborted) {
    const crew = random.below(CREWS);
    const from = sides[crew] ?? 'left';
    const to = from === 'left' ? 'right' : 'left';
    const answer = await load.caller.call('POST', '/v1/moves', { customerIds: crewOf(crew), from, to, reason: load.nextMark() });
    load.ledger.note(new Map([[`crew ${crew}`, to]]), outcomeOf(answer));
    if (answer.status === 200 || answer.status === 409) sides[crew] = to; // 409: a move without an answer had happened
    await pauseAfter(answer, random);
  }
}
