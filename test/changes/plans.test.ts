// How the log is read on a database that is already full when the connection is made: by keys, only as many rows as a page has.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { printFeedPage } from '../../src/changes/print-feed-page.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import { readHistory } from '../../src/changes/read-history.ts';
import { type Database, type Statement, toQuery } from '../../src/db/database.ts';
import { findNext } from '../../src/webhooks/next-batch.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';

const CUSTOMERS = 10_000;
const CHANGES = 250_000;
const PAGE = 100;

let opened: TestDatabase;

beforeAll(async () => {
  opened = await createTestDatabase();
  const run = (text: string) => opened.database.query({ text });
  await run(
    `insert into segments (key, name, kind, status, version, created_at, updated_at)
     select 's' || n, 'S', 'rule', 'active', 1, now(), now() from generate_series(1, 10) as n`,
  );
  await run(
    `insert into customers (id, external_id, revision, created_at) select n, 'c' || n, 1, now() from generate_series(1, ${CUSTOMERS}) as n`,
  );
  await run(
    `insert into changes (position, type, segment_id, customer_id, version, cause, at)
     select n, 'entered', 1 + n % 10, 1 + n % ${CUSTOMERS}, 1, 'data', now() from generate_series(1, ${CHANGES}) as n`,
  );
  await run(`update feed set position = ${CHANGES}`);
  await run('analyze');
});
afterAll(() => opened.drop());

interface Node {
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly Node[];
}

/** Rows of customers that the reader's statements read, planned as they are in the service: once, for any parameters. */
async function customersRead(read: (database: Database) => Promise<unknown>): Promise<number> {
  const statements: Statement[] = [];
  const query: Database['query'] = (statement) => {
    statements.push(statement);
    return opened.database.query(statement);
  };
  await read({ ...opened.database, query });
  const client = await opened.database.pool.connect();
  try {
    let rows = 0;
    for (const [index, statement] of statements.entries()) {
      const { text, values = [] } = toQuery(statement);
      const literals = values.map((value) => (value === null ? 'null' : client.escapeLiteral(String(value)))).join(', ');
      await client.query(`prepare read_${index} as ${text}`);
      const execute = `execute read_${index}${values.length === 0 ? '' : `(${literals})`}`;
      const plan = await client.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Node }] }>(`explain (analyze, format json) ${execute}`);
      await client.query(`deallocate read_${index}`);
      rows += rowsOf(plan.rows[0]?.['QUERY PLAN'][0].Plan);
    }
    return rows;
  } finally {
    client.release();
  }
}

function rowsOf(node: Node | undefined): number {
  if (node === undefined) return 0;
  const own = node['Relation Name'] === 'customers' ? node['Actual Rows'] * node['Actual Loops'] : 0;
  return own + (node.Plans ?? []).reduce((sum, inner) => sum + rowsOf(inner), 0);
}

const after = { afterPosition: String(CHANGES - 50), limit: PAGE };
const place = { position: String(CHANGES - 50), noticeId: '0' };
const everything = { types: ['segment.membership.changed'], segmentIds: null, changeTypes: null } as const;

test.each<[name: string, (database: Database) => Promise<unknown>]>([
  ['the feed', (database) => readChanges(database, after)],
  ['the feed as it is answered', (database) => printFeedPage(database, after)],
  ['the feed of segments', (database) => readChanges(database, { ...after, segmentIds: [1, 2] })],
  ['what a webhook is sent', (database) => findNext(database, place, everything, PAGE, 0)],
  ['the history of a segment', (database) => readHistory(database, { segmentId: 1, limit: PAGE })],
])('%s reads the customers of a page', async (_name, read) => {
  const rows = await customersRead(read);
  expect(rows).toBeGreaterThan(0);
  expect(rows).toBeLessThanOrEqual(PAGE);
});
