// Fields that read the feed, asked for with the token of a write: they wait until its changes are published, all of them together, and fields that
// do not read the feed never wait.
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Service, startService } from '../api/service.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';
import { dataOf } from './ask.ts';

let service: Service;

beforeAll(async () => {
  service = await startService({ background: false });
  await service.call('POST', '/v1/segments', { key: 'german', name: 'German', kind: 'rule', rule: 'country = "DE"', publish: true });
  await finishRuns(service.strata);
  await publishChanges(service.strata);
});
afterAll(() => service.close());
afterEach(() => vi.restoreAllMocks());

async function write(customerId: string): Promise<Record<string, string>> {
  const { body } = await service.call('PUT', `/v1/customers/${customerId}`, { country: 'DE' });
  return { 'strata-token': body.token };
}

/** Counts how often the database is asked whether a write is published; `asked` resolves with the first time. */
function watch() {
  const { database } = service.strata;
  const query = database.query.bind(database);
  const watched = { times: 0, asked: Promise.resolve() };
  watched.asked = new Promise((resolve) => {
    vi.spyOn(database, 'query').mockImplementation((statement) => {
      if (statement.name === 'is_unpublished') {
        watched.times += 1;
        resolve();
      }
      return query(statement);
    });
  });
  return watched;
}

const FIELDS: readonly (readonly [title: string, query: string])[] = [
  ['changes', '{ changes(first: 1000) { edges { node { customerId } } } }'],
  ['a history of a customer', '{ customer(id: "ann") { history { edges { node { segmentKey } } } } }'],
  ['a history of a segment', '{ segmentHistory(segment: "german") { edges { node { customerId } } } }'],
  ['sizes', '{ segmentSizes(segment: "german") { points { size } } }'],
  ['a report', '{ segmentReport(segment: "german") { members } }'],
  ['members of the past', '{ members(segment: "german", at: "2020-01-01T00:00:00.000Z") { edges { node { customerId } } } }'],
  ['members of a place', '{ members(segment: "german", snapshot: true) { edges { node { customerId } } } }'],
];

test.each(FIELDS)('%s: waits for the feed', async (_title, query) => {
  await service.call('PUT', '/v1/customers/ann', { country: 'FR' });
  const headers = await write('ann');
  const watched = watch();
  const answer = dataOf(service, query, {}, headers);
  await Promise.race([watched.asked, answer]);
  await publishChanges(service.strata);
  await answer;
  expect(watched.times).toBeGreaterThan(0);
});

test('the changes waited for are shown', async () => {
  const headers = await write('bob');
  const watched = watch();
  const answer = dataOf(service, '{ changes(customerId: "bob") { edges { node { customerId } } } }', {}, headers);
  await Promise.race([watched.asked, answer]);
  await publishChanges(service.strata);
  expect((await answer).changes.edges).toEqual([{ node: { customerId: 'bob' } }]);
});

test('all fields of an operation wait once', async () => {
  for (const id of ['cem', 'dan', 'eve']) await write(id);
  const headers = await write('fay');
  await publishChanges(service.strata);
  const watched = watch();
  const query = `{
    customers(first: 10) { edges { node { history { edges { node { segmentKey } } } } } }
    changes { edges { node { customerId } } }
    segmentHistory(segment: "german") { edges { node { customerId } } }
  }`;
  const { customers } = await dataOf(service, query, {}, headers);
  expect([customers.edges.length > 3, watched.times]).toEqual([true, 1]);
});

test('what is not of the feed never waits', async () => {
  const headers = await write('gil');
  const watched = watch();
  const query = '{ customer(id: "gil") { segments { key } } segment(key: "german") { members { edges { node { customerId } } } } }';
  expect((await dataOf(service, query, {}, headers)).customer.segments).toEqual([{ key: 'german' }]);
  expect(watched.times).toBe(0);
  await publishChanges(service.strata);
});
