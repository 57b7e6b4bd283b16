// In charge of pressing the service and its reference in turn, each alone on the machine, with the same client; and of what each request costs.
import type { Bench } from './bench.ts';
import { median } from './figure.ts';
import type { LoadOrder, LoadOutcome } from './load-client.ts';
import { pressService } from './press.ts';
import { processSeconds } from './processes.ts';

export interface Way {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly key: string;
  take(count: number): LoadOrder['requests'];
  /** a text that a right answer contains */
  readonly expected: string;
}

export interface PressPlan {
  readonly clients: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly mostPerSecond: number;
}

export interface Pressed extends LoadOutcome {
  readonly postgresSeconds: number;
  readonly serverSeconds: number;
}

export interface Beside {
  readonly strata: readonly Pressed[];
  readonly reference: readonly Pressed[];
  readonly detail: Readonly<Record<string, unknown>>;
}

export async function pressBeside(bench: Bench, what: string, [strata, reference]: readonly [Way, Way], plan: PressPlan): Promise<Beside> {
  bench.say(`${what}: warming up`);
  for (const way of [strata, reference]) await press(bench, way, plan, plan.warmUpSeconds);
  const outcomes = { strata: [] as Pressed[], reference: [] as Pressed[] };
  for (let round = 1; round <= plan.rounds; round += 1) {
    bench.say(`${what}: round ${round} of ${plan.rounds}`);
    outcomes.strata.push(await press(bench, strata, plan, plan.seconds));
    outcomes.reference.push(await press(bench, reference, plan, plan.seconds));
  }
  const told = (of: readonly Pressed[]) => ({
    perRequestCpuMs: perRequestCpuMs(of),
    rounds: of.map(({ sample, firstRefusal, ...rest }) => rest),
  });
  return { ...outcomes, detail: { strata: told(outcomes.strata), reference: told(outcomes.reference) } };
}

async function press({ server }: Bench, way: Way, plan: PressPlan, seconds: number): Promise<Pressed> {
  const requests = way.take(plan.mostPerSecond * seconds);
  const before = [server.cpuSeconds(), processSeconds(way.pid)] as const;
  const outcome = await pressService({ host: way.host, port: way.port, key: way.key, clients: plan.clients, seconds, requests });
  if (!outcome.sample.includes(way.expected)) throw new Error(`${way.name} answered ${outcome.sample.slice(0, 1000)}`);
  return {
    ...outcome,
    postgresSeconds: Number((server.cpuSeconds() - before[0]).toFixed(2)),
    serverSeconds: Number((processSeconds(way.pid) - before[1]).toFixed(2)),
  };
}

function perRequestCpuMs(outcomes: readonly Pressed[]): Readonly<Record<'postgres' | 'server' | 'client', number>> {
  const per = (of: (each: Pressed) => number) => Number(median(outcomes.map((each) => (of(each) * 1000) / each.answered)).toFixed(4));
  return {
    postgres: per((each) => each.postgresSeconds),
    server: per((each) => each.serverSeconds),
    client: per((each) => each.clientSeconds),
  };
}
