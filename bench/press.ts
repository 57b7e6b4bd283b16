// In charge of starting the load: the HTTP client in a separate process, and for the reference pgbench, or our own loop if there is no pgbench.
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import type { LoadOrder, LoadOutcome } from './load-client.ts';
import type { Server } from './server.ts';

export function pressService(order: LoadOrder): Promise<LoadOutcome> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('load-client.ts', import.meta.url));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the load client ended with ${code}`))); // after its answer it has no effect
    child.once('message', (message: { outcome?: LoadOutcome; failure?: string }) => {
      if (message.outcome === undefined) reject(new Error(message.failure));
      else if (message.outcome.refused > 0) reject(new Error(`${message.outcome.refused} refused: ${message.outcome.firstRefusal}`));
      else resolve(message.outcome);
    });
    child.send(order);
  });
}

export interface InsertOutcome {
  readonly with: 'pgbench' | 'node';
  readonly perSecond: number;
  readonly averageMs: number;
}

/** One order's row by one prepared statement, each in its own transaction, as durable as the server is; keys are spread as hashes are. */
const COLUMNS = 'customer_id, id, status, channel, currency, total, discount, coupons, item_count, placed_at';
const HALF = '4611686018427387903';

export function hasPgbench(): boolean {
  return spawnSync('pgbench', ['--version'], { stdio: 'ignore' }).status === 0;
}

export async function pressInserts(server: Server, database: string, clients: number, seconds: number): Promise<InsertOutcome> {
  return hasPgbench() ? pressWithPgbench(server, database, clients, seconds) : pressWithNode(server, database, clients, seconds);
}

async function pressWithPgbench(server: Server, database: string, clients: number, seconds: number): Promise<InsertOutcome> {
  const script = path.join(server.folder, 'insert.sql');
  fs.writeFileSync(
    script,
    `\\set customer 2 * random(-${HALF}, ${HALF})
\\set order random(1, ${HALF})
insert into orders (${COLUMNS}) values (:customer, 'order-' || :order, 'paid', 'web', 'USD', 599900, 0, '{}', 0, date_trunc('milliseconds', now()));
`,
  );
  const url = new URL(server.urlOf(database));
  const options = ['-n', '-M', 'prepared', '-c', `${clients}`, '-j', '2', '-T', `${seconds}`, '-f', script];
  const place = ['-h', decodeURIComponent(url.hostname), '-p', url.port, '-U', url.username, database];
  const said = await output(
    spawn('pgbench', [...options, ...place], { env: { PATH: process.env['PATH'], PGPASSWORD: decodeURIComponent(url.password) } }),
  );
  const read = (pattern: RegExp) => Number(pattern.exec(said)?.[1] ?? Number.NaN);
  const perSecond = read(/tps = ([\d.]+)/);
  if (Number.isNaN(perSecond)) throw new Error(`pgbench said:\n${said}`); // also if a busy machine let it do no more than connect
  return { with: 'pgbench', perSecond: Math.round(perSecond), averageMs: read(/latency average = ([\d.]+)/) };
}

function output(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(said) : reject(new Error(said))));
  });
}

async function pressWithNode(server: Server, database: string, clients: number, seconds: number): Promise<InsertOutcome> {
  const endMs = performance.now() + seconds * 1000;
  let count = 0;
  const text = `insert into orders (${COLUMNS}) values (hashint8extended($1, 7), 'order-' || $2, 'paid', 'web', 'USD', 599900, 0, '{}', 0, date_trunc('milliseconds', now()))`;
  const press = async (client: pg.Client, own: number) => {
    for (let row = 0; performance.now() < endMs; row += 1) {
      const key = String(own * 1e9 + row + count * 1000);
      await client.query({ name: 'insert', text, values: [key, `${performance.now()}-${own}-${row}`] });
      count += 1;
    }
  };
  const connections = await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = new pg.Client({ connectionString: server.urlOf(database) });
      await client.connect();
      return client;
    }),
  );
  const startMs = performance.now();
  await Promise.all(connections.map(press));
  const spent = (performance.now() - startMs) / 1000;
  await Promise.all(connections.map((client) => client.end()));
  return { with: 'node', perSecond: Math.round(count / spent), averageMs: Number(((spent * 1000 * clients) / count).toFixed(3)) };
}
