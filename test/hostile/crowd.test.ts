// The short form of `npm run test:hostile -- --streams 5000`.
import { expect, test } from 'vitest';
import { playCrowd } from './play-crowd.ts';

test('a crowd is served, and bounded', { timeout: 300_000 }, async () => {
  const { short, refused, socketsClosed, memory } = await playCrowd({ streams: 300, sockets: 150, changes: 10, tell: () => {} });
  expect({ short, refused }).toEqual({ short: 0, refused: 0 });
  expect(socketsClosed).toBeGreaterThanOrEqual(50); // a key has a hundred
  expect(Math.max(...memory)).toBeLessThan(1024);
});
