// Members with a place in the feed: pages and files that hold for exactly that place while others write, and the changes after it that continue
// them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import { trimHistory } from '../../src/changes/trim.ts';
import { type Answer, built, type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  await service.call('POST', '/v1/segments', {
    key: 'paid',
    name: 'Paid',
    kind: 'rule',
    rule: 'count(orders where status = "paid") >= 1',
    publish: true,
  });
  await built(service, 'paid');
});
afterAll(() => service.close());

const CUSTOMERS = 60;

/** Everybody comes and goes, each write by itself. */
async function churn(random: SeededRandom, writes: number): Promise<string> {
  let token = '';
  for (let write = 0; write < writes; write += 1) {
    const who = random.below(CUSTOMERS);
    const status = random.below(2) === 0 ? 'paid' : 'open';
    const answer = await service.call('PUT', `/v1/orders/order-${who}`, { customerId: `c,${who}`, status, total: '1' });
    expect(answer.status, answer.text).toBe(200);
    token = answer.body.token;
  }
  return token;
}

/** The members after the log's first so many changes. */
async function membersAt(cursor: string): Promise<string[]> {
  const position = Number(JSON.parse(Buffer.from(cursor, 'base64url').toString())[1]);
  const { body } = await service.call('GET', '/v1/changes?limit=1000&segment=paid');
  const members = new Set<string>();
  for (const change of body.data) {
    if (change.position > position) break;
    if (change.type === 'entered') members.add(change.customerId);
    else members.delete(change.customerId);
  }
  return [...members].sort();
}

test('pages of a snapshot hold for one place', async () => {
  const random = new SeededRandom(7);
  await churn(random, 60);
  const found: string[] = [];
  let next: string | null = null;
  let place: string | undefined;
  do {
    const page: Answer['body'] = (
      await service.call('GET', `/v1/segments/paid/members?snapshot=true&limit=4${next === null ? '' : `&after=${next}`}`)
    ).body;
    place ??= page.changesAfter;
    expect(page.changesAfter).toBe(place);
    found.push(...page.data.map(({ customerId }: { customerId: string }) => customerId));
    next = page.next;
    await churn(random, 5); // also behind and before the page
  } while (next !== null);
  expect(found.length).toBeGreaterThan(8);
  expect(found.toSorted()).toEqual(await membersAt(String(place)));
});

test('changes behind it continue it', async () => {
  const random = new SeededRandom(8);
  const page = (await service.call('GET', '/v1/segments/paid/members?snapshot=true&limit=1000')).body;
  const members = new Set<string>(page.data.map(({ customerId }: { customerId: string }) => customerId));
  const token = await churn(random, 40);
  const { data } = (
    await service.call('GET', `/v1/changes?limit=1000&segment=paid&after=${page.changesAfter}`, undefined, { 'strata-token': token })
  ).body;
  for (const { type, customerId } of data) {
    expect(members.has(customerId)).toBe(type === 'exited'); // each change fits what is there: nothing is missing, nothing told twice
    if (type === 'entered') members.add(customerId);
    else members.delete(customerId);
  }
  const now = (await service.call('GET', '/v1/segments/paid/members?limit=1000')).body.data;
  expect([...members].sort()).toEqual(now.map(({ customerId }: { customerId: string }) => customerId).sort());
});

test('a file holds for its place too', async () => {
  const { status, headers, text } = await service.call('GET', '/v1/segments/paid/members.csv');
  expect([status, headers['content-type']]).toEqual([200, 'text/csv; charset=utf-8']);
  const [head, ...lines] = text.trimEnd().split('\r\n');
  expect(head).toBe('customerId,since,source,version');
  const ids = lines.map((line) => /^"(c,\d+)",2\d{3}-\d\d-\d\dT[\d:.]+Z,rule,1$/.exec(line)?.[1]);
  expect(ids.toSorted()).toEqual(await membersAt(String(headers['strata-changes-after'])));
});

test.each([
  ['snapshot=true&at=2026-01-01T00:00:00Z', 400],
  ['snapshot=maybe', 400],
  ['snapshot=true&after=WyJtZW1iZXJzIiwiMSJd', 400], // of another list
  [`snapshot=true&after=${Buffer.from('["snapshot","99999999","1"]').toString('base64url')}`, 400], // beyond the end
])('%s is refused', async (query, status) => {
  expect((await service.call('GET', `/v1/segments/paid/members?${query}`)).status).toBe(status);
});

test('what retention has passed is refused', async () => {
  const page = (await service.call('GET', '/v1/segments/paid/members?snapshot=true&limit=1')).body;
  const token = await churn(new SeededRandom(9), 10);
  await service.call('GET', '/v1/changes', undefined, { 'strata-token': token });
  await trimHistory(service.strata.database, Date.now() + 1000, 100_000);
  expect(await service.call('GET', `/v1/segments/paid/members?snapshot=true&after=${page.next}`)).toMatchObject({
    status: 410,
    body: { code: 'history_trimmed' },
  });
});
