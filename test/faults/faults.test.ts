// The short form of `npm run test:faults`: one round of the faults that a week in production brings.
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { FAULTS } from './faults.ts';
import { playFaults } from './play-faults.ts';

const SEED = Number(process.env['SEED'] ?? 20261121);
const NAMES = ['connections cut', 'serialization failures', 'Postgres killed', 'one of two services killed'];

it('loses nothing to any fault', { timeout: 600_000 }, async () => {
  const lines: string[] = [];
  const report = await playFaults({
    seed: SEED,
    faults: FAULTS.filter(({ name }) => NAMES.includes(name)),
    rounds: NAMES.length,
    recoveryMs: 60_000, // a busy machine's; the long form says ten seconds
    untilMs: systemClock.nowMs() + 480_000,
    tell: (line) => lines.push(line),
  });
  console.log(`faults: SEED=${SEED}, ${report.faults} injected, ${report.acknowledged} writes acknowledged`);
  expect(report.violations, lines.join('\n')).toEqual([]);
  expect(report.faults).toBe(NAMES.length);
  expect(report.acknowledged).toBeGreaterThan(20);
});
