// The chain of the audit against somebody with access to the database: whatever is changed, removed, inserted or moved is found, at its place.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AuditEntry, makeEntry } from '../../src/access/audit-entry.ts';
import { AuditRecorder } from '../../src/access/audit-recorder.ts';
import { chainAudit, forgetPayloads, readAuditHead, trimAudit } from '../../src/access/chain-audit.ts';
import { storeEntries } from '../../src/access/store-entries.ts';
import { verifyAudit } from '../../src/access/verify-audit.ts';
import { TestClock } from '../../src/base/clock.ts';
import { auditCommand } from '../../src/cli/audit.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';

const START_MS = Date.parse('2026-06-15T12:00:00.000Z');
const ENTRIES = 12;
const ANN = '73';

const TABLES = ['audit', 'audit_payloads', 'audit_head'];

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
  for (const [from, count] of [
    [0, 5],
    [5, 1],
    [6, ENTRIES - 6],
  ] as const)
    await add(from, count);
  for (const table of TABLES) await sql(`create table kept_${table} as select * from ${table}`);
});
beforeEach(async () => {
  await sql('delete from audit_inbox');
  for (const table of TABLES) {
    await sql(`delete from ${table}`);
    await sql(`insert into ${table} select * from kept_${table}`);
  }
});
afterAll(() => test.drop());

// biome-ignore lint/suspicious/noExplicitAny: rows of every shape
const sql = (text: string, values: unknown[] = []) => test.database.query<any>({ text, values });

function entry(place: number): AuditEntry {
  const origin = {
    atMs: START_MS + place,
    actor: place % 2 === 0 ? 'admin' : 'ä "quoted" \\ key',
    keyId: place % 3 === 0 ? null : `key ${place}`,
    address: '192.0.2.7',
    requestId: `request ${place}`,
    action: 'putOrder',
  };
  return makeEntry(origin, 'written', place % 4 === 0 ? null : 'segments/vip', [
    { customerKey: ANN, content: { customerId: 'ann', after: { place, note: '\u0000 – “x”' } } },
    { customerKey: null, content: { before: null } },
  ]);
}

async function add(from: number, count: number): Promise<void> {
  await test.database.query(storeEntries(Array.from({ length: count }, (_, place) => entry(from + place))));
  while ((await chainAudit(test.database)) > 0);
}

const fault = async () => (await verifyAudit(test.database)).fault;

describe('an audit that nobody touched', () => {
  it('is whole', async () => {
    const head = await readAuditHead(test.database);
    expect(await verifyAudit(test.database, [head])).toEqual({
      entries: ENTRIES,
      forgotten: 0,
      waiting: 0,
      head: { position: String(ENTRIES), chain: head.chain },
      fault: null,
    });
  });

  it('is chained as it is written down', async () => {
    const rows = await sql('select a.chain, a.hash from audit as a order by a.position');
    let chain = createHash('sha256').update('').digest();
    for (const row of rows) {
      chain = createHash('sha256').update(chain).update(row['hash']).digest();
      expect(row['chain']).toEqual(chain);
    }
  });

  it('says what waits', async () => {
    await test.database.query(storeEntries([entry(99)]));
    expect(await verifyAudit(test.database)).toMatchObject({ entries: ENTRIES, waiting: 1, fault: null });
  });

  it('goes on behind what retention took', async () => {
    const head = await readAuditHead(test.database);
    expect(await trimAudit(test.database, START_MS + 4)).toBe(4);
    expect(await trimAudit(test.database, START_MS + 4)).toBe(0);
    expect(await verifyAudit(test.database, [{ position: '2', chain: 'f'.repeat(64) }, head])).toMatchObject({
      entries: ENTRIES - 4,
      fault: null,
    });
    expect(await sql('select p.entry_id from audit_payloads as p')).toHaveLength(2 * (ENTRIES - 4));
    await trimAudit(test.database, START_MS + 1000);
    await add(50, 1);
    expect(await verifyAudit(test.database)).toMatchObject({ entries: 1, fault: null });
  });

  it('is whole without the payloads of the erased', async () => {
    await test.database.query(forgetPayloads(ANN));
    expect(await verifyAudit(test.database)).toMatchObject({ entries: ENTRIES, forgotten: ENTRIES, fault: null });
  });
});

describe('an audit that was touched', () => {
  it.each([
    ['at', `timestamptz '2026-01-01'`],
    ['actor', `'somebody'`],
    ['key_id', `'other'`],
    ['address', 'null'],
    ['request_id', `''`],
    ['action', `'getOrder'`],
    ['outcome', `'read'`],
    ['target', `'segments/other'`],
    ['id', 'gen_random_uuid()'],
    ['payload_hash', 'null'],
    ['hash', `sha256('')`],
    ['chain', `sha256('')`],
  ])('shows a changed %s', async (column, value) => {
    await sql(`update audit as a set ${column} = ${value} where a.position = 7`);
    expect(await fault()).toMatchObject({ position: '7' });
  });

  it('shows a changed entry with a new hash', async () => {
    const [row] = await sql(`update audit as a set actor = 'somebody' where a.position = 7 returning a.*`);
    if (row === undefined) throw new Error('there is no seventh entry');
    const { id, at, actor, key_id, address, request_id, action, outcome, target } = row;
    const payloadHash = row['payload_hash'].toString('hex');
    const text = JSON.stringify([id, new Date(at).toISOString(), actor, key_id, address, request_id, action, outcome, target, payloadHash]);
    await sql(`update audit as a set hash = sha256(convert_to($1, 'UTF8')) where a.position = 7`, [text]);
    expect(await fault()).toMatchObject({ position: '7', detail: expect.stringContaining('not the one that was chained here') });
  });

  it('shows a changed payload', async () => {
    await sql(`
      update audit_payloads as p
      set content = replace(p.content, 'ann', 'bob')
      from audit as a
      where p.entry_id = a.id and a.position = 4 and p.part = 0`);
    expect(await fault()).toEqual({ position: '4', detail: 'payload 0 was changed' });
  });

  it('shows a changed payload with a new hash', async () => {
    await sql(`
      update audit_payloads as p
      set content = 'x', hash = sha256(convert_to(encode(p.salt, 'hex') || 'x', 'UTF8'))
      from audit as a
      where p.entry_id = a.id and a.position = 4 and p.part = 1`);
    expect(await fault()).toMatchObject({ position: '4' });
  });

  it.each([0, 1])('shows that payload %i is missing', async (part) => {
    await sql('delete from audit_payloads as p using audit as a where p.entry_id = a.id and a.position = 4 and p.part = $1', [part]);
    expect(await fault()).toMatchObject({ position: '4' });
  });

  it.each(['1', '7', String(ENTRIES)])('shows that entry %s is missing', async (position) => {
    await sql('delete from audit as a where a.position = $1::bigint', [position]);
    expect(await fault()).toMatchObject({ position, detail: expect.stringContaining('missing') });
  });

  it('shows a missing entry whose gap was closed', async () => {
    await sql('delete from audit as a where a.position = 7');
    for (let position = 8; position <= ENTRIES; position += 1) {
      await sql('update audit as a set position = a.position - 1 where a.position = $1', [position]);
    }
    expect(await fault()).toMatchObject({ position: '7' });
  });

  it('shows entries that changed places', async () => {
    await sql('update audit as a set position = case a.position when 7 then -8 else -7 end where a.position in (7, 8)');
    await sql('update audit as a set position = -a.position where a.position < 0');
    expect(await fault()).toMatchObject({ position: '7' });
  });

  it('shows an entry that was put in', async () => {
    for (let position = ENTRIES; position >= 7; position -= 1) {
      await sql('update audit as a set position = a.position + 1 where a.position = $1', [position]);
    }
    await copyEntry(3, 7);
    expect(await fault()).toMatchObject({ position: '7' });
  });

  it('shows an entry put behind the head', async () => {
    await copyEntry(3, ENTRIES + 1);
    expect(await fault()).toMatchObject({ position: String(ENTRIES + 1) });
  });

  it('shows a payload of no entry', async () => {
    await sql(`insert into audit_payloads (entry_id, part, hash, salt, content) values (gen_random_uuid(), 0, '', '', '')`);
    expect(await fault()).toMatchObject({ detail: expect.stringContaining('belongs to no entry') });
  });

  it('shows a head set back, by one noted', async () => {
    const noted = await readAuditHead(test.database);
    await sql(`delete from audit as a where a.position > 10`);
    await sql(`delete from audit_payloads as p where not exists (select from audit as a where a.id = p.entry_id)`);
    await sql(`update audit_head as h set position = a.position, chain = a.chain from audit as a where a.position = 10`);
    expect(await fault()).toBeNull(); // nothing in the database tells
    expect((await verifyAudit(test.database, [noted])).fault).toMatchObject({ position: '11' });
    await add(80, 5);
    expect((await verifyAudit(test.database, [noted])).fault).toMatchObject({ position: String(ENTRIES) });
  });

  it('shows an anchor that was moved', async () => {
    await sql('delete from audit as a where a.position <= 3');
    await sql('update audit_head as h set anchor_position = 3');
    expect(await fault()).toMatchObject({ position: '4' });
  });

  async function copyEntry(from: number, to: number): Promise<void> {
    await sql(
      `insert into audit (position, id, at, actor, key_id, address, request_id, action, outcome, target, payload_hash, hash, chain)
       select $2::bigint, gen_random_uuid(), a.at, a.actor, a.key_id, a.address, a.request_id, a.action, a.outcome, a.target, null, a.hash, a.chain
       from audit as a
       where a.position = $1`,
      [from, to],
    );
  }
});

describe('strata audit verify', () => {
  async function run(...given: string[]) {
    let text = '';
    const out = (more: string) => {
      text += more;
      return true;
    };
    const progress = { isTerminal: false, write: out };
    const environment = { DATABASE_URL: test.url };
    const code = await auditCommand(given, { environment, out, progress } as unknown as Parameters<typeof auditCommand>[1]);
    return { code, text };
  }

  it('says that all is whole, and the head', async () => {
    const head = await readAuditHead(test.database);
    const noted = `${head.position}:${head.chain}`;
    expect(await run('verify', '--head', noted)).toEqual({ code: 0, text: `ok    12 entries are whole and in order.\nhead  ${noted}\n` });
  });

  it('says the first entry that is wrong', async () => {
    await sql(`update audit as a set actor = 'x' where a.position in (5, 9)`);
    expect(await run('verify')).toMatchObject({ code: 3, text: expect.stringMatching(/^WRONG at 5: the entry was changed/) });
  });

  it.each([[[]], [['check']], [['verify', '--head', 'x']], [['verify', '--nonsense']]])('does not take %j', async (given) => {
    expect((await run(...given)).code).toBe(2);
  });
});

describe('chaining', () => {
  it('by two at once places each entry once', async () => {
    await test.database.query(storeEntries(Array.from({ length: 200 }, (_, place) => entry(100 + place))));
    const chained = await Promise.all([1, 2, 3].map(() => chainAudit(test.database)));
    expect(chained.reduce((sum, count) => sum + count)).toBe(200);
    expect(await verifyAudit(test.database)).toMatchObject({ entries: ENTRIES + 200, fault: null });
  });

  it('makes reads wait where too many do', async () => {
    const recorder = new AuditRecorder({ database: test.database, clock: new TestClock(START_MS), onError: () => {} });
    const { payloads, payloadHash, hash, id, outcome, target, ...origin } = entry(200);
    await Promise.all(Array.from({ length: 2_000 }, () => recorder.read(origin, null, [])));
    expect((await readAuditHead(test.database)).waiting).toBe(0);
    await recorder.read(origin, null, []); // this one stores those before it
    expect((await readAuditHead(test.database)).waiting).toBe(2_000);
  });

  it('takes no reads in that it cannot store', async () => {
    const recorder = new AuditRecorder({ database: test.database, clock: new TestClock(START_MS), onError: () => {} });
    const { payloads, payloadHash, hash, id, outcome, target, ...origin } = entry(200);
    await sql('alter table audit_inbox rename to away');
    for (let n = 0; n < 2_000; n += 1) await recorder.read(origin, null, []);
    for (let n = 0; n < 3; n += 1) await expect(recorder.read(origin, null, [])).rejects.toThrow('audit_inbox');
    await sql('alter table away rename to audit_inbox');
    await recorder.close();
    expect((await readAuditHead(test.database)).waiting).toBe(2_000);
  });

  it('counts refusals that it cannot list', async () => {
    const recorder = new AuditRecorder({ database: test.database, clock: new TestClock(START_MS), onError: () => {} });
    const { payloads, payloadHash, hash, id, outcome, target, ...origin } = entry(200);
    await sql('alter table audit_inbox rename to away');
    const [minutes, ofMinute] = [45, 101];
    for (let minute = 0; minute < minutes; minute += 1) {
      for (let n = 0; n < ofMinute; n += 1) recorder.refused({ ...origin, atMs: START_MS + minute * 60_000 }, 'forbidden');
    }
    await sql('alter table away rename to audit_inbox');
    await recorder.close();
    const told = await test.database.query<{ refusals: string }>({
      text: `
        select coalesce(sum((p.content::jsonb ->> 'refusedMore')::integer), 0) + count(*) filter (where p.content::jsonb ? 'code') as refusals
        from audit_inbox as i
        join audit_payloads as p on p.entry_id = i.id`,
    });
    expect(told).toEqual([{ refusals: String(minutes * ofMinute) }]);
  });

  it('goes on after the database was away', async () => {
    const clock = new TestClock(START_MS);
    const errors: unknown[] = [];
    const recorder = new AuditRecorder({ database: test.database, clock, onError: (error) => errors.push(error) });
    const { payloads, payloadHash, hash, id, outcome, target, ...origin } = entry(200);
    await sql('alter table audit_inbox rename to away');
    await recorder.read(origin, null, []);
    await expect(recorder.flush()).rejects.toThrow();
    await sql('alter table away rename to audit_inbox');
    await recorder.close();
    expect(await chainAudit(test.database)).toBe(1);
    expect(errors).toEqual([]);
  });
});
