// Batches over two connections: a part waits for its own part of the batch before, and for all of that batch if an order has changed parts.
import { expect, test } from 'vitest';
import type { Facts, OrderFact } from '../../src/ingest/facts.ts';
import type { ImportRun, WrittenPart } from '../../src/ingest/imports/import-run.ts';
import { Lane } from '../../src/ingest/imports/lane.ts';
import { PartsInTurn } from '../../src/ingest/imports/write-in-parts.ts';
import { StaleTypes } from '../../src/ingest/lock-facts.ts';
import { order } from '../membership/strata-under-test.ts';

interface Writing {
  /** the part's orders: their name and who has them */
  readonly orders: readonly string[];
  end(error?: Error): Promise<void>;
}

/** An import whose writes end when the test says so. */
function importOf() {
  const begun: Writing[] = [];
  const write = ({ orders }: Facts) =>
    new Promise<WrittenPart>((resolve, reject) => {
      const end = async (error?: Error) => {
        if (error === undefined) resolve({ changes: 1, repeated: 2 });
        else reject(error);
        await new Promise(setImmediate);
      };
      begun.push({ orders: orders.map(({ id, customerKey }) => `${id} ${customerKey}`), end });
    });
  const run = { kind: 'orders', importId: '1', target: { write }, changes: 0, repeated: 0 } as unknown as ImportRun;
  const parts = new PartsInTurn();
  return { begun, run, add: (facts: readonly OrderFact[]) => parts.write(run, facts.map(rowOf)) };
}

/** 600 orders, by turns of the customers 0 and 1, and these. */
function batch(name: string, more: readonly OrderFact[] = []): readonly OrderFact[] {
  return [...Array.from({ length: 600 }, (_, index) => orderOf(`${name}${index}`, String(index % 2))), ...more];
}

const orderOf = (id: string, customerKey: string) => ({ ...order(id, customerKey), customerKey });
/** Its line is its number. */
const rowOf = (fact: OrderFact, index: number) => ({ row: { lines: [index], raw: null }, fact });
const step = () => new Promise(setImmediate);

test('a part follows its own part only', async () => {
  const { begun, run, add } = importOf();
  const first = add(batch('a'));
  const second = add(batch('b'));
  await step();
  expect(begun.map(({ orders }) => orders[0])).toEqual(['a0 0', 'a1 1']);
  await begun[1]?.end();
  expect(begun.map(({ orders }) => orders[0])).toEqual(['a0 0', 'a1 1', 'b1 1']);
  await begun[0]?.end();
  await first;
  for (const { end } of begun.slice(2)) await end();
  await second;
  expect(run).toMatchObject({ changes: 4, repeated: 8 });
});

test.each([
  ['since the batch before', [orderOf('moving', '0')], [orderOf('moving', '1')]],
  ['within the batch before', [orderOf('moving', '0'), orderOf('moving', '1')], []],
  ['within the batch itself', [], [orderOf('moving', '0'), orderOf('moving', '1')]],
])('an order that moves %s waits for all', async (_title, before, now) => {
  const { begun, add } = importOf();
  const first = add(batch('a', before));
  const second = add(batch('b', now));
  await step();
  await begun[1]?.end();
  expect(begun).toHaveLength(2);
  await begun[0]?.end();
  await first;
  expect(begun).toHaveLength(4);
  for (const { end } of begun.slice(2)) await end();
  await second;
});

test('a small batch stands between two', async () => {
  const { begun, add } = importOf();
  const all = [add(batch('a')), add([orderOf('small', '1')]), add(batch('b'))];
  await step();
  await begun[1]?.end();
  expect(begun).toHaveLength(2);
  await begun[0]?.end();
  expect(begun.map(({ orders }) => orders[0])).toEqual(['a0 0', 'a1 1', 'small 1']);
  await begun[2]?.end();
  expect(begun).toHaveLength(5);
  for (const { end } of begun.slice(3)) await end();
  await Promise.all(all);
});

test('behind a failure nothing more is written', async () => {
  const { begun, add } = importOf();
  const lane = new Lane(2);
  const write = (facts: readonly OrderFact[]) =>
    lane.add(
      async () => facts,
      async (judged) => void (await add(judged)),
    );
  await write(batch('a'));
  await write(batch('b'));
  const third = write(batch('c'));
  third.catch(() => {}); // looked at below
  await step();
  await begun[0]?.end(new Error('no room'));
  await begun[1]?.end();
  await begun[2]?.end();
  await expect(third).rejects.toThrow('no room');
  await expect(write(batch('d'))).rejects.toThrow('no room');
  await expect(lane.drain()).rejects.toThrow('no room');
  expect(begun.map(({ orders }) => orders[0])).toEqual(['a0 0', 'a1 1', 'b1 1']);
});

test('rows that met another type come back', async () => {
  const { begun, run, add } = importOf();
  const stale = add(batch('a'));
  await step();
  await begun[1]?.end(new StaleTypes());
  await begun[0]?.end();
  expect((await stale).map(({ lines }) => lines[0])).toEqual(Array.from({ length: 300 }, (_, index) => 2 * index + 1));
  const next = add(batch('b'));
  await step();
  for (const { end } of begun.slice(2)) await end();
  expect(await next).toEqual([]);
  expect(run).toMatchObject({ changes: 3, repeated: 6 });
});
