// In charge of the service under measurement: started as people start it, in a separate process on a free port, and talked to over HTTP.
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import type { Readable } from 'node:stream';
import { systemClock } from '../src/base/clock.ts';
import type { BenchSegment } from './segments.ts';

const ADMIN_KEY = 'bench-admin-key';
const LAUNCH = new URL('../src/cli/launch.js', import.meta.url).pathname;
const POLL_MS = 20;
const OVERLOADED_POLL_MS = 1_000;

export interface Service {
  readonly url: string;
  readonly pid: number;
  readonly key: string;
  /** The answer's body; anything but a 2xx is thrown as an error that shows it. */
  call(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** One request with a body of any length. */
  stream(path: string, contentType: string, body: Readable): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

export async function startService(databaseUrl: string, folder: string): Promise<Service> {
  const { flags, environment } = startCommand();
  const child = spawn(process.execPath, [...flags, ...nodeFlags(), LAUNCH, 'start'], {
    env: {
      ...environment,
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE_URL: databaseUrl,
      DATA_DIR: folder,
      ADMIN_KEY,
      LOG_LEVEL: 'warn',
      REQUESTS_PER_SECOND: '1000000',
      WEBHOOK_ALLOW: '127.0.0.1/32',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const url = await waitForUrl(child);
  const agent = new http.Agent({ keepAlive: true });
  const send = (method: string, path: string, contentType: string | undefined, body: Readable | string | undefined) =>
    request(agent, new URL(path, url), method, contentType, body);
  return {
    url,
    pid: child.pid as number,
    key: ADMIN_KEY,
    call: (method, path, body) => send(method, path, body === undefined ? undefined : 'application/json', body && JSON.stringify(body)),
    stream: (path, contentType, body) => send('POST', path, contentType, body),
    stop: async () => {
      agent.destroy();
      await endChild(child);
    },
  };
}

/** What `npm start` gives to node: otherwise V8 sizes its heap by the machine's memory, and takes twice as much; glibc keeps 15 MB more. */
function startCommand(): { readonly flags: readonly string[]; readonly environment: Readonly<Record<string, string>> } {
  const { scripts } = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { scripts: { start: string } };
  const words = scripts.start.split(' ');
  return {
    flags: words.filter((word) => word.startsWith('--')),
    environment: Object.fromEntries(words.filter((word) => /^[A-Z_]+=/.test(word)).map((word) => word.split('=') as [string, string])),
  };
}

/** BENCH_NODE_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/x" profiles the service. */
function nodeFlags(): readonly string[] {
  return (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
}

function waitForUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
      const url = /ready at (http:\/\/\S+)/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once('exit', (code) => reject(new Error(`the service ended with ${code} before it was ready:\n${said}`)));
  });
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

function request(
  agent: http.Agent,
  url: URL,
  method: string,
  contentType: string | undefined,
  body: Readable | string | undefined,
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, ...(contentType === undefined ? {} : { 'content-type': contentType }) };
    const sent = http.request(url, { agent, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve(text === '' ? {} : (JSON.parse(text) as Record<string, unknown>));
        else reject(new Error(`${method} ${url.pathname} was answered ${status}: ${text.slice(0, 2000)}`));
      });
      response.on('error', reject);
    });
    sent.on('error', reject);
    if (body === undefined || typeof body === 'string') sent.end(body);
    else body.on('error', reject).pipe(sent);
  });
}

/** Creates and publishes all of them, and waits until each is built. */
export async function defineSegments(service: Service, segments: readonly Pick<BenchSegment, 'key' | 'rule'>[]): Promise<void> {
  for (const { key, rule } of segments) {
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
    // another segment may name it only once it is built or being built; nothing to wait for here
  }
  await waitForSegments(service);
}

/** While it builds, a service on a busy machine may refuse to answer; nothing is measured yet. */
function unlessOverloaded(error: unknown): null {
  if (error instanceof Error && error.message.includes('was answered 503')) return null;
  throw error;
}

/** Waits until no segment is being built and no run is open. */
async function waitForSegments(service: Service): Promise<void> {
  for (;;) {
    const listed = await service.call('GET', '/v1/segments?limit=1000').catch(unlessOverloaded);
    if (listed === null) {
      await systemClock.sleep(OVERLOADED_POLL_MS);
      continue;
    }
    const { data } = listed as { data: readonly { key: string; status: string; failure: string | null; run: { status: string } | null }[] };
    const failed = data.find((segment) => segment.status === 'failed' || segment.run?.status === 'failed');
    if (failed !== undefined) throw new Error(`segment ${failed.key} failed: ${failed.failure}`);
    const isOpen = (status: string | undefined) => status === 'queued' || status === 'running';
    if (data.every((segment) => segment.status !== 'building' && !isOpen(segment.run?.status))) return;
    await systemClock.sleep(POLL_MS);
  }
}
