// In charge of `npm run test:hostile`: hostile sessions by seed, and the counts at the end. --requests (of each seed), --seed (several with commas
// between), --lanes, --minutes (of each seed); ends non-zero where anything failed.
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { playHostile } from './play-hostile.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '20261122' },
    requests: { type: 'string', default: '100000' },
    lanes: { type: 'string', default: '8' },
    minutes: { type: 'string', default: '60' },
  },
});

let failed = 0;
for (const seed of values.seed.split(',').map(Number)) {
  const begunMs = systemClock.nowMs();
  const report = await playHostile({
    seed,
    requests: Number(values.requests),
    lanes: Number(values.lanes),
    untilMs: begunMs + Number(values.minutes) * 60_000,
    tell: (line) => console.log(line),
  });
  const { sent, kinds, statuses, failures, neverAccepted, memory } = report;
  console.log(`seed ${seed}: ${sent} requests in ${Math.round((systemClock.nowMs() - begunMs) / 1000)} s, ${failures.length} failures`);
  console.log(`  by kind ${JSON.stringify(kinds)}`);
  console.log(`  answers ${JSON.stringify(statuses)}`);
  console.log(`  memory of the service ${memory.first} MB set up, ${memory.most} MB at most, ${memory.last} MB at the end`);
  if (neverAccepted.length > 0) console.log(`  never accepted: ${neverAccepted.join(', ')}`);
  failed += failures.length;
}
process.exitCode = failed > 0 ? 1 : 0;
