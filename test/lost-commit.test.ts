// A commit whose answer is lost with its connection: nobody knows whether it was done, so nobody is told that it was not, and nothing is done
// again after what others have written meanwhile.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CommitInDoubt } from '../src/db/commit-in-doubt.ts';
import { openDatabase } from '../src/db/database.ts';
import { NO_FACTS } from '../src/ingest/facts.ts';
import { write } from '../src/pipeline.ts';
import { type Service, startService } from './api/service.ts';
import { createTestDatabase } from './database.ts';
import { customer } from './membership/strata-under-test.ts';

let service: Service;
/** another process on the same database */
let other: Service;
/** of so many commits from here on the answer is lost; only of those that ask for their place in the log: of writes */
let lost = { commits: 0, onlyWrites: false };
/** what happens before the connection is found to be broken */
let meanwhile = async () => {};

beforeAll(async () => {
  const test = await createTestDatabase();
  test.database.pool.on('connect', (client) => {
    const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadWriteStream & { destroy(): void } } }).connection;
    const emit = stream.emit.bind(stream);
    stream.emit = (event: string, ...values: unknown[]) => {
      const [chunk] = values;
      const isLost = event === 'data' && lost.commits > 0 && Buffer.isBuffer(chunk) && chunk.includes('COMMIT\0');
      if (!isLost || (lost.onlyWrites && !chunk.includes('lsn\0'))) return emit(event, ...values);
      lost.commits -= 1;
      void meanwhile().finally(() => stream.destroy());
      return true;
    };
  });
  service = await startService({ database: test, background: false });
  const database = openDatabase(test.url);
  other = await startService({ database: { ...test, database, drop: () => database.close() }, background: false });
});
afterAll(async () => {
  await other.close();
  await service.close();
});

const NUMBERS = [1, 2, 3, 4, 5];

it('says that keyed writes may be done', async () => {
  const view = (n: number) => {
    const event = { customerId: `c${n}`, name: 'view', properties: { n } };
    return service.call('POST', '/v1/events', { data: [event] }, { 'idempotency-key': `key ${n}` });
  };
  lost = { commits: Number.POSITIVE_INFINITY, onlyWrites: true };
  const answers = await Promise.all(NUMBERS.map(view));
  lost.commits = 0;
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual(NUMBERS.map(() => [503, 'unavailable']));
  expect(answers[0]?.body.detail).toContain('may have been done');
  const again = await Promise.all(NUMBERS.map(view));
  expect(again.map(({ status, headers }) => [status, headers['idempotency-replayed']])).toEqual(NUMBERS.map(() => [200, 'true']));
  expect(await service.strata.database.query({ text: 'select e.id from events as e' })).toHaveLength(NUMBERS.length);
});

it('says nothing of doing to a reader', async () => {
  const segment = { key: 'all', name: 'All', kind: 'rule', rule: 'everyone', publish: true };
  expect(await service.call('POST', '/v1/segments', segment)).toMatchObject({ status: 201 });
  lost = { commits: 1, onlyWrites: false };
  const answer = await service.call('GET', '/v1/customers/c1/segments/all/explanation');
  expect([lost.commits, answer.status, answer.body.code, answer.body.detail]).toEqual([
    0,
    503,
    'unavailable',
    'The database cannot be reached right now; try again.',
  ]);
});

it('leaves no key to nobody', async () => {
  const claim = (key: string) => service.strata.claims.claim({ operation: 'any', caller: 'me', key, content: '' });
  lost = { commits: 1, onlyWrites: false };
  await expect(claim('alone')).rejects.toThrow(CommitInDoubt);
  expect(await claim('alone')).toMatchObject({ kind: 'ours' });
  lost.commits = 1;
  const together = await Promise.all(NUMBERS.map((n) => claim(`together ${n}`)));
  expect(together.map(({ kind }) => kind)).toEqual(NUMBERS.map(() => 'ours'));
  expect(await claim('together 1')).toMatchObject({ kind: 'running' });
});

it('undoes nothing that another wrote since', async () => {
  meanwhile = async () => {
    expect(await other.call('PUT', '/v1/customers/c1', { city: 'new' })).toMatchObject({ status: 200 });
  };
  lost = { commits: 1, onlyWrites: true };
  const old = NUMBERS.map((n) => customer(`c${n}`, { profile: { city: 'old' } }));
  const written = await Promise.allSettled(old.map((fact) => write(service.strata, { ...NO_FACTS, customers: [fact] })));
  expect(written.map(({ status }) => status)).toEqual(NUMBERS.map(() => 'rejected'));
  expect((await service.call('GET', '/v1/customers/c1')).body).toMatchObject({ city: 'new' });
});
