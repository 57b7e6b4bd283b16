// In charge of the questions that a shop asks at every page view: which segments is this customer in, and are these customers in those
// segments? They are gathered, so that what arrives together is one statement, on connections of their own, which no export can occupy. Whoever
// is late is evaluated first. Postgres itself makes the answer's JSON, so that no objects are built here only to be printed.
import { Gatherer } from '../base/gatherer.ts';
import { fixedIso } from '../db/as-of.ts';
import { byPlace, fitTo } from '../db/citus.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { isUnreachable } from '../db/unreachable.ts';
import { customerKey } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { readEpoch } from '../segments/definitions.ts';
import { evaluateEmpty } from './empty-profile.ts';
import type { Deciding } from './in-decision.ts';
import { isLate } from './is-late.ts';
import { lookAgain } from './look-again.ts';
import { GROUP_NOW } from './membership-source.ts';

/** What to answer for an unknown customer: nothing, or what would hold for somebody of whom nothing is known. */
export type Unknown = 'empty' | '404';

/**
 * Statements at a time, and for how many customers each at least. With two, each for all who had asked meanwhile, this process and Postgres waited
 * for each other, and 1.34 of two processors were busy (64 connections) or 1.38 (16); with these three 1.58 and 1.61. Four were no faster.
 * 1 M customers, 23 November 2026.
 */
const LANES = 3;
const LEAST = 4;
const TOGETHER = 250;
const LOOKS_TOGETHER = 200;
/** Reads share nothing that one could wait for another to release. */
const APART = { keysOf: () => [], isNobodysFault: isUnreachable };

interface SegmentsRow {
  id: CustomerKey;
  external_id: string;
  is_late: boolean;
  json: string;
}

interface Found {
  readonly customerId: string;
  readonly isLate: boolean;
  /** `{"customerId":…,"segments":[{"key","name","group","since","source"}]}` */
  readonly json: string;
}

interface ReadMemberships {
  readonly found: Found | null;
  readonly epoch: string;
}

/** Each read is one statement. `s.has_pins` spares most rows the search for a pin; groups are few and listed once. */
const READ_SEGMENTS = `
  with clock as materialized (
    select coalesce($2::timestamptz, clock_timestamp()) as at
  ), grouped as materialized (
    select u.segment_id, g.key
    from segment_groups as g
    join segment_group_versions as v on v.group_id = g.id and v.number = g.version
    cross join lateral unnest(v.segment_ids || v.otherwise_id) as u (segment_id)
    where g.deleted_at is null
  )
  select c.id, c.external_id,
    ${isLate('c.id', '(select k.at from clock as k)')} as is_late,
    '{"customerId":' || to_json(c.external_id)::text || ',"segments":[' || coalesce((
      select string_agg(
        '{"key":"' || s.key || '","name":' || to_json(s.name)::text
        || ',"group":' || coalesce('"' || (select g.key from grouped as g where g.segment_id = s.id limit 1) || '"', 'null')
        || ',"since":"' || to_char(m.since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        || '","source":"' || case
          when not s.has_pins or not exists (
            select from pins as p
            where p.customer_id = c.id and p.segment_id = s.id and p.include and (p.until is null or p.until > (select k.at from clock as k))
          ) then 'rule'
          when s.kind = 'manual' then 'manual'
          else 'pin'
        end || '"}', ',' order by s.key
      )
      from memberships as m
      join segments as s on s.id = m.segment_id
      where m.customer_id = c.id
    ), '') || ']}' as json
  from customers as c
  where c.id = any($1::bigint[])`;

interface Source {
  readonly database: Database;
  readonly memberships: Gatherer<CustomerKey, ReadMemberships>;
}

export interface StorefrontOptions {
  readonly deciding: Deciding;
  /** there may be changes in the outbox */
  onChanges(): void;
}

export class StorefrontReads {
  readonly #deciding: Deciding;
  /** by URL: of the primary, and of a replica when it is asked first */
  readonly #sources = new Map<string, Source>();
  readonly #looks: Gatherer<CustomerKey, void>;
  readonly #empties: Gatherer<{ readonly id: string; readonly epoch: string }, string>;

  constructor({ deciding, onChanges }: StorefrontOptions) {
    this.#deciding = deciding;
    this.#looks = new Gatherer({
      ...APART,
      limit: LOOKS_TOGETHER,
      lanes: 1,
      run: async (keys) => {
        if ((await lookAgain(deciding, { keys: [...new Set(keys)], cause: 'time' })) > 0) onChanges();
        return keys.map(() => undefined);
      },
    });
    this.#empties = new Gatherer({ ...APART, limit: TOGETHER, lanes: 1, run: (unknown) => this.#imagine(unknown) });
  }

  /** The answer's JSON, for a known customer or, where that is asked for, an unknown one; null: there is no such customer. */
  async segmentsOf(reads: Database, customerId: string, unknown: Unknown): Promise<string | null> {
    const key = customerKey(customerId);
    const first = this.#sourceOf(reads);
    let { found, epoch } = await first.memberships.add(key);
    if (found?.isLate === true) {
      const primary = this.#sourceOf(this.#deciding.database);
      if (first !== primary) ({ found, epoch } = await primary.memberships.add(key)); // whoever has been looked at there is no longer late
      if (found?.isLate === true) {
        await this.#looks.add(key);
        ({ found, epoch } = await primary.memberships.add(key));
      }
    }
    if (found !== null && found.customerId === customerId) return found.json;
    return unknown === 'empty' ? this.#empties.add({ id: customerId, epoch }) : null;
  }

  /** For each customer the ids among those given of the segments that it is in; null: there is no such customer. */
  async check(
    reads: Database,
    customerIds: readonly string[],
    segmentIds: readonly number[],
    unknown: Unknown,
  ): Promise<ReadonlyMap<string, readonly number[] | null>> {
    const keys = customerIds.map(customerKey);
    let { rows, epoch } = await this.#check(reads, keys, segmentIds);
    if (reads !== this.#deciding.database && rows.some((row) => row.is_late))
      return this.check(this.#deciding.database, customerIds, segmentIds, unknown);
    const late = rows.filter((row) => row.is_late).map((row) => row.id);
    if (late.length > 0) {
      await Promise.all(late.map((key) => this.#looks.add(key)));
      ({ rows, epoch } = await this.#check(reads, keys, segmentIds));
    }
    const inside = new Map<string, readonly number[] | null>(rows.map((row) => [row.external_id, row.inside]));
    const missing = customerIds.filter((id) => !inside.has(id));
    const empty = unknown === 'empty' ? await evaluateEmpty(this.#deciding, epoch, missing) : new Map<string, readonly number[]>();
    const asked = new Set(segmentIds);
    for (const id of missing) inside.set(id, empty.get(id)?.filter((segmentId) => asked.has(segmentId)) ?? null);
    return inside;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sources.values()].map(({ database }) => database.close()));
  }

  #sourceOf(reads: Database): Source {
    let source = this.#sources.get(reads.url);
    if (source === undefined) {
      const database = openDatabase(reads.url, { connections: LANES, applicationName: 'strata storefront' });
      const run = (keys: readonly CustomerKey[]) => this.#read(database, keys);
      source = { database, memberships: new Gatherer({ limit: TOGETHER, lanes: LANES, least: LEAST, ...APART, run }) };
      this.#sources.set(reads.url, source);
    }
    return source;
  }

  async #read(database: Database, keys: readonly CustomerKey[]): Promise<readonly ReadMemberships[]> {
    const rows: SegmentsRow[] = [];
    const text = await fitTo(database.pool, READ_SEGMENTS);
    for (const here of await byPlace(database.pool, keys)) {
      rows.push(...(await database.query<SegmentsRow>({ name: 'read_storefront', text, values: [here, fixedIso(this.#deciding.clock)] })));
    }
    const byKey = new Map(rows.map(({ id, external_id, is_late, json }) => [id, { customerId: external_id, isLate: is_late, json }]));
    const epoch = keys.some((key) => !byKey.has(key)) ? await readEpoch(database) : '0';
    return keys.map((key) => ({ found: byKey.get(key) ?? null, epoch }));
  }

  async #check(reads: Database, keys: readonly CustomerKey[], segmentIds: readonly number[]) {
    const { database } = this.#sourceOf(reads);
    const rows: { id: CustomerKey; external_id: string; is_late: boolean; inside: number[] }[] = [];
    const text = await fitTo(
      database.pool,
      `
        select c.id, c.external_id,
          ${isLate('c.id', '(select coalesce($3::timestamptz, clock_timestamp()))')} as is_late,
          array(
            select m.segment_id
            from memberships as m
            where m.customer_id = c.id and m.segment_id = any($2::integer[])
          ) as inside
        from customers as c
        where c.id = any($1::bigint[])`,
    );
    for (const here of await byPlace(database.pool, keys)) {
      rows.push(
        ...(await database.query<(typeof rows)[number]>({
          name: 'check_memberships',
          text,
          values: [here, segmentIds, fixedIso(this.#deciding.clock)],
        })),
      );
    }
    return { rows, epoch: rows.length < new Set(keys).size ? await readEpoch(database) : '0' };
  }

  /** In the same form as for known customers; there is no `since`. */
  async #imagine(unknown: readonly { readonly id: string; readonly epoch: string }[]): Promise<readonly string[]> {
    const epoch = unknown.reduce((last, each) => (BigInt(each.epoch) > BigInt(last) ? each.epoch : last), '0');
    const byId = await evaluateEmpty(this.#deciding, epoch, [...new Set(unknown.map(({ id }) => id))]);
    const named = await this.#describe([...new Set([...byId.values()].flat())]);
    return unknown.map(({ id }) => {
      const segments = named.filter((segment) => byId.get(id)?.includes(segment.id) === true).map(({ json }) => json);
      return `{"customerId":${JSON.stringify(id)},"segments":[${segments.join(',')}]}`;
    });
  }

  #describe(segmentIds: readonly number[]): Promise<{ id: number; json: string }[]> {
    return this.#sourceOf(this.#deciding.database).database.query({
      name: 'describe_segments',
      text: `
        select s.id, json_build_object('key', s.key, 'name', s.name, 'group', ${GROUP_NOW}, 'since', null, 'source', 'rule')::text as json
        from segments as s
        where s.id = any($1::integer[])
        order by s.key`,
      values: [segmentIds],
    });
  }
}
