// In charge of `npm run test:hostile`: hostile sessions by seed, and the counts at the end. --requests (for each seed), --seed (several,
// separated by commas), --lanes, --minutes (for each seed); --streams N: a crowd of N streams instead. Ends non-zero if anything failed.
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { playCrowd } from './play-crowd.ts';
import { playHostile } from './play-hostile.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '20261122' },
    requests: { type: 'string', default: '100000' },
    lanes: { type: 'string', default: '8' },
    minutes: { type: 'string', default: '60' },
    streams: { type: 'string', default: '0' },
  },
});

let failed = 0;
const streams = Number(values.streams);
if (streams > 0) {
  const { short, refused, socketsClosed, memory } = await playCrowd({
    streams,
    sockets: 500,
    changes: 20,
    tell: (line) => console.log(line),
  });
  console.log(
    `${short} streams did not get everything, ${refused} requests of others failed, ${socketsClosed} of 500 websockets were closed`,
  );
  console.log(`memory of the service: ${memory.join(', ')} MB (before, with all, after the changes, when all had gone)`);
  failed += short + refused;
}
for (const seed of streams > 0 ? [] : values.seed.split(',').map(Number)) {
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
