// Work that is gathered: whom a failure is told to, and how often the work is run for it.
import { expect, test } from 'vitest';
import { Gatherer } from '../src/base/batch.ts';
import { isUnreachable } from '../src/db/unreachable.ts';

const NUMBERS = Array.from({ length: 64 }, (_, n) => n);

function gather(run: (inputs: readonly number[]) => Promise<readonly number[]>) {
  const runs: number[] = [];
  const gatherer = new Gatherer<number, number>({
    limit: 64,
    lanes: 1,
    keysOf: () => [],
    isNobodys: isUnreachable,
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
