// In charge of what is different on Citus: finding out whether a database is one, distributing its tables (migrations/distribute.sql), and
// putting statements into a form that it accepts. None of this does anything on plain Postgres. Which statements may be sent to it:
// test/running/judge-statement.ts.
import fs from 'node:fs/promises';
import path from 'node:path';

const STEP = 'distribute.sql';

/** Whatever can be queried: a pool or a connection. */
interface Askable {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: Record<string, unknown>[] }>;
}

/**
 * The first statement of a session: Citus refuses generic plans for statements that go to several shards, so on Citus Postgres chooses, as is
 * its default.
 */
export const LET_CITUS_PLAN = `select set_config('plan_cache_mode', 'auto', false) from pg_extension as e where e.extname = 'citus'`;

const known = new WeakMap<Askable, boolean>();
/**
 * By URL: what the first connection found out. The very first statements of a process, those of the migrations, come before anything depends on
 * it.
 */
const knownOfUrl = new Map<string, boolean>();

/** Finds out for a pool, and for each of its connections as it is made, so that no batch has to ask before it is sent. */
export function learnWhetherCitus(pool: Askable & { on(event: 'connect', heard: (client: Askable) => void): unknown }, url: string): void {
  const before = knownOfUrl.get(url);
  if (before !== undefined) known.set(pool, before);
  pool.on('connect', (client) => {
    const toldBefore = knownOfUrl.get(url);
    if (toldBefore !== undefined) known.set(client, toldBefore);
    const told = client.query(LET_CITUS_PLAN).then(({ rows }) => {
      for (const each of [pool, client]) known.set(each, rows.length > 0);
      knownOfUrl.set(url, rows.length > 0);
    });
    told.catch(() => {}); // a broken connection is reported anyway
  });
}

/** Each database or connection is asked once. */
export async function isCitus(asked: Askable): Promise<boolean> {
  const before = known.get(asked);
  if (before !== undefined) return before;
  const { rows } = await asked.query(`select exists (select from pg_extension as e where e.extname = 'citus') as is_citus`);
  const answer = rows[0]?.['is_citus'] === true;
  known.set(asked, answer);
  return answer;
}

/** Also false if it has not been asked yet. */
export function isKnownCitus(asked: Askable): boolean {
  return known.get(asked) === true;
}

/** What is known without waiting, for statements that are part of a batch; undefined: it has not been asked yet. */
export function knownCitus(asked: Askable): boolean | undefined {
  return known.get(asked);
}

/** Whether a file of the folder is a migration; the only other file is the step for Citus. */
export function isMigration(name: string): boolean {
  return name !== STEP;
}

/** Distributes the tables that are not distributed yet. A folder without such a step has nothing to distribute. */
export async function distribute(client: Askable, folder: string): Promise<void> {
  const text = await fs.readFile(path.join(folder, STEP), 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text !== null) await client.query(text);
}

/**
 * Customers' keys grouped by the place (shard) in which they are, so that one place is asked after the other: a statement about one place is
 * sent there unchanged, whatever it says, while one about several must be of a kind that Citus can split up.
 */
export async function byPlace<Key extends string>(asked: Askable, keys: readonly Key[]): Promise<readonly (readonly Key[])[]> {
  if (keys.length <= 1 || !(await isCitus(asked))) return [keys];
  const { rows } = await asked.query(
    `select array_agg(u.id::text) as keys
     from unnest($1::bigint[]) as u (id)
     group by get_shard_id_for_distribution_column('customers', u.id)`,
    [keys],
  );
  return rows.map((row) => row['keys'] as Key[]);
}

/**
 * Narrows what is joined with the customers `c`, who are given by keys, to the same keys: only then does Citus see that all of it is in one
 * place. Plain Postgres would only have more to compare.
 */
export function narrowToPlace(text: string): string {
  const keys = /\bc\.id = any ?\((\$\d+::bigint\[\])\)/.exec(text)?.[1];
  if (keys === undefined) return text;
  return text.replaceAll(/\b(\w+)\.customer_id = (?:c\.id|e\.customer_id)(?! and \1\.customer_id = any)/g, (join, alias) => {
    return `${join} and ${alias}.customer_id = any(${keys})`;
  });
}

/** Rows taken from a table, or from something that the other rows name: its name, and SQL. */
export type Taken = readonly [name: string, rows: string];

/**
 * The text with these rows taken beforehand, each set under the name of its table, which it hides. Citus cannot join rows of many places, row by
 * row, with rows on the coordinator; it can join what was taken beforehand, since that is on the coordinator too.
 */
export function withTaken(text: string, taken: readonly Taken[]): string {
  const parts = taken.map(([name, rows]) => `${name} as materialized (${rows})`).join(', ');
  return /^\s*with\s/.test(text) ? text.replace(/^\s*with\s/, () => `with ${parts}, `) : `with ${parts} ${text}`;
}

/** All rows that these tables hold about one customer, whose key is the parameter. */
export function ofCustomer(parameter: string, tables: readonly string[]): readonly Taken[] {
  return tables.map((table) => [
    table,
    `select t.* from ${table} as t where t.${table === 'customers' ? 'id' : 'customer_id'} = ${parameter}::bigint`,
  ]);
}

/** Emitted SQL about given customers or a range of them, in the form that this database accepts. */
export async function fitTo(asked: Askable, text: string): Promise<string> {
  return (await isCitus(asked)) ? withoutFencesOfMany(narrowToPlace(text)) : text;
}

function withoutFencesOfMany(text: string): string {
  return /\bc\.id = any ?\(\$/.test(text) ? text : withoutFences(text);
}

/** For many places: because of the fences, which only make Postgres plan better, Citus would fetch every row inside them. */
function withoutFences(text: string): string {
  return text.replaceAll(/\s+offset 0(?=\s*(?:\)|$))/g, '');
}
