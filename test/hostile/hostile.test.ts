// The short form of `npm run test:hostile`: a few hundred requests of every kind.
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { playHostile } from './play-hostile.ts';

const SEED = Number(process.env['SEED'] ?? 20261122);
const REQUESTS = 600;

test('answers everything as documented', { timeout: 300_000 }, async () => {
  const report = await playHostile({ seed: SEED, requests: REQUESTS, lanes: 6, untilMs: systemClock.nowMs() + 30_000, tell: () => {} });
  const { sent, memory } = report;
  console.log(`hostile: SEED=${SEED}, ${sent} requests, ${memory.most} MB at most`);
  expect(report.failures).toEqual([]);
  expect(sent).toBeGreaterThan(50);
  expect(memory.most).toBeLessThan(1024);
});
