// Random histories of everything that can happen to a segment, through the real write path and at a clock that is moved: writes and files,
// versions published and rolled back, runs interrupted and cancelled, pauses, pins, moves, a group, erasures, connections cut. After every
// step the memberships are what the naive evaluator says from scratch, nobody is in two segments of the group, and the feed replays to it.
import fc from 'fast-check';
import { afterAll, beforeAll, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { arbitraryHistory } from './history-steps.ts';
import { Play } from './play-history.ts';
import { holdAlways, propertySettings } from './settings.ts';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const settings = propertySettings('histories', 30);

it('keeps memberships right through any history', { timeout: 3_600_000 }, async () => {
  const property = fc.asyncProperty(arbitraryHistory, async (history) => {
    const play = await Play.start(testDatabase, history);
    try {
      await play.take({ kind: 'write', facts: history.first, cutAfter: null });
      await play.take({ kind: 'group', group: history.group });
      for (const step of history.steps) await play.take(step);
    } finally {
      await play.close();
    }
  });
  await holdAlways(property, settings);
});
