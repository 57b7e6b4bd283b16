// Segments that cannot be computed: they are tried again without anybody asking, later each time, and one that is too slow holds nothing up.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainError } from '../../src/api/rest/problem.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { failBroken } from '../../src/membership/fail-segments.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { retryFailed } from '../../src/segments/failures.ts';
import { resumeSegment } from '../../src/segments/lifecycle.ts';
import { getSegment, type Segment } from '../../src/segments/segments.ts';
import { addPublishedVersion, publishVersion } from '../../src/segments/versions.ts';
import { finishRuns } from '../membership/leader-by-hand.ts';
import { customer, openStrataUnderTest, order, type StrataUnderTest } from '../membership/strata-under-test.ts';

let shop: StrataUnderTest;

/** Far more than anything here takes on a busy machine, but for what sleeps. */
const TIMEOUT_MS = 3000;

beforeAll(async () => {
  shop = await openStrataUnderTest({ limits: { customersTimeoutMs: TIMEOUT_MS, scanTimeoutMs: TIMEOUT_MS } });
});
afterAll(() => shop.drop());

const database = () => shop.strata.database;

async function runAll(): Promise<void> {
  await finishRuns(shop.strata);
}

function retry(): Promise<number> {
  return retryFailed(database(), shop.clock);
}

async function minutesToRetry(key: string): Promise<number> {
  const { retryAtMs } = await getSegment(database(), key);
  return ((retryAtMs ?? 0) - shop.clock.nowMs()) / 60_000;
}

describe('a rule the catalog broke', () => {
  const setType = async (present: boolean) => {
    await database().query({
      text: present
        ? `insert into registered_types (scope, name, type) values ('attribute', 'tier', 'string')`
        : `delete from registered_types where name = 'tier'`,
    });
    await database().query({ text: 'update definitions set epoch = epoch + 1' });
    await shop.strata.programs.reload();
  };

  beforeAll(async () => {
    await setType(true);
    await shop.write({ customers: [customer('a', { attributes: { tier: 'gold' } })] });
    await shop.define('gold', 'attributes.tier = "gold"');
    await shop.define('everyone', 'everyone');
  });

  it('fails with the reason and keeps its members', async () => {
    await setType(false);
    await failBroken(shop.strata);
    const segment = await getSegment(database(), 'gold');
    expect(segment.status).toBe('failed');
    expect(segment.failure).toContain('tier');
    expect(await minutesToRetry('gold')).toBe(1);
    await shop.write({ customers: [customer('a', { attributes: { tier: null } })] });
    expect(await shop.segmentsOf('a')).toEqual(['everyone', 'gold']);
  });

  it('is tried later each time, hourly at last', async () => {
    expect(await retry()).toBe(0);
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      shop.clock.set((await getSegment(database(), 'gold')).retryAtMs ?? 0);
      expect(await retry()).toBe(0);
      waits.push(await minutesToRetry('gold'));
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
    expect((await getSegment(database(), 'gold')).status).toBe('failed');
  });

  it('comes back when it checks again', async () => {
    await setType(true);
    shop.clock.advance(3_600_000);
    expect(await retry()).toBe(1);
    await runAll();
    expect(await getSegment(database(), 'gold')).toMatchObject({ status: 'active', failure: null, retryAtMs: null });
    expect(await shop.segmentsOf('a')).toEqual(['everyone']);
  });

  it('begins anew after two good hours', async () => {
    shop.clock.advance(2 * 3_600_000);
    await setType(false);
    await failBroken(shop.strata);
    expect(await minutesToRetry('gold')).toBe(1);
    await setType(true);
    await resumeSegment(database(), shop.clock, 'gold');
    await runAll();
    expect((await getSegment(database(), 'gold')).status).toBe('active');
  });
});

describe('a rule over any event', () => {
  it('outlives an event that carries another type', async () => {
    await shop.define('pro', 'count(events where properties.plan = "pro") >= 1');
    for (const type of ['number', 'string']) {
      const text = `insert into registered_types (scope, event_name, name, type) values ('property', $1, 'plan', $1)`;
      await database().query({ text, values: [type] });
      await database().query({ text: 'update definitions set epoch = epoch + 1' });
      await shop.strata.programs.reload();
      await failBroken(shop.strata);
      expect((await getSegment(database(), 'pro')).status).toBe('active');
    }
  });
});

describe('a rule that is too slow', () => {
  const setDivision = (seconds: number) =>
    database().query({
      text: `
        create or replace function strata_divide(a numeric, b numeric) returns numeric language plpgsql immutable as $$
        begin
          perform pg_sleep(${seconds});
          return a / nullif(b, 0);
        end $$`,
    });
  const isTooSlow = (segment: Segment) => expect(segment).toMatchObject({ status: 'failed', failure: expect.stringContaining('too long') });

  beforeAll(async () => {
    await setDivision(0);
    await shop.define('buyers', 'count(orders) >= 1');
    await shop.define('slow', 'sum(orders.total) / count(orders) > 10');
    await setDivision(60);
  });

  it('fails when a write meets it', async () => {
    const outcome = await shop.write({ orders: [order('1', 'a')] });
    expect(outcome.segments.get(customerKey('a'))).toEqual(['buyers', 'everyone']);
    isTooSlow(await getSegment(database(), 'slow'));
    expect((await getSegment(database(), 'buyers')).status).toBe('active');
  });

  it('fails in its run, and others go on', async () => {
    await publishVersion(database(), shop.clock, 'slow', 1);
    await addPublishedVersion(database(), shop.clock, 'buyers', { rule: 'count(orders) >= 2', author: null });
    await runAll();
    isTooSlow(await getSegment(database(), 'slow'));
    expect((await getSegment(database(), 'slow')).run).toMatchObject({ status: 'failed' });
    expect((await getSegment(database(), 'buyers')).status).toBe('active');
    expect(await shop.segmentsOf('a')).toEqual(['everyone']);
  });

  it('blames no version that was published meanwhile', async () => {
    const draft = { key: 'moved', name: 'moved', kind: 'rule', rule: 'sum(orders.total) / count(orders) > 10', publish: true } as const;
    await createSegment(database(), shop.clock, { ...draft, author: null });
    await shop.strata.programs.reload();
    const writing = shop.write({ orders: [order('2', 'a')] });
    await addPublishedVersion(database(), shop.clock, 'moved', { rule: 'everyone', author: null });
    await writing;
    await runAll();
    expect((await getSegment(database(), 'moved')).status).toBe('active');
  });

  it('is active again when it is quick', async () => {
    await setDivision(0);
    await resumeSegment(database(), shop.clock, 'slow');
    await runAll();
    expect((await getSegment(database(), 'slow')).status).toBe('active');
    expect(await shop.segmentsOf('a')).toContain('slow');
  });
});

describe('rules too slow together, none alone', () => {
  const RULES = ['sum(orders.total) / count(orders) > 10', 'sum(orders.discount) / count(orders) >= 0'];
  const TOO_SLOW = '57014'; // statement_timeout's own
  const stored = async () => (await database().query({ text: `select from orders where id = 'heavy'` })).length;

  /**
   * A statement that divides a third time is cancelled: two of the rules in one, or one of them over two customers. Each divides twice for a
   * customer, for its answer and for what is told of it.
   */
  const cancelThirdDivision = () =>
    database().query({
      text: `
        create or replace function strata_divide(a numeric, b numeric) returns numeric language plpgsql as $$
        declare
          started text := statement_timestamp()::text;
          divided text := coalesce(current_setting('test.divided_in', true), '');
        begin
          if divided = started || ' twice' then
            raise exception 'canceling statement due to statement timeout' using errcode = '${TOO_SLOW}';
          end if;
          perform set_config('test.divided_in', case when divided = started then started || ' twice' else started end, false);
          return a / nullif(b, 0);
        end $$`,
    });

  beforeAll(async () => {
    await database().query({ text: 'update segments set status = $1 where key = $2', values: ['paused', 'slow'] });
    await database().query({ text: 'update definitions set epoch = epoch + 1' });
    await runAll();
    await shop.define('mean-total', RULES[0] ?? '');
    await shop.define('mean-discount', RULES[1] ?? '');
    await cancelThirdDivision();
  });

  it('refuse a write whole, to be tried again', async () => {
    const refused = await shop.write({ orders: [order('heavy', 'a')] }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: TOO_SLOW });
    expect(explainError(refused).refusal).toMatchObject({
      code: 'unavailable',
      status: 503,
      message: expect.stringContaining('took too long'),
    });
    expect(await stored()).toBe(0);
    expect((await getSegment(database(), 'mean-total')).status).toBe('active');
  });

  it('end their run with the reason', async () => {
    for (const [index, key] of ['mean-total', 'mean-discount'].entries()) {
      await addPublishedVersion(database(), shop.clock, key, { rule: `${RULES[index]} and count(orders) > 1`, author: null });
    }
    await runAll();
    for (const key of ['mean-total', 'mean-discount']) {
      const segment = await getSegment(database(), key);
      expect(segment).toMatchObject({ status: 'failed', failure: expect.stringContaining('together'), run: { status: 'failed' } });
      expect(segment.retryAtMs).toBeGreaterThan(shop.clock.nowMs());
    }
  });

  it('let writes pass once they have failed', async () => {
    expect((await shop.write({ orders: [order('heavy', 'a')] })).segments.get(customerKey('a'))).toContain('everyone');
    expect(await stored()).toBe(1);
  });
});
