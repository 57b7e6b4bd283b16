// What an import decides: customers with the batch that brings them, debts from before with their own cause, customers of orders at the end.
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import type { ImportKind } from '../../src/ingest/imports/import-fields.ts';
import { parseImportOptions } from '../../src/ingest/imports/import-options.ts';
import { explainNow } from '../../src/membership/explain-now.ts';
import { lookAgain } from '../../src/membership/look-again.ts';
import { settlePending } from '../../src/membership/settle-pending.ts';
import { evaluatePending, importFile, write, writeDeferred } from '../../src/pipeline.ts';
import { openStrataUnderTest, order, type StrataUnderTest } from '../membership/strata-under-test.ts';

let under: StrataUnderTest;
beforeAll(async () => {
  under = await openStrataUnderTest();
  await under.define('germans', 'country = "DE"');
  await under.define('buyers', 'count(orders) >= 1');
});
afterAll(() => under.drop());

/** → what the import says of itself, and when it owed how many: at each report of its progress */
async function bring(kind: ImportKind, rows: readonly object[]) {
  const options = parseImportOptions(kind, {}, 'UTC');
  if (!options.ok) throw new Error(JSON.stringify(options.problems));
  const stream = Readable.from([Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))], { objectMode: false });
  const owed: Promise<number>[] = [];
  const onProgress = () => void owed.push(count('pending'));
  const summary = await importFile(under.strata, {
    kind,
    format: 'ndjson',
    options: options.value,
    stream,
    encoding: 'identity',
    onProgress,
  });
  return { changes: summary.changes, accepted: summary.accepted, owed: await Promise.all(owed) };
}

async function count(table: string): Promise<number> {
  const [row] = await under.strata.database.query<{ n: number }>({ text: `select count(*)::integer as n from ${table} as t` });
  return row?.n ?? 0;
}

const changes = async () => {
  await under.publish();
  const rows = await under.strata.database.query<{ type: string; key: string; cause: string; n: number }>({
    text: `select c.type, s.key, c.cause, count(*)::integer as n from changes as c join segments as s on s.id = c.segment_id
           group by c.type, s.key, c.cause order by s.key, c.type`,
  });
  return rows.map((row) => `${row.n} ${row.type} ${row.key} ${row.cause}`);
};

const people = (country: string) =>
  Array.from({ length: 1200 }, (_, index) => ({ id: `p${index}`, country: index % 3 === 0 ? country : 'FR' }));

/** The customer's look has been due for long. */
const PLAN_LOOK = `
  insert into rechecks (customer_id, due_at)
  values ($1::bigint, 'epoch')
  on conflict (customer_id) do update set due_at = excluded.due_at`;

test('customers are decided with their batch', async () => {
  expect(await bring('customers', people('DE'))).toEqual({ changes: 400, accepted: 1200, owed: [0] });
  expect(await changes()).toEqual(['400 entered germans data']);
  expect(await bring('customers', people('DE'))).toMatchObject({ changes: 0, owed: [0] });
  expect(await bring('customers', people('AT'))).toMatchObject({ changes: 400 });
  expect(await count('memberships')).toBe(0);
});

test('what another import owes them is settled', async () => {
  await writeDeferred(under.strata, { ...NO_FACTS, orders: [order('o', 'p1')] }, '77');
  expect(await count('pending')).toBe(1);
  expect(await bring('customers', [{ id: 'p1', country: 'DE' }])).toMatchObject({ changes: 2 });
  expect(await count('pending')).toBe(0);
});

test('customers of orders are decided at the end', async () => {
  const orders = Array.from({ length: 900 }, (_, index) => ({ id: `o${index}`, customerId: `p${index % 300}`, total: 1 }));
  expect(await bring('orders', orders)).toEqual({ changes: 299, accepted: 900, owed: [300] }); // p1 was in already
  expect(await count('pending')).toBe(0);
});

test('what somebody else pays for it counts too', async () => {
  const lines = (from: number, to: number) =>
    Array.from(
      { length: to - from },
      (_, n) => `${JSON.stringify({ id: `paid${from + n}`, customerId: `payer${(from + n) % 600}`, total: 1 })}\n`,
    );
  const stream = Readable.from(
    (async function* () {
      yield Buffer.from(lines(0, 2500).join(''));
      await vi.waitFor(async () => expect(await count('pending')).toBe(600), 30_000);
      const [first] = await under.strata.database.query<{ id: string }>({ text: 'select max(i.id) as id from imports as i' });
      await settlePending(under.strata, first?.id ?? ''); // as the leader of another process, which takes it for dead
      yield Buffer.from(lines(2500, 2600).join(''));
    })(),
    { objectMode: false },
  );
  const options = parseImportOptions('orders', {}, 'UTC');
  if (!options.ok) throw new Error('no options');
  const request = { kind: 'orders', format: 'ndjson', options: options.value, stream, encoding: 'identity' } as const;
  expect((await importFile(under.strata, request)).changes).toBe(600);
});

test('a write that pays counts for it', async () => {
  const [row] = await under.strata.database.query<{ id: string }>({
    text: `insert into imports (kind, status, leased_until, started_at) values ('orders', 'running', now(), now()) returning id`,
  });
  const importId = row?.id ?? '';
  await writeDeferred(under.strata, { ...NO_FACTS, orders: [order('met', 'met')] }, importId);
  expect((await write(under.strata, { ...NO_FACTS, orders: [order('met2', 'met')] })).changes).toBe(1);
  const told = () => under.strata.database.query({ text: 'select i.changes from imports as i where i.id = $1', values: [importId] });
  expect(await told()).toEqual([{ changes: '1' }]);
  const caused =
    'select o.cause from outbox as o where o.customer_id = $1::bigint and o.decision = (select max(l.decision) from outbox as l)';
  expect(await under.strata.database.query({ text: caused, values: [customerKey('met')] })).toEqual([{ cause: 'data' }]);
  await evaluatePending(under.strata, importId);
  expect(await told()).toEqual([{ changes: '1' }]);
});

test('who asks meanwhile calls it data', async () => {
  const { strata } = under;
  await write(strata, { ...NO_FACTS, customers: [{ key: customerKey('asked'), id: 'asked', profile: {} }] });
  await writeDeferred(strata, { ...NO_FACTS, orders: [order('asked1', 'asked')] }, '78');
  const [buyers] = await strata.database.query<{ id: number }>({ text: `select s.id from segments as s where s.key = 'buyers'` });
  expect(await explainNow(strata, customerKey('asked'), buyers?.id ?? 0)).toMatchObject({ changes: 1 });
  const waiting = 'select o.type, o.cause from outbox as o where o.customer_id = $1::bigint';
  expect(await strata.database.query({ text: waiting, values: [customerKey('asked')] })).toEqual([{ type: 'entered', cause: 'data' }]);
});

test('a look that is due calls it time', async () => {
  const { strata } = under;
  const key = customerKey('ripe');
  await write(strata, { ...NO_FACTS, customers: [{ key, id: 'ripe', profile: {} }] });
  await writeDeferred(strata, { ...NO_FACTS, orders: [order('ripe1', 'ripe')] }, '79');
  await strata.database.query({ text: PLAN_LOOK, values: [key] });
  expect(await lookAgain(strata, { keys: [key], cause: 'time' })).toBe(1);
  const waiting = 'select o.type, o.cause from outbox as o where o.customer_id = $1::bigint';
  expect(await strata.database.query({ text: waiting, values: [key] })).toEqual([{ type: 'entered', cause: 'time' }]);
  expect(await strata.database.query({ text: 'select from pending as p where p.customer_id = $1::bigint', values: [key] })).toEqual([]);
});

test('a catch-up tells both of its causes', async () => {
  const { strata } = under;
  const [due, owed] = ['late1', 'late2'];
  const customers = [due, owed].map((id) => ({ key: customerKey(id), id, profile: {} }));
  await write(strata, { ...NO_FACTS, customers });
  await writeDeferred(strata, { ...NO_FACTS, orders: [due, owed].map((id) => order(`${id}-1`, id)) }, '80');
  await strata.database.query({ text: 'delete from pending as p where p.customer_id = $1::bigint', values: [customerKey(due)] });
  await strata.database.query({ text: PLAN_LOOK, values: [customerKey(due)] });
  await write(strata, { ...NO_FACTS, customers });
  const waiting = 'select o.cause, o.ordinal from outbox as o where o.customer_id = any($1::bigint[]) order by o.ordinal';
  expect(await strata.database.query({ text: waiting, values: [[due, owed].map(customerKey)] })).toEqual([
    { cause: 'time', ordinal: 1 },
    { cause: 'data', ordinal: 2 },
  ]);
});

test('an order that changes hands takes both along', async () => {
  expect(await bring('orders', [{ id: 'o5', customerId: 'new', total: 1 }])).toMatchObject({ changes: 1 });
  const left = ['o305', 'o605'].map((id) => ({ id, customerId: 'new', total: 1 }));
  expect(await bring('orders', left)).toMatchObject({ changes: 1 });
  expect(await changes()).toContain('1 exited buyers data');
});
