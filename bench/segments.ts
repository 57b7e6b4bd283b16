// In charge of the mix of 50 segments that every figure is measured with, drawn from templates by seed: each template gives the words of the
// rule and the same condition in SQL, written as one would by hand. Not of assembling that SQL (by-hand.ts).
import { SeededRandom } from '../src/base/seeded-random.ts';
import { COUNTRIES, TIERS } from './shop.ts';

/** An aggregate over orders, once in each form. */
export interface BenchAggregate {
  readonly text: string;
  readonly function: 'count' | 'sum' | 'last';
  /** names of flags of an order row, all of which must hold */
  readonly flags: readonly Flag[];
}

export interface BenchCondition {
  readonly text: string;
  /** the aggregates it reads, at most one */
  readonly aggregate: BenchAggregate | null;
  /** over `c` (customers) or over `$`, which stands for the aggregate's column; null counts as false */
  readonly sql: string;
}

export interface BenchSegment {
  readonly key: string;
  readonly joiner: 'and' | 'or';
  readonly conditions: readonly BenchCondition[];
  /** segments before this one that it names */
  readonly inside: readonly string[];
  readonly outside: readonly string[];
  readonly rule: string;
}

/** What is asked of one order row: the words inside the aggregate and the SQL over `o`. */
const FLAGS = {
  paid: { where: 'status = "paid"', sql: `o.status = 'paid'` },
  returned: { where: 'status = "returned"', sql: `o.status = 'returned'` },
  web: { where: 'channel = "web"', sql: `o.channel = 'web'` },
  pos: { where: 'channel = "pos"', sql: `o.channel = 'pos'` },
  save10: { where: 'coupons has ("SAVE10")', sql: `o.coupons @> array['SAVE10'] collate "C"` },
  w7: { days: 7, sql: `o.placed_at > now() - interval '7 days'` },
  w30: { days: 30, sql: `o.placed_at > now() - interval '30 days'` },
  w60: { days: 60, sql: `o.placed_at > now() - interval '60 days'` },
  w90: { days: 90, sql: `o.placed_at > now() - interval '90 days'` },
  w180: { days: 180, sql: `o.placed_at > now() - interval '180 days'` },
  w365: { days: 365, sql: `o.placed_at > now() - interval '365 days'` },
} as const;

export type Flag = keyof typeof FLAGS;

export function flagSql(flag: Flag): string {
  return FLAGS[flag].sql;
}

const FILTERS: readonly (readonly Flag[])[] = [[], ['paid'], ['returned'], ['web'], ['pos'], ['save10'], ['paid', 'web']];
const WINDOWS: readonly (Flag | null)[] = [null, 'w7', 'w30', 'w60', 'w90', 'w180', 'w365'];
const WINDOW_DAYS = [7, 30, 60, 90, 180, 365];

const SEGMENTS = 50;
const COUNTS = 20;
const SUMS = 11;
const GROUP = 4;
const NAMING_OTHERS = 5;

/** The same for the same seed; each comes after those it names. */
export function drawSegments(seed: number, count = SEGMENTS): readonly BenchSegment[] {
  const random = new SeededRandom(seed);
  const sizes = Array.from({ length: count }, () =>
    random.weighted([
      [1, 30],
      [2, 45],
      [3, 25],
    ] as const),
  );
  const deck = drawConditions(
    random,
    sizes.reduce<number>((sum, size) => sum + size, 0),
  );
  const keys = sizes.map((_, index) => `mix-${String(index + 1).padStart(2, '0')}`);
  const naming = new Set(random.shuffle(Array.from({ length: 30 }, (_, index) => index + 10)).slice(0, NAMING_OTHERS));
  return sizes.map((size, index) => {
    const inside = naming.has(index) ? [keys[random.integer(0, index - 1)] as string] : [];
    const isGrouped = index >= count - GROUP; // the first in order whose rule holds, expressed as plain rules without a group
    return combine(
      keys[index] as string,
      index % 5 === 4 ? 'or' : 'and',
      deal(deck, size),
      inside,
      isGrouped ? keys.slice(count - GROUP, index) : [],
    );
  });
}

/** Takes the next conditions that ask about different things: nobody writes `country = "US" and country = "GB"`. */
function deal(deck: BenchCondition[], size: number): BenchCondition[] {
  const dealt: BenchCondition[] = [];
  const subjects = new Set<string>();
  for (let index = 0; dealt.length < size && index < deck.length; ) {
    const condition = deck[index] as BenchCondition;
    const subject = condition.aggregate?.text ?? (condition.text.split(' ')[0] as string);
    if (subjects.has(subject)) {
      index += 1;
      continue;
    }
    subjects.add(subject);
    dealt.push(condition);
    deck.splice(index, 1);
  }
  return dealt;
}

function combine(
  key: string,
  joiner: 'and' | 'or',
  conditions: readonly BenchCondition[],
  inside: readonly string[],
  outside: readonly string[],
): BenchSegment {
  const own = conditions.map((condition) => condition.text).join(` ${joiner} `);
  const bracketed = joiner === 'or' && conditions.length > 1 && inside.length + outside.length > 0 ? `(${own})` : own;
  const rule = [bracketed, ...inside.map((name) => `in segment "${name}"`), ...outside.map((name) => `not in segment "${name}"`)].join(
    ' and ',
  );
  return { key, joiner, conditions, inside, outside, rule };
}

/** 30 % profile, 35 % counts, 20 % sums, 15 % recency, shuffled; each aggregate is used before any is used again. */
function drawConditions(random: SeededRandom, total: number): BenchCondition[] {
  const counts = random.shuffle(aggregates('count')).slice(0, COUNTS);
  const sums = random.shuffle(aggregates('sum')).slice(0, SUMS);
  const lasts = [[], ['paid'], ['pos'], ['returned']].map((flags) => aggregate('last', flags as Flag[], null));
  const countTotal = Math.round(total * 0.35);
  const sumTotal = Math.round(total * 0.2);
  const recencyTotal = Math.round(total * 0.15);
  const conditions: BenchCondition[] = [];
  for (let index = 0; index < countTotal; index += 1)
    conditions.push(countCondition(random, counts[index % counts.length] as BenchAggregate));
  for (let index = 0; index < sumTotal; index += 1) conditions.push(sumCondition(random, sums[index % sums.length] as BenchAggregate));
  for (let index = 0; index < recencyTotal; index += 1)
    conditions.push(recencyCondition(random, lasts[index % lasts.length] as BenchAggregate));
  while (conditions.length < total) conditions.push(profileCondition(random));
  return random.shuffle(conditions);
}

function aggregates(name: 'count' | 'sum'): BenchAggregate[] {
  return FILTERS.flatMap((flags) => WINDOWS.map((window) => aggregate(name, flags, window)));
}

function aggregate(name: 'count' | 'sum' | 'last', filter: readonly Flag[], window: Flag | null): BenchAggregate {
  const source = name === 'count' ? 'orders' : name === 'sum' ? 'orders.total' : 'orders.placed_at';
  const words = filter.map((flag) => (FLAGS[flag] as { readonly where: string }).where).join(' and ');
  const days = window === null ? '' : ` in the last ${(FLAGS[window] as { readonly days: number }).days} days`;
  const flags = window === null ? filter : [...filter, window];
  return { text: `${name}(${source}${words === '' ? '' : ` where ${words}`}${days})`, function: name, flags };
}

function countCondition(random: SeededRandom, counted: BenchAggregate): BenchCondition {
  const most = counted.flags.length > 1 ? 3 : 6;
  const [operator, threshold] = random.weighted([
    [['>=', random.integer(1, most)] as const, 70],
    [['=', 0] as const, 20],
    [['<', random.integer(2, most)] as const, 10],
  ]);
  const column = operator === '>=' ? '$' : 'coalesce($, 0)';
  return { text: `${counted.text} ${operator} ${threshold}`, aggregate: counted, sql: `${column} ${operator} ${threshold}` };
}

function sumCondition(random: SeededRandom, summed: BenchAggregate): BenchCondition {
  const threshold = random.integer(1, 20) * 50;
  const isHigh = random.chance(0.8);
  const [operator, column] = isHigh ? ['>=', '$'] : ['<', 'coalesce($, 0)'];
  return { text: `${summed.text} ${operator} ${threshold}`, aggregate: summed, sql: `${column} ${operator} ${threshold}0000` };
}

function recencyCondition(random: SeededRandom, last: BenchAggregate): BenchCondition {
  const days = random.pick(WINDOW_DAYS);
  return random.chance(0.5)
    ? { text: `${last.text} in the last ${days} days`, aggregate: last, sql: `$ > now() - interval '${days} days'` }
    : { text: `${last.text} < ${days} days ago`, aggregate: last, sql: `$ < now() - interval '${days} days'` };
}

function profileCondition(random: SeededRandom): BenchCondition {
  const profile = (text: string, sql: string): BenchCondition => ({ text, aggregate: null, sql });
  const kind = random.weighted([
    ['country', 35],
    ['gender', 20],
    ['age', 20],
    ['tier', 15],
    ['visits', 10],
  ] as const);
  switch (kind) {
    case 'country': {
      const country = random.pick(COUNTRIES)[0];
      return profile(`country = "${country}"`, `c.country = '${country}'`);
    }
    case 'gender': {
      const gender = random.pick(['female', 'male']);
      return profile(`gender = "${gender}"`, `c.gender = '${gender}'`);
    }
    case 'age': {
      const low = random.integer(18, 50);
      const high = low + random.integer(5, 20);
      return profile(
        `age between ${low} and ${high}`,
        `(c.birthday <= current_date - interval '${low} years' and c.birthday > current_date - interval '${high + 1} years')`,
      );
    }
    case 'tier': {
      const tier = random.pick(TIERS.slice(1))[0];
      return profile(`attributes.tier = "${tier}"`, `c.attributes ->> 'tier' = '${tier}'`);
    }
    case 'visits': {
      const visits = random.integer(5, 35);
      return profile(`attributes.visits >= ${visits}`, `(c.attributes ->> 'visits')::numeric >= ${visits}`);
    }
  }
}
