// P12: the report of a segment and its parts, and reports over several segments, one at a time: wall time and processor time of Postgres.
import { systemClock } from '../src/base/clock.ts';
import type { Bench } from './bench.ts';
import { median } from './figure.ts';
import { processSeconds } from './processes.ts';
import type { Service } from './service.ts';

const ROUNDS = 3;
const REPORT_S = 1;

interface Timed {
  readonly seconds: number;
  readonly postgres: number;
  readonly service: number;
}

export async function measureReports(bench: Bench): Promise<void> {
  const service = await bench.service();
  const { data } = (await service.call('GET', '/v1/segments?limit=1000')) as { data: { key: string; memberCount: number }[] };
  const bySize = data.filter(({ memberCount }) => memberCount > 0).sort((a, b) => a.memberCount - b.memberCount);
  const middle = bySize[bySize.length >> 1];
  if (middle === undefined) throw new Error('no segment has members');
  const names = bySize.map(({ key }) => key);
  const from = new Date(systemClock.nowMs() - 1000).toISOString();
  const whole = await time(bench, service, `/v1/segments/${middle.key}/report?by=gender,age,country,city,language,source,attributes.tier`);
  bench.report({
    id: 'P12',
    what: `report of a segment of ${middle.memberCount} members, all parts`,
    value: whole.seconds,
    unit: 's',
    reference: null,
    ratio: null,
    target: { sense: '<=', value: REPORT_S },
    detail: { postgres: whole.postgres, service: whole.service },
  });
  const paths: Readonly<Record<string, string>> = {
    ...Object.fromEntries(
      ['mix', 'profile', 'value', 'goods', 'engagement'].map((part) => [part, `/v1/segments/${middle.key}/report?parts=${part}`]),
    ),
    'value of a year': `/v1/segments/${middle.key}/report?parts=value&days=365`,
    'goods of two years': `/v1/segments/${middle.key}/report?parts=goods&days=730`,
    overlap: `/v1/reports/overlap?segments=${names.slice(-20).join(',')}`,
    comparison: `/v1/reports/comparison?segments=${names.slice(-10).join(',')}`,
    flows: `/v1/reports/flows?segments=${names.slice(-10).join(',')}&from=${from}`,
    sizes: `/v1/reports/sizes?segments=${names.join(',')}`,
  };
  for (const [what, path] of Object.entries(paths)) {
    const { seconds, postgres, service: own } = await time(bench, service, path);
    const detail = { postgres, service: own };
    bench.report({
      id: `P12-${what.replaceAll(' ', '-')}`,
      what,
      value: seconds,
      unit: 's',
      reference: null,
      ratio: null,
      target: null,
      detail,
    });
  }
}

async function time({ server }: Bench, service: Service, path: string): Promise<Timed> {
  await service.call('GET', path);
  const rounds: Timed[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = { postgres: server.cpuSeconds(), service: processSeconds(service.pid), at: performance.now() };
    await service.call('GET', path);
    rounds.push({
      seconds: (performance.now() - before.at) / 1000,
      postgres: server.cpuSeconds() - before.postgres,
      service: processSeconds(service.pid) - before.service,
    });
  }
  const of = (what: keyof Timed) => median(rounds.map((each) => each[what]));
  return { seconds: of('seconds'), postgres: of('postgres'), service: of('service') };
}
