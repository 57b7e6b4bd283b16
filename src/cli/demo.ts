// In charge of `strata demo`: finds or starts a Strata, has the demo's shop filled in, shows the segments and what to try, and stays until
// Ctrl-C. What is in the shop is demo-shop.ts; how it gets in, fill-demo.ts.
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../base/clock.ts';
import { DAY_MS } from '../base/durations.ts';
import { StartError } from '../base/start-error.ts';
import { readConfig } from '../config.ts';
import { type ApiClient, ApiRefusal, openApi } from './api-client.ts';
import { makeDemoShop } from './demo-shop.ts';
import { printSegments } from './demo-table.ts';
import { type Filled, fillDemo } from './fill-demo.ts';

const CUSTOMERS = 5_000;
const DATA_FOLDER = '.strata-demo';

/** → the exit code */
export async function runDemo(given: readonly string[]): Promise<number> {
  const todayMs = Math.floor(systemClock.nowMs() / DAY_MS) * DAY_MS;
  const { seed, endMs } = readOptions(given, todayMs);
  const environment = { ...process.env, DATA_DIR: process.env['DATA_DIR'] || DATA_FOLDER, LOG_LEVEL: process.env['LOG_LEVEL'] || 'warn' };
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  const { HOST, PORT, DATA_DIR, ADMIN_KEY } = readConfig(environment);
  const running = `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${PORT}`;
  const isRunning = PORT !== 0 && (await answers(running));
  if (!isRunning) say('Starting Strata …');
  const own = isRunning ? undefined : await startService(environment);
  const keyFile = path.join(DATA_DIR, 'admin-key');
  try {
    const api = openApi(own?.url ?? running, ADMIN_KEY ?? readKey(keyFile, running));
    await checkKey(api);
    say(`Strata runs at ${api.url}`);
    say(`\nA shop of ${CUSTOMERS.toLocaleString('en')} customers over two years, seed ${seed}, up to ${describeEnd(endMs, todayMs)}:`);
    const filled = await fillDemo(api, makeDemoShop({ seed, endMs, customers: CUSTOMERS }), systemClock, (text) => say(`  ${text}`));
    const styled = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
    say(`\n${printSegments(filled.segments, await countCustomers(api), { columns: process.stdout.columns ?? 100, styled })}`);
    say(whatToTry(api.url, ADMIN_KEY === undefined ? `$(cat '${keyFile}')` : '$ADMIN_KEY', filled));
    if (own === undefined) return 0;
    say('Strata goes on running; Ctrl-C stops it. Started again, the demo finds everything as it is now.');
  } catch (error) {
    own?.process.kill('SIGTERM');
    await own?.ended;
    throw error;
  }
  return own.ended;
}

function readOptions(given: readonly string[], todayMs: number): { readonly seed: number; readonly endMs: number } {
  try {
    const { values } = parseArgs({ args: [...given], options: { seed: { type: 'string', default: '1' }, end: { type: 'string' } } });
    const seed = /^\d{1,9}$/.test(values.seed) ? Number(values.seed) : Number.NaN;
    const endMs = values.end === undefined ? todayMs : /^\d{4}-\d{2}-\d{2}$/.test(values.end) ? Date.parse(values.end) : Number.NaN;
    if (Number.isNaN(seed)) throw new StartError('--seed is a whole number');
    if (Number.isNaN(endMs)) throw new StartError('--end is a date like 2026-01-31');
    return { seed, endMs };
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError(`${cause instanceof Error ? cause.message : cause}. Usage: strata demo [--seed 1] [--end 2026-01-31]`, { cause });
  }
}

/** Rules use the real clock: in a shop that ended long ago nobody bought "in the last 30 days". */
function describeEnd(endMs: number, todayMs: number): string {
  const end = `${new Date(endMs).toISOString().slice(0, 10)}, 00:00 UTC`;
  return endMs === todayMs ? `the beginning of today (${end})` : end;
}

// ---------------------------------------------------------------- the service

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false; // nobody is there, or nobody who speaks HTTP: the start will say what is wrong with the port
  }
}

function readKey(file: string, url: string): string {
  if (fs.existsSync(file)) return fs.readFileSync(file, 'utf8').trim();
  throw new StartError(otherStrata(url));
}

/** A Strata with another key belongs to somebody: the demo's shop is not put into it unasked. */
async function checkKey(api: ApiClient): Promise<void> {
  try {
    await api.call('GET', '/v1/segments?limit=1');
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 401) throw new StartError(otherStrata(api.url), { cause: error });
    throw error;
  }
}

function otherStrata(url: string): string {
  return `The Strata at ${url} is not the demo's. Set PORT to a free one for the demo (PORT=3100 npm run demo), or ADMIN_KEY to the key of that Strata to have the demo's shop put into it.`;
}

interface OwnService {
  readonly url: string;
  readonly process: ChildProcess;
  /** the exit code */
  readonly ended: Promise<number>;
}

/** Like `strata start`, in a separate process that ends with this one. */
async function startService(environment: NodeJS.ProcessEnv): Promise<OwnService> {
  const launch = path.join(import.meta.dirname, 'launch.js');
  const child = spawn(process.execPath, [launch, 'start'], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => child.kill(name));
  const url = await new Promise<string | null>((resolve) => {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const found = /ready at (http:\/\/\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => resolve(null));
  });
  if (url === null) throw new StartError('The demo has no Strata to work with.');
  return { url, process: child, ended };
}

// ---------------------------------------------------------------- what to look at

async function countCustomers(api: ApiClient): Promise<number> {
  const { population } = await api.call('POST', '/v1/rules/preview', { rule: 'everyone', sample: 0 });
  return Number(population);
}

function whatToTry(url: string, key: string, { atRisk }: Filled): string {
  const customer = atRisk ?? 'ada';
  const json = `-H 'Content-Type: application/json'`;
  const steps: readonly (readonly [string, string])[] = [
    ['Who is at risk?', `curl -H "$AUTH" ${url}/v1/segments/at-risk/members?limit=5`],
    [`Which segments is ${customer} in?`, `curl -H "$AUTH" ${url}/v1/customers/${customer}/segments`],
    [
      `${customer} buys again: the answer says what that makes of them`,
      `curl -H "$AUTH" ${json} -X PUT ${url}/v1/orders/back-again \\\n    -d '{"customerId": "${customer}", "total": "49.90", "status": "paid", "channel": "web"}'`,
    ],
    ['What has just changed?', `curl -H "$AUTH" "${url}/v1/changes?customer=${customer}"`],
    [
      'How many would a rule of your own hold?',
      `curl -H "$AUTH" ${json} ${url}/v1/rules/preview \\\n    -d '{"rule": "country = \\"CN\\" and sum(orders.total in the last 90 days) > 200"}'`,
    ],
  ];
  const lines = steps.map(([question, command]) => `# ${question}\n${command}`);
  return `Things to try, in another terminal:\n\nAUTH="Authorization: Bearer ${key}"\n\n${lines.join('\n\n')}\n\n# All calls: ${url}/openapi.json\n`;
}
