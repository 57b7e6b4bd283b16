// The work of the leading process: what fails is started again without anybody asking, and the feed goes on meanwhile.
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { readFeedEnd } from '../../src/changes/read-changes.ts';
import { openStrata } from '../../src/open-strata.ts';
import { write } from '../../src/pipeline.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { createTestDatabase, SECRET_KEY } from '../database.ts';
import { customer } from './strata-under-test.ts';

test('work that fails holds up no other', async () => {
  const { database, drop } = await createTestDatabase();
  await database.query({ text: 'alter table audit_head rename to audit_head_away' });
  const lines = new PassThrough({ encoding: 'utf8' });
  const options = { cluster: 'test', secretKey: SECRET_KEY, timeZone: 'UTC', currency: 'USD', background: true };
  const strata = await openStrata({ database, clock: systemClock, log: pino({ level: 'error' }, lines), ...options });
  try {
    const [line] = (await once(lines, 'data')) as [string];
    expect(JSON.parse(line.split('\n')[0] ?? '')).toMatchObject({ work: 'audit', msg: 'work in the background failed; it is begun again' });
    await createSegment(database, systemClock, { key: 'all', name: 'All', kind: 'rule', rule: 'everyone', publish: true, author: null });
    const grown = new Promise<void>((resolve) => strata.publisher.onGrowth(resolve));
    await write(strata, { customers: [customer('ada')], orders: [], deletedOrderIds: [], events: [] });
    await grown;
    expect(await readFeedEnd(database)).toBe('1');
    const { values } = await strata.meters.failedWork.get();
    expect(values.map(({ labels }) => labels.work)).toEqual(['audit']);
  } finally {
    await strata.close();
    await drop();
  }
});
