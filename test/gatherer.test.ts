// Work that is gathered: who is told of a failure, and how often the work is run for it.
import { afterEach, expect, test, vi } from 'vitest';
import { Gatherer } from '../src/base/gatherer.ts';
import { CommitInDoubt } from '../src/db/commit-in-doubt.ts';
import { isUnreachable } from '../src/db/unreachable.ts';

const nextTick = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const NUMBERS = Array.from({ length: 64 }, (_, n) => n);

function gather(run: (inputs: readonly number[]) => Promise<readonly number[]>) {
  const runs: number[] = [];
  const gatherer = new Gatherer<number, number>({
    limit: 64,
    lanes: 1,
    keysOf: () => [],
    isNobodysFault: isUnreachable,
    isInDoubt: (error) => error instanceof CommitInDoubt,
    run: (inputs) => {
      runs.push(inputs.length);
      return run(inputs);
    },
  });
  return { runs, outcomes: Promise.allSettled(NUMBERS.map((number) => gatherer.add(number))) };
}

test('one that fails leaves the others alone', async () => {
  const { runs, outcomes } = gather(async (inputs) => {
    if (inputs.includes(7)) throw new Error('seven');
    return inputs;
  });
  const settled = await outcomes;
  expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  expect(settled[7]).toMatchObject({ status: 'rejected', reason: { message: 'seven' } });
  expect(runs).toEqual([64, ...NUMBERS.map(() => 1)]);
});

test('an outage is told to all at once', async () => {
  const { runs, outcomes } = gather(async () => {
    throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  });
  expect((await outcomes).every(({ status }) => status === 'rejected')).toBe(true);
  expect(runs).toEqual([64, 64]);
});

test('a connection that breaks once fails nobody', async () => {
  let isBroken = true;
  const { outcomes } = gather(async (inputs) => {
    if (isBroken) {
      isBroken = false;
      throw new Error('Connection terminated unexpectedly');
    }
    return inputs;
  });
  expect((await outcomes).map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : null))).toEqual(NUMBERS);
});

test('does nothing again that may be done', async () => {
  const { runs, outcomes } = gather(async () => {
    throw new CommitInDoubt(new Error('Connection terminated unexpectedly'));
  });
  expect((await outcomes).every(({ status }) => status === 'rejected')).toBe(true);
  expect(runs).toEqual([64]);
});

afterEach(() => void vi.useRealTimers());

test('a free lane waits beside a busy one', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const runs: number[] = [];
  const tick = () => new Promise((resolve) => setImmediate(resolve));
  const endings: (() => void)[] = [];
  const gatherer = new Gatherer<number, number>({
    limit: 64,
    lanes: 2,
    gatherMs: 2,
    keysOf: () => [],
    run: async (inputs) => {
      runs.push(inputs.length);
      await new Promise<void>((resolve) => endings.push(resolve));
      return inputs;
    },
  });
  const first = gatherer.add(1);
  await tick();
  expect(runs).toEqual([1]); // nothing was under way: it waits for nobody
  const others = [gatherer.add(2)];
  await tick();
  others.push(gatherer.add(3), gatherer.add(4));
  await tick();
  expect(runs).toEqual([1]);
  vi.advanceTimersByTime(2);
  expect(runs).toEqual([1, 3]);
  for (const end of endings) end();
  expect(await Promise.all([first, ...others])).toEqual([1, 2, 3, 4]);
});

test('free lanes share what waits evenly', async () => {
  const runs: number[] = [];
  const answers: (() => void)[] = [];
  const gatherer = new Gatherer<number, number>({
    limit: 30,
    lanes: 3,
    least: 4,
    keysOf: () => [],
    run: async (inputs) => {
      runs.push(inputs.length);
      await new Promise<void>((resolve) => answers.push(resolve));
      return inputs;
    },
  });
  const ask = (count: number) => Promise.all(NUMBERS.slice(0, count).map((number) => gatherer.add(number)));
  const settle = async () => {
    for (const answer of answers.splice(0)) answer();
    await nextTick();
  };
  const first = ask(20); // three lanes are free: a third each
  await nextTick();
  expect(runs.splice(0)).toEqual([7, 7, 6]);
  const second = ask(50); // and who comes now waits until one is free, and then takes at most the limit
  await nextTick();
  answers.shift()?.();
  await nextTick();
  expect(runs.splice(0)).toEqual([30]);
  await settle();
  await settle();
  await Promise.all([first, second]);
  expect(runs.splice(0)).toEqual([7, 7, 6]);
  const few = ask(6); // too few for three
  await nextTick();
  expect(runs).toEqual([4, 2]);
  await settle();
  expect(await few).toEqual(NUMBERS.slice(0, 6));
});
