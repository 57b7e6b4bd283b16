// In charge of whether a statement may be sent to Citus: the rules for tables distributed as in migrations/distribute.sql, as far as they show
// in a text. Breaking one gives an error there at best and a wrong answer at worst. Not of statements of tests themselves.

/** Distributed by customer, but for the owners of orders; the column that says where a row lies. */
export const DISTRIBUTED: Readonly<Record<string, string>> = {
  customers: 'id',
  orders: 'customer_id',
  order_items: 'customer_id',
  events: 'customer_id',
  memberships: 'customer_id',
  rechecks: 'customer_id',
  pending: 'customer_id',
  outbox: 'customer_id',
  pins: 'customer_id',
  pin_log: 'customer_id',
  order_owners: 'order_id',
};

/** A copy of them is everywhere. */
export const REFERENCE: ReadonlySet<string> = new Set(['segments', 'segment_versions', 'segment_groups', 'segment_group_versions']);

const NAMES = Object.keys(DISTRIBUTED).join('|');
const USES = new RegExp(
  `\\b(?:from|join|into|update|using|truncate|,)\\s+(?:only\\s+)?(?:${NAMES})\\b(?!\\s*\\()|(?:^|\\s)(?:${NAMES}) as \\w+`,
);

/** Of given customers or orders alone: as little as they are, it may be fetched. */
const NARROW = /\b(?:customer_id|order_id|id) = (?:any ?\(|\$)/;

interface Rule {
  readonly says: string;
  readonly isBrokenBy: (text: string) => boolean;
}

const RULES: readonly Rule[] = [
  {
    says: 'changes rows in a part of a statement',
    isBrokenBy: (text) => /\bas (?:not )?(?:materialized )?\( ?(?:insert|update|delete|merge)\b/.test(text),
  },
  {
    says: 'asks the session for its time or settings',
    isBrokenBy: (text) =>
      /\bnow\(\)|\bcurrent_(?:timestamp|date|time|setting)\b|\blocaltime(?:stamp)?\b|\b(?:statement|transaction)_timestamp\(/.test(text),
  },
  { says: 'uses the place of a row', isBrokenBy: (text) => /\b(?:ctid|xmin|xmax|tableoid)\b/.test(text) },
  {
    says: 'fixes a part that reads customers',
    isBrokenBy: (text) => parts(text).some(({ isFixed, body }) => isFixed && USES.test(body) && !NARROW.test(body)),
  },
  {
    says: 'uses a part twice that reads customers',
    isBrokenBy: (text) =>
      parts(text).some(({ name, isFixed, body }) => USES.test(body) && countUses(text, name) > 1 && !(isFixed && NARROW.test(body))),
  },
  {
    says: 'joins given customers with what may lie elsewhere',
    isBrokenBy: (text) => GIVEN.test(text) && /\b(\w+)\.customer_id = (?:c\.id|e\.customer_id)\b(?! and \1\.customer_id = any)/.test(text),
  },
  { says: 'fences rows of many places', isBrokenBy: (text) => !GIVEN.test(text) && fences(text).some((fenced) => USES.test(fenced)) },
  { says: 'locks rows that it reads', isBrokenBy: (text) => /\bfor (?:no key )?(?:update|share)\b|\bskip locked\b/.test(text) },
  { says: 'sets something volatile', isBrokenBy: (text) => VOLATILE.test(setOf(text)) },
  { says: 'moves a row to another place', isBrokenBy: (text) => movesRow(text) },
];

/** Emitted SQL about customers given by their keys, who are of one place then (src/db/citus.ts, `byPlace`). */
const GIVEN = /\bc\.id = any ?\(\$\d+::bigint\[\]\)/;

const VOLATILE = /\b(?:clock_timestamp|random|nextval|gen_random_uuid|uuidv7|timeofday)\(/;

/** What it breaks, in words; none where it does not touch what is distributed. */
export function judgeStatement(statement: string): string[] {
  const text = normalize(statement);
  return USES.test(text) ? RULES.filter((rule) => rule.isBrokenBy(text)).map((rule) => rule.says) : [];
}

/** Without comments and literals, in one line. */
function normalize(statement: string): string {
  return statement
    .replace(/'(?:[^']|'')*'/g, "''")
    .replace(/--[^\n]*/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/\( /g, '(')
    .trim()
    .toLowerCase();
}

/** What stands in parentheses before `offset 0`. */
function fences(text: string): string[] {
  return [...text.matchAll(/\(select\b/g)]
    .map(({ index }) => text.slice(index, closing(text, index + 1)))
    .filter((body) => body.endsWith(' offset 0'));
}

interface Part {
  readonly name: string;
  readonly isFixed: boolean;
  readonly body: string;
}

/** The parts of a `with`. */
function parts(text: string): Part[] {
  return [...text.matchAll(/\b(\w+) as (not materialized |materialized )?\((?=select|with|insert|update|delete|values)/g)].map((match) => ({
    name: match[1] ?? '',
    isFixed: match[2] === 'materialized ',
    body: text.slice(match.index, closing(text, match.index + match[0].length)),
  }));
}

/** Where the parenthesis closes that opened before. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    else if (text[at] === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return text.length;
}

function countUses(text: string, name: string): number {
  return [...text.matchAll(new RegExp(`(?:\\bfrom|\\bjoin|,) ${name}\\b(?!\\.| as (?:not |materialized |\\())`, 'g'))].length;
}

/** What an update of distributed rows sets. */
function setOf(text: string): string {
  const update = new RegExp(`^update (?:${NAMES})\\b.*?\\bset (.*?)(?: from | where | returning |$)`).exec(text);
  const upsert = new RegExp(`\\binsert into (?:${NAMES})\\b.*\\bdo update set (.*?)(?: where | returning |$)`).exec(text);
  return `${update?.[1] ?? ''} ${upsert?.[1] ?? ''}`;
}

function movesRow(text: string): boolean {
  const target = /^(?:with .*? )?(?:update|insert into) (\w+)\b/.exec(text)?.[1] ?? '';
  const key = DISTRIBUTED[target];
  return key !== undefined && new RegExp(`(?:^|, )${key} =`).test(setOf(text).trim());
}
