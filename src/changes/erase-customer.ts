// In charge of erasing a person: exits for the outbox, tombstones for everything that was recorded, no row left in any table, and a
// receipt, all in one decision. Blanking the exits later, and reading receipts, are erasures.ts. If the id comes again it is somebody new:
// tombstones and exits carry no customer's key, so that nothing of the old person can be taken for the new one's.
//
//   staged lines ─► locks: orders by id, the customer ─► older changes blank ─► exits ─► rows gone ─► receipt
import { randomBytes } from 'node:crypto';
import { forgetPayloads } from '../access/chain-audit.ts';
import { forgetKeptAnswers } from '../access/claims.ts';
import { noteWrite } from '../access/write-record.ts';
import { DAY_MS } from '../base/durations.ts';
import { uuidv7 } from '../base/uuid.ts';
import { type Client, type Database, pipeline, type Statement } from '../db/database.ts';
import { inTransaction, sqlState } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { customerKey } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type Deciding, type Decision, inDecisionWith } from '../membership/in-decision.ts';
import { lockForLook } from '../membership/look-again.ts';
import type { Moment } from '../membership/moment.ts';
import { blankChanges, FORGET_RECEIVED, hashOf, type Receipt } from './erasures.ts';

export interface Erased {
  readonly receipt: Receipt;
  readonly decision: string;
  readonly lsn: string;
}

const LOCK_NOT_AVAILABLE = '55P03';
/** Rows that the publisher or retention is moving: they may be waiting for us, so we do not wait for them but begin again. */
const ELSEWHERE_TIMEOUT_MS = 100;
const ATTEMPTS = 200;
const SALT_BYTES = 32;

/** The customer got an order between finding the orders and locking the customer: orders are locked first, so all of it begins again. */
class OrderCame extends Error {}

/** Throws `not_found`, and `conflict` where writers never pause. `exitsDays`: how long consumers may still read the exits. */
export async function eraseCustomer(deciding: Deciding, externalId: string, exitsDays: number): Promise<Erased> {
  await removeStagedLines(deciding.database, externalId);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const erased = await inDecisionWith(deciding, [], async (decision) => {
        const done = await erase(decision, externalId, exitsDays);
        return { last: [], valueAt: (lsn) => ({ ...done, lsn }) };
      });
      await forgetLateReads(deciding.database, externalId);
      return erased;
    } catch (error) {
      const isOvertaken = error instanceof OrderCame || sqlState(error) === LOCK_NOT_AVAILABLE;
      if (!isOvertaken) throw error;
      if (attempt === ATTEMPTS)
        throw new AppError('conflict', 'The customer is being written without a pause; try again.', { cause: error });
    }
  }
}

/**
 * Lines that imports have staged, also those of dead imports. Before the decision: the table may be long, and no lock is to be held
 * meanwhile. What an upload brings after this counts as written after the erasure.
 */
async function removeStagedLines(database: Database, externalId: string): Promise<void> {
  await inTransaction(database, (client) =>
    pipeline(client, [
      { text: 'set local enable_seqscan = on' },
      {
        text: `
          delete from import_lines as l
          using (
            select n.import_id, n.order_id, n.line
            from import_lines as n
            join imports as i on i.id = n.import_id
            where n.data ->> (case i.kind when 'customers' then 'id' else 'customerId' end) = $1
          ) as named
          where l.import_id = named.import_id and l.order_id = named.order_id and (l.line = named.line or l.order_id <> '')`,
        values: [externalId],
      },
    ]),
  );
}

/**
 * What reads of the customer recorded in the audit while the erasure was under way. Reads that are stored only later lose their payload when
 * they get their places in the chain, since there is no such customer then.
 */
async function forgetLateReads(database: Database, externalId: string): Promise<void> {
  await database.query(forgetPayloads(customerKey(externalId)));
}

async function erase(decision: Decision, externalId: string, exitsDays: number): Promise<Pick<Erased, 'receipt' | 'decision'>> {
  const { client } = decision;
  const key = customerKey(externalId);
  const { moment, orderIds, memberships } = await lock(decision, key, externalId);
  await blankWaiting(client, key);
  const receipt = makeReceipt(externalId, moment, memberships, exitsDays);
  await pipeline(client, [
    storeErasure(receipt, key, externalId),
    writeExits(receipt, key, moment),
    blankChanges('customer_id = $1::bigint', key),
    ...removeRows(key, orderIds),
    LOCK_RECEIVED,
    FORGET_RECEIVED,
    forgetPayloads(key),
    forgetKeptAnswers(key),
  ]);
  await noteWrite(client, { target: `erasures/${receipt.id}`, changes: [] });
  return { receipt, decision: moment.decision };
}

/**
 * Whoever stores an answer of a receiver asks whether anybody was erased since what was sent was read (webhooks/lease.ts), and waits here until this
 * erasure can be seen.
 */
const LOCK_RECEIVED: Statement = { name: 'lock_received', text: 'lock table deliveries in share row exclusive mode' };

function makeReceipt(externalId: string, { asOfMs }: Moment, changes: number, exitsDays: number): Receipt {
  const salt = randomBytes(SALT_BYTES);
  const blankAtMs = changes === 0 ? asOfMs : asOfMs + exitsDays * DAY_MS;
  return {
    id: uuidv7(asOfMs),
    salt,
    hash: hashOf(salt, externalId),
    changes,
    erasedAtMs: asOfMs,
    blankAtMs,
    blankedAtMs: changes === 0 ? asOfMs : null,
  };
}

function storeErasure(receipt: Receipt, key: CustomerKey, externalId: string): Statement {
  const isBlank = receipt.blankedAtMs !== null;
  return {
    name: 'store_erasure',
    text: `
      insert into erasures (id, salt, hash, changes, erased_at, blank_at, blanked_at, customer_id, external_id)
      values ($1::uuid, $2, $3, $4, $5::timestamptz, $6::timestamptz, $7::timestamptz, $8::bigint, $9)`,
    values: [
      receipt.id,
      receipt.salt,
      receipt.hash,
      receipt.changes,
      iso(receipt.erasedAtMs),
      iso(receipt.blankAtMs),
      isBlank ? iso(receipt.erasedAtMs) : null,
      isBlank ? null : key,
      isBlank ? null : externalId,
    ],
  };
}

function iso(instantMs: number): string {
  return new Date(instantMs).toISOString();
}

// ---------------------------------------------------------------- locks

/** Orders by id, then the customer. Whoever writes an order of the customer holds both locks, so after this there can be no others. */
async function lock(
  decision: Decision,
  key: CustomerKey,
  externalId: string,
): Promise<{ moment: Moment; orderIds: readonly string[]; memberships: number }> {
  const { client } = decision;
  const orderIds = await findOrders(client, key);
  if (orderIds.length > 0) {
    await pipeline(client, [
      { text: 'set local enable_bitmapscan = off' }, // so that the index is walked in order of id, the order in which ingest locks
      {
        name: 'lock_orders_to_erase',
        text: 'update order_owners as w set customer_id = w.customer_id where w.order_id = any($1::text[])',
        values: [orderIds],
      },
    ]);
  }
  const { moment, revisions } = await lockForLook(decision, [key]);
  const { rows } = await client.query<{ external_id: string; memberships: number }>({
    name: 'read_whom_to_erase',
    text: `
      select c.external_id, (select count(*)::integer from memberships as m where m.customer_id = c.id) as memberships
      from customers as c
      where c.id = $1::bigint`,
    values: [key],
  });
  const [customer] = rows;
  if (!revisions.has(key) || customer?.external_id !== externalId) throw new AppError('not_found', `There is no customer “${externalId}”.`);
  const locked = new Set(orderIds);
  if ((await findOrders(client, key)).some((id) => !locked.has(id))) throw new OrderCame();
  await client.query(`set local lock_timeout = ${ELSEWHERE_TIMEOUT_MS}`);
  return { moment, orderIds, memberships: customer.memberships };
}

async function findOrders(client: Client, key: CustomerKey): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'find_orders_to_erase',
    text: 'select o.id from orders as o where o.customer_id = $1::bigint',
    values: [key],
  });
  return rows.map((row) => row.id);
}

// ---------------------------------------------------------------- changes

interface WaitingRow {
  decision: string;
  ordinal: number;
  segment_id: number;
  type: string;
  version: number;
  cause: string;
  at: number;
}

/**
 * Changes that are not numbered yet: the publisher still counts them, so they keep their type and segment but belong to nobody. Deleted
 * and inserted, since a distribution key cannot be updated. A row that the publisher moved meanwhile is in `changes`, for the
 * statement that blanks those.
 */
async function blankWaiting(client: Client, key: CustomerKey): Promise<void> {
  const { rows } = await client.query<WaitingRow>({
    name: 'take_waiting_changes',
    text: `
      delete from outbox as o
      where o.customer_id = $1::bigint
      returning o.decision, o.ordinal, o.segment_id, o.type, o.version, o.cause, o.at`,
    values: [key],
  });
  if (rows.length === 0) return;
  await client.query({
    name: 'put_blank_changes',
    text: `
      insert into outbox (customer_id, decision, ordinal, segment_id, type, version, cause, at)
      select 0, r.decision, r.ordinal, r.segment_id, r.type, r.version, r.cause, r.at
      from jsonb_to_recordset($1::jsonb) as r
        (decision bigint, ordinal integer, segment_id integer, type text, version integer, cause text, at timestamptz)`,
    values: [JSON.stringify(rows.map((row) => ({ ...row, at: new Date(row.at).toISOString() })))],
  });
}

function writeExits({ id }: Receipt, key: CustomerKey, moment: Moment): Statement {
  return {
    name: 'write_erasure_exits',
    text: `
      insert into outbox (customer_id, erasure_id, decision, ordinal, segment_id, type, version, cause, at)
      select 0, $2::uuid, $3::bigint, row_number() over (order by m.segment_id), m.segment_id, 'exited', coalesce(s.version, m.version),
        'erasure', $4::timestamptz
      from memberships as m
      join segments as s on s.id = m.segment_id
      where m.customer_id = $1::bigint`,
    values: [key, id, moment.decision, iso(moment.asOfMs)],
  };
}

// ---------------------------------------------------------------- rows

/** Every table with rows that belong to a customer and to nobody else. */
const TABLES_OF_CUSTOMERS = ['orders', 'order_items', 'events', 'memberships', 'rechecks', 'pending', 'pins', 'pin_log'] as const;

function removeRows(key: CustomerKey, orderIds: readonly string[]): Statement[] {
  return [
    ...TABLES_OF_CUSTOMERS.map((table) => ({
      name: `erase_from_${table}`,
      text: `delete from ${table} as t where t.customer_id = $1::bigint`,
      values: [key],
    })),
    {
      name: 'erase_from_order_owners', // those that went to another customer before they were locked stay
      text: 'delete from order_owners as w where w.order_id = any($2::text[]) and w.customer_id = $1::bigint',
      values: [key, orderIds],
    },
    { name: 'erase_from_customers', text: 'delete from customers as c where c.id = $1::bigint', values: [key] },
    {
      name: 'erase_from_runs', // a run's cursor is a customer's key; the key before it does as well
      text: `
        update runs as r
        set cursor = case when r.finished_at is null then r.cursor - 1 end
        where r.cursor = $1::bigint`,
      values: [key],
    },
  ];
}
