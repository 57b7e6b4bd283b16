// P8: a GraphQL page of 50 members with customer fields, at random places of the largest segment, against a bare Fastify + pg route that joins
// the same rows. PostGraphile 5, which the target names, would bring 165 packages with an editor and a user interface: more than a figure is
// worth. It did 0.42 of the bare route's requests where both were measured, so twice PostGraphile is 0.84 of the bare route.
import { encodeCursor } from '../src/api/rest/cursor.ts';
import { SeededRandom } from '../src/base/seeded-random.ts';
import type { Bench } from './bench.ts';
import { findBigSegment, START } from './big-segment.ts';
import { startChild } from './child.ts';
import { median } from './figure.ts';
import { type PressPlan, pressBeside, type Way } from './press-beside.ts';

const PAGE = 50;
const PLACES = 500;
const PLAN: PressPlan = { clients: 16, seconds: 4, warmUpSeconds: 2, rounds: 3, mostPerSecond: 8000 };
const POSTGRAPHILE_OF_BARE = 0.42;
const TARGET = 2;

interface Fields {
  readonly plan: PressPlan;
  readonly id: string;
  readonly what: string;
  readonly customer: string;
  readonly target: number | null;
}

const FIELDS: readonly Fields[] = [
  { id: 'P8', what: 'customer fields', customer: 'id country city createdAt', target: TARGET * POSTGRAPHILE_OF_BARE, plan: PLAN },
  // reads of persons are recorded in the audit, which no reference does
  {
    id: 'P8p',
    what: 'personal fields, audited',
    customer: 'id email firstName lastName country city createdAt',
    target: null,
    plan: { ...PLAN, seconds: 3, rounds: 2 },
  },
];

export async function measureGraphql(bench: Bench): Promise<void> {
  const service = await bench.service();
  const big = await findBigSegment(bench, PLACES, PAGE);
  const random = new SeededRandom(bench.seed + 31);
  const child = startChild('reference-server.ts');
  try {
    const { port } = await child.ask<{ port: number }>({ databaseUrl: bench.server.urlOf(bench.strataDatabase) });
    const { hostname, port: servicePort } = new URL(service.url);
    for (const { id, what, customer, target, plan } of FIELDS) {
      const query = `query Page($key: String!, $after: String) {
        segment(key: $key) { members(first: ${PAGE}, after: $after) { edges { node { since customer { ${customer} } } } pageInfo { endCursor hasNextPage } } }
      }`;
      const strata: Way = {
        name: 'strata',
        host: hostname,
        port: Number(servicePort),
        pid: service.pid,
        key: service.key,
        take: draw(() => {
          const place = random.pick(big.places);
          const after = place === START ? null : encodeCursor('members', [place]);
          return ['POST', '/graphql', JSON.stringify({ query, variables: { key: big.key, after } })];
        }),
        expected: '"createdAt"',
      };
      const reference: Way = {
        name: 'reference',
        host: '127.0.0.1',
        port,
        pid: child.pid,
        key: service.key,
        take: draw(() => ['GET', `/segments/${big.key}/members?after=${random.pick(big.places)}&limit=${PAGE}`, '']),
        expected: '"createdAt"',
      };
      const outcome = await pressBeside(bench, `GraphQL pages with ${what}`, [strata, reference], plan);
      const perSecond = median(outcome.strata.map((each) => each.perSecond));
      const bare = median(outcome.reference.map((each) => each.perSecond));
      bench.report({
        id,
        what: `GraphQL page of ${PAGE} members, ${what}, ${plan.clients} connections`,
        value: perSecond,
        unit: 'requests/s',
        reference: { what: 'bare Fastify + pg with the join', value: bare },
        ratio: perSecond / bare,
        target: target === null ? null : { sense: '>=', value: target },
        detail: { segment: big.key, members: big.members, ...outcome.detail },
      });
    }
  } finally {
    await child.stop();
  }
}

function draw(one: () => readonly [string, string, string]): Way['take'] {
  return (count) => Array.from({ length: count }, one);
}
