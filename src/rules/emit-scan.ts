// In charge of reading a source's rows once for all aggregates over it: flags and values once per row in a fenced subquery, aggregates over
// them. A statement's target list may have at most 1,664 entries, so a scan is divided into parts (each reads the rows again) long before that.
import { type SQL, sql } from 'drizzle-orm';
import { assert } from '../base/assert.ts';
import { formatInstant } from '../base/calendar.ts';
import { TIME_COLUMN } from '../catalog/catalog.ts';
import { edgeInstant, fragmentKey, type Parameters } from './emit-parameters.ts';
import type { Edge } from './plan.ts';

export type SourceKind = 'orders' | 'items' | 'events';
/**
 * Which customers: those of a list, each looked up separately (`ids`); those of a long list, with their rows read in one pass (`crowd`), so that
 * pages that hold rows of several of them are visited once; or those of a range of keys.
 */
export type Narrowing = 'ids' | 'crowd' | 'range';

const PART_AGGREGATES = 500;
const PART_COLUMNS = 1_000;
export const TABLES: Readonly<Record<SourceKind, string>> = { orders: 'orders', items: 'order_items', events: 'events' };

export interface Scan {
  readonly source: SourceKind;
  /** Adds an aggregate over row columns, unless the same one is there already; returns a reference to it. */
  aggregate(columns: readonly SQL[], build: (columns: readonly SQL[]) => SQL): SQL;
  /**
   * The same for a number that is 0 where no row counts. Given customers each have their row, so the 0 is said there once and not in every
   * condition that asks (a sixth of the steps of 500 segments); in a range, a customer without rows has no row here.
   */
  total(columns: readonly SQL[], build: (columns: readonly SQL[]) => SQL): SQL;
  /** The same for a number that is 0 anyway over no rows. */
  count(columns: readonly SQL[], build: (columns: readonly SQL[]) => SQL): SQL;
  /** Says from which edge on rows are needed; null: all rows are needed. */
  reads(lower: Edge | null): void;
  /** What joins the customers `c`. */
  joins(): SQL[];
}

interface Part {
  readonly alias: string;
  readonly columns: Map<string, { readonly name: string; readonly sql: SQL }>;
  readonly aggregates: { readonly name: string; readonly sql: SQL }[];
}

/** `events`: the names to read, filled while rules are compiled; null: all names. */
export function createScan(
  alias: string,
  source: SourceKind,
  events: ReadonlySet<string> | null,
  narrowing: Narrowing,
  parameters: Parameters,
): Scan {
  const parts: Part[] = [];
  const known = new Map<string, SQL>();
  const lowerEdges = new Map<string, Edge>();
  let all = false;
  const time = sql`s.${sql.identifier(TIME_COLUMN[source])}`;

  const openPart = (columns: number): Part => {
    const last = parts.at(-1);
    if (last !== undefined && last.aggregates.length < PART_AGGREGATES && last.columns.size + columns <= PART_COLUMNS) return last;
    const part: Part = { alias: `${alias}${parts.length + 1}`, columns: new Map(), aggregates: [] };
    parts.push(part);
    return part;
  };

  const narrowed = (): SQL => {
    const customer = sql`s.customer_id`;
    const conditions = [narrowing === 'ids' ? sql`${customer} = c.id` : narrow(customer, narrowing, parameters)];
    if (events !== null) conditions.push(sql`s.name = any(${parameters.constant('text[]', [...events])})`);
    if (!all && lowerEdges.size > 0) conditions.push(sql`${time} >= ${leastEdge([...lowerEdges.values()], parameters)}`);
    return sql.join(conditions, sql.raw(' and '));
  };

  const joinPart = (part: Part): SQL => {
    const columns = [...part.columns.values()].map(({ name, sql: column }) => sql`${column} as ${sql.raw(name)}`);
    const aggregates = part.aggregates.map(({ name, sql: aggregate }) => sql`${aggregate} as ${sql.raw(name)}`);
    const table = sql`${sql.raw(TABLES[source])} as s`;
    const partAlias = sql.raw(part.alias);
    if (narrowing === 'ids') {
      // one index look-up per customer: a generic plan does not know the number of ids and would join grouped rows in loops
      return sql`cross join lateral (select ${list(aggregates)} from (select ${list(columns)} from ${table} where ${narrowed()} offset 0) as r) as ${partAlias}`;
    }
    return sql`left join (select r.customer_id, ${list(aggregates)} from (select s.customer_id, ${list(columns)} from ${table} where ${narrowed()} offset 0) as r group by r.customer_id) as ${partAlias} on ${partAlias}.customer_id = c.id`;
  };

  const aggregate: Scan['aggregate'] = (columns, build) => {
    const key = fragmentKey(build(columns));
    const existing = known.get(key);
    if (existing !== undefined) return existing;
    const part = openPart(columns.length);
    const references = columns.map((column) => columnOf(part, column));
    const name = `g${known.size + 1}`;
    part.aggregates.push({ name, sql: build(references) });
    const reference = sql.raw(`${part.alias}.${name}`);
    known.set(key, reference);
    return reference;
  };

  return {
    source,
    aggregate,
    total: (columns, build) =>
      narrowing === 'ids'
        ? aggregate(columns, (references) => sql`coalesce(${build(references)}, 0)`)
        : sql`coalesce(${aggregate(columns, build)}, 0)`,
    count: (columns, build) => (narrowing === 'ids' ? aggregate(columns, build) : sql`coalesce(${aggregate(columns, build)}, 0)`),
    reads: (lower) => {
      if (lower === null) all = true;
      else lowerEdges.set(lower.name, lower);
    },
    joins: () => parts.map(joinPart),
  };
}

/** The instant of the least edge; there is at least one. */
export function leastEdge(edges: readonly Edge[], parameters: Parameters): SQL {
  const [only, ...others] = edges;
  if (only !== undefined && others.length === 0) return edgeInstant(parameters, only);
  return parameters.bound('timestamptz', `least of ${edges.map((edge) => edge.name).join(', ')}`, (input) =>
    formatInstant(Math.min(...edges.map((edge) => edge.atMs(input)))),
  );
}

function columnOf(part: Part, column: SQL): SQL {
  const key = fragmentKey(column);
  let entry = part.columns.get(key);
  if (entry === undefined) {
    entry = { name: `x${part.columns.size + 1}`, sql: column };
    part.columns.set(key, entry);
  }
  return sql.raw(`r.${entry.name}`);
}

export function list(fragments: readonly SQL[]): SQL {
  return sql.join([...fragments], sql.raw(', '));
}

export function narrow(column: SQL, narrowing: Narrowing, parameters: Parameters): SQL {
  return narrowing === 'range' ? narrowRange(column, parameters) : narrowIds(column, parameters);
}

export function narrowIds(column: SQL, parameters: Parameters): SQL {
  const ids = parameters.bound('bigint[]', 'ids', ({ customers }) => {
    assert('keys' in customers, 'this evaluation was emitted for ids');
    return customers.keys;
  });
  return sql`${column} = any(${ids})`;
}

function narrowRange(column: SQL, parameters: Parameters): SQL {
  const after = parameters.bound('bigint', 'after', ({ customers }) => {
    assert('afterKey' in customers, 'this evaluation was emitted for a range');
    return customers.afterKey;
  });
  const through = parameters.bound('bigint', 'through', ({ customers }) => {
    assert('afterKey' in customers, 'this evaluation was emitted for a range');
    return customers.throughKey;
  });
  return sql`${column} > ${after} and ${column} <= ${through}`;
}
