// In charge of `npm run test:faults`: faults at random moments under a mixed load, checked after each, and the counts at the end. --seed,
// --rounds, --minutes, --faults (parts of names, separated by commas), --recovery-seconds; ends non-zero if anything was violated.
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { FAULTS } from './faults.ts';
import { playFaults } from './play-faults.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '20261121' },
    rounds: { type: 'string', default: String(2 * FAULTS.length) },
    minutes: { type: 'string', default: '20' },
    faults: { type: 'string', default: '' },
    'recovery-seconds': { type: 'string', default: '10' },
  },
});
const wanted = values.faults.split(',');
const faults = FAULTS.filter((fault) => wanted.some((part) => fault.name.includes(part)));
if (faults.length === 0) throw new Error(`no fault is called so; there are: ${FAULTS.map((fault) => fault.name).join(', ')}`);
const begunMs = systemClock.nowMs();
const report = await playFaults({
  seed: Number(values.seed),
  faults,
  rounds: Number(values.rounds),
  recoveryMs: Number(values['recovery-seconds']) * 1000,
  untilMs: begunMs + Number(values.minutes) * 60_000,
  tell: (line) => console.log(line),
});
for (const line of report.skipped) console.log(`skipped: ${line}`);
console.log(
  `seed ${values.seed}: ${report.faults} faults injected, ${report.acknowledged} writes acknowledged (${report.refused} refused, ${report.unanswered} without an answer), ${report.reads} reads, ${report.changes} changes, ${report.messages} webhook messages; slowest recovery ${report.slowestRecoveryMs} ms; violations ${report.violations.length}; ${Math.round((systemClock.nowMs() - begunMs) / 1000)} s`,
);
process.exitCode = report.violations.length > 0 ? 1 : 0;
