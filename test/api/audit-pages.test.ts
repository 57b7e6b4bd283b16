// Pages of the audit when its entries are long: a page ends early and the next one goes on, an entry shows a part of its payloads and counts all,
// and nothing is read that is not shown.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ENTRY_BYTES_MAX, listAudit, PAGE_BYTES_MAX } from '../../src/access/read-audit.ts';
import { settleAudit } from './audit-entries.ts';
import { AUTHORIZED, type Service, startService } from './service.ts';

const BATCHES = 6;
const ROWS = 100;
/** So that four batches fill a page. */
const NOTE = 'x'.repeat(8_000);

let service: Service;
let unseeing: Readonly<Record<string, string>>;

beforeAll(async () => {
  service = await startService({ background: false });
  for (let batch = 0; batch < BATCHES; batch += 1) await write(ROWS, `b${batch}-`);
  const { body } = await service.call('POST', '/v1/keys', { name: 'auditor', scopes: ['audit'] });
  unseeing = { authorization: `Bearer ${body.secret}` };
  await settleAudit(service.strata);
});
afterAll(() => service.close());

async function write(rows: number, prefix: string): Promise<void> {
  const data = Array.from({ length: rows }, (_, index) => ({ id: `${prefix}${index}`, attributes: { note: NOTE } }));
  expect((await service.call('POST', '/v1/customers', { data })).status).toBe(200);
}

interface Entry {
  readonly position: string;
  readonly payloads: readonly { readonly kept: boolean; readonly content: { readonly customerId?: string } | null }[];
  readonly payloadCount: number;
}

async function list(query: string, headers = AUTHORIZED as Readonly<Record<string, string>>) {
  const { status, text, body } = await service.call('GET', `/v1/audit?action=putCustomers&${query}`, undefined, headers);
  expect(status).toBe(200);
  return { text, entries: body.data as readonly Entry[], next: body.next as string | null };
}

test('a full page ends, the next goes on', async () => {
  const pages = [await list('limit=1000')];
  for (let next = pages[0]?.next; next !== null && next !== undefined; next = pages.at(-1)?.next) {
    pages.push(await list(`limit=1000&after=${next}`));
  }
  expect(pages.length).toBeGreaterThan(1);
  for (const { text } of pages) expect(text.length).toBeLessThan(PAGE_BYTES_MAX * 1.1);
  const entries = pages.flatMap(({ entries }) => entries);
  expect(new Set(entries.map(({ position }) => position)).size).toBe(BATCHES);
  for (const { payloads, payloadCount } of entries) expect([payloads.length, payloadCount]).toEqual([ROWS, ROWS]);
});

test('GraphQL goes on there too', async () => {
  const positions: string[] = [];
  for (let after: string | null = null, more = true; more; ) {
    const query =
      'query ($after: String) { audit(first: 100, after: $after, action: "putCustomers") { edges { node { position } } pageInfo { hasNextPage endCursor } } }';
    const { body } = await service.call('POST', '/graphql', { query, variables: { after } });
    const { edges, pageInfo } = body.data.audit;
    positions.push(...edges.map(({ node }: { node: Entry }) => node.position));
    after = pageInfo.endCursor;
    more = pageInfo.hasNextPage;
  }
  expect([positions.length, new Set(positions).size]).toEqual([BATCHES, BATCHES]);
});

test('a long entry shows a part, counts all', async () => {
  await write(400, 'long-');
  await settleAudit(service.strata);
  const [entry] = (await list('limit=1')).entries;
  expect(entry?.payloadCount).toBe(400);
  expect(entry?.payloads.length).toBeLessThan(400);
  expect(JSON.stringify(entry).length).toBeLessThan(ENTRY_BYTES_MAX * 1.1);
  const found = await list('customer=long-399');
  expect(found.entries[0]?.payloads.map(({ content }) => content?.customerId)).toContain('long-399');
  expect(found.entries[0]?.payloadCount).toBe(400);
});

test('a payload too long stands alone', async () => {
  const events = Array.from({ length: 300 }, () => ({ customerId: 'often', name: 'seen', properties: { note: NOTE } }));
  expect((await service.call('POST', '/v1/events', { data: events })).status).toBe(200);
  await settleAudit(service.strata);
  const { body } = await service.call('GET', '/v1/audit?action=appendEvents&customer=often');
  expect(body.data.map(({ payloads, payloadCount }: Entry) => [payloads.length, payloadCount])).toEqual([[1, 1]]);
  expect(JSON.stringify(body).length).toBeGreaterThan(ENTRY_BYTES_MAX);
});

test('contents that stay hidden are not read', async () => {
  const { entries } = await listAudit(
    service.strata.database,
    { action: 'putCustomers' },
    { limit: 100, after: null, seesPersonal: false },
  );
  expect(entries.length).toBe(BATCHES + 1); // none of them takes room
  for (const { payloads, payloadCount } of entries) {
    expect(payloads.length).toBe(payloadCount);
    for (const payload of payloads) expect(payload).toEqual({ isKept: true, content: null });
  }
  const shown = await list('limit=100', unseeing);
  expect(shown.entries.flatMap(({ payloads }) => payloads).every(({ kept, content }) => kept && content === null)).toBe(true);
});
