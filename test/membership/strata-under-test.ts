// In charge of a whole Strata on a database of its own, whose clock stands still and in which nothing happens unasked.
import { pino } from 'pino';
import { TestClock } from '../../src/base/clock.ts';
import type { EvaluationLimits } from '../../src/evaluation/evaluation-limits.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { type CustomerFact, type Facts, NO_FACTS, type OrderFact } from '../../src/ingest/facts.ts';
import { evaluateDue } from '../../src/membership/due.ts';
import { openStrata, type StrataOptions } from '../../src/open-strata.ts';
import { write } from '../../src/pipeline.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, SECRET_KEY } from '../database.ts';
import { finishRuns, publishChanges } from './leader-by-hand.ts';

export { DAY_MS } from '../../src/base/durations.ts';

export const START_MS = Date.parse('2026-06-15T12:00:00.000Z');

export interface StrataUnderTest {
  readonly strata: Strata;
  readonly clock: TestClock;
  /** Creates and publishes, and runs the full evaluation to its end. */
  define(key: string, rule: string): Promise<void>;
  write(facts: Partial<Facts>): ReturnType<typeof write>;
  /** Moves the clock and evaluates whoever is due then. → number of changes */
  moveTo(atMs: number): Promise<number>;
  /** keys of the segments that the customer is stored in */
  segmentsOf(customerId: string): Promise<string[]>;
  publish(): Promise<void>;
  drop(): Promise<void>;
}

export async function openStrataUnderTest(
  options: {
    readonly timeZone?: string;
    readonly startMs?: number;
    readonly limits?: Partial<EvaluationLimits>;
  } & Pick<StrataOptions, 'webhookAllow' | 'webhookSend'> = {},
): Promise<StrataUnderTest> {
  const { database, drop } = await createTestDatabase();
  const clock = new TestClock(options.startMs ?? START_MS);
  const strata = await openStrata({
    database,
    clock,
    log: pino({ level: 'silent' }),
    cluster: 'test',
    secretKey: SECRET_KEY,
    timeZone: options.timeZone ?? 'UTC',
    currency: 'USD',
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.webhookAllow === undefined ? {} : { webhookAllow: options.webhookAllow }),
    ...(options.webhookSend === undefined ? {} : { webhookSend: options.webhookSend }),
    background: false,
  });
  const fail = (error: unknown) => {
    throw error;
  };
  return {
    strata,
    clock,
    define: async (key, rule) => {
      await createSegment(database, clock, { key, name: key, kind: 'rule', rule, publish: true, author: null });
      await finishRuns(strata);
    },
    write: (facts) => write(strata, { ...NO_FACTS, ...facts }),
    moveTo: async (atMs) => {
      clock.set(atMs);
      let changes = 0;
      for (;;) {
        const report = await evaluateDue(strata, { onFailure: fail });
        changes += report.changes;
        if (report.customers === 0) return changes;
      }
    },
    segmentsOf: async (customerId) => {
      const rows = await database.query<{ key: string }>({
        text: 'select s.key from memberships as m join segments as s on s.id = m.segment_id where m.customer_id = $1::bigint order by s.key',
        values: [customerKey(customerId)],
      });
      return rows.map((row) => row.key);
    },
    publish: async () => {
      await publishChanges(strata);
    },
    drop: async () => {
      await strata.close();
      await drop();
    },
  };
}

export function customer(id: string, fact: Partial<CustomerFact> = {}): CustomerFact {
  return { key: customerKey(id), id, profile: {}, ...fact };
}

export function order(id: string, customerId: string, fact: Partial<OrderFact> = {}): OrderFact {
  return {
    id,
    customerKey: customerKey(customerId),
    customerId,
    status: 'paid',
    channel: 'web',
    currency: 'USD',
    total: '1000000',
    discount: '0',
    coupons: [],
    itemCount: '10000',
    placedAtMs: START_MS,
    exchangeRate: null,
    items: [],
    ...fact,
  };
}
