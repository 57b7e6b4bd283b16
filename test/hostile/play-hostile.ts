// In charge of one hostile session: a service with its own Postgres, lanes that send valid, nearly valid and absurd requests side by side, the
// memory of the service watched, everything verified at the end. Every failure is a sentence with what it takes to reproduce it.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import { openDatabase } from '../../src/db/database.ts';
import { untilSettled, verify } from '../faults/checks.ts';
import { PostgresServer } from '../faults/postgres-server.ts';
import { ServiceProcess } from '../faults/service-process.ts';
import { until } from '../faults/until.ts';
import { Absurd } from './absurd.ts';
import { ADMIN_KEY, type Draft, type Sent, toSent } from './draft.ts';
import { draftOf, IN_STORIES, OPERATIONS } from './drafts.ts';
import { type GraphqlDraft, GraphqlDrafts, spoilGraphql, toGraphqlSent } from './graphql-drafts.ts';
import { judge } from './judge.ts';
import { judgeGraphql } from './judge-graphql.ts';
import { type KnownShop, knownShop } from './known-shop.ts';
import { type Got, Sender } from './send.ts';
import { setUpShop } from './set-up-shop.ts';
import { brokenHttp, makeAbsurd, spoilABit } from './spoil.ts';
import { STORIES, type Told } from './stories.ts';

export interface HostileOptions {
  readonly seed: number;
  readonly requests: number;
  readonly lanes: number;
  readonly untilMs: number;
  tell(line: string): void;
}

export interface HostileReport {
  readonly sent: number;
  /** requests by kind, and answers by status */
  readonly kinds: Readonly<Record<string, number>>;
  readonly statuses: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
  /** operations and fields that were never accepted */
  readonly neverAccepted: readonly string[];
  /** megabytes of the service's memory: set up, at most, at the end */
  readonly memory: { readonly first: number; readonly most: number; readonly last: number };
}

const SETTINGS = {
  ADMIN_KEY,
  SECRET_KEY: 's'.repeat(32),
  LOG_LEVEL: 'error',
  WEBHOOK_ALLOW: '127.0.0.1/32',
  REQUESTS_PER_SECOND: '1000000',
  TOKEN_REQUESTS_PER_SECOND: '1000000',
  FAILED_KEYS_PER_MINUTE: '1000000',
  HEAVY_READS: '10',
  SCAN_TIMEOUT_SECONDS: '20',
  NODE_OPTIONS: '--max-old-space-size=256', // what holds on to memory ends the service, which is a failure
};
const TOLD_EVERY = 2000;
const MEMORY_EVERY = 500;
const FAILURES_MAX = 200;
const ATTEMPTS = 30;
/** What ends much is rarer in the wild shop, so that there is something left to be about; and what makes every write wait for new plans. */
const RARE = new Set([
  'eraseCustomer',
  'archiveSegment',
  'deleteGroup',
  'deleteWebhook',
  'revokeKey',
  'pauseSegment',
  'deleteOrder',
  'createSegment',
  'publishVersion',
  'resumeSegment',
  'refreshSegment',
  'createGroup',
  'changeGroup',
]);

export async function playHostile(options: HostileOptions): Promise<HostileReport> {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-hostile-'));
  fs.chmodSync(root, 0o711);
  const postgres = await PostgresServer.start(path.join(root, 'data'));
  const service = await ServiceProcess.make({ ...SETTINGS, DATABASE_URL: postgres.url });
  const database = openDatabase(postgres.url, { applicationName: 'hostile', connections: 4 });
  try {
    service.start();
    await until('the service is ready', () => service.isReady());
    const session = new Session(options, service);
    await session.run();
    await untilSettled(database);
    for (const difference of await verify(database)) session.fail(difference);
    if (service.endedByItself > 0) session.fail(`the service ended by itself ${service.endedByItself} times: ${service.output}`);
    return session.report();
  } catch (cause) {
    throw new Error(`the session broke off; the service said: ${service.output.slice(-3000)}`, { cause });
  } finally {
    await service.stop();
    await database.close();
    await postgres.stop();
    fs.rmSync(root, { recursive: true, force: true });
  }
}

class Session {
  readonly #options: HostileOptions;
  readonly #sender: Sender;
  readonly #kept = knownShop('kept');
  readonly #wild = knownShop('wild');
  readonly #graphql = new GraphqlDrafts();
  readonly #kinds: Record<string, number> = {};
  readonly #statuses: Record<string, number> = {};
  readonly #failures: string[] = [];
  readonly #accepted = new Set<string>();
  readonly #memory: number[] = [];
  #sent = 0;

  constructor(options: HostileOptions, service: ServiceProcess) {
    this.#options = options;
    this.#sender = new Sender(Number(new URL(service.url).port));
  }

  async run(): Promise<void> {
    for (const shop of [this.#kept, this.#wild]) await setUpShop(shop, (draft) => this.#accept(draft, 'set up'));
    await this.#measure();
    const { lanes, seed } = this.#options;
    await Promise.all(Array.from({ length: lanes }, (_, lane) => this.#lane(lane, new SeededRandom(seed * 1000 + lane))));
    await this.#measure();
    this.#sender.close();
  }

  async #lane(lane: number, random: SeededRandom): Promise<void> {
    const { requests, untilMs } = this.#options;
    const absurd = new Absurd(random);
    for (let turn = 0; this.#sent < requests && systemClock.nowMs() < untilMs && this.#failures.length < FAILURES_MAX; turn += 1) {
      const place = `seed ${this.#options.seed} lane ${lane} turn ${turn}`;
      await random.weighted<() => Promise<unknown>>([
        [() => this.#accept(this.#anyDraft(this.#kept, random), place), 20],
        [() => this.#tellStory(random, `${lane}-${turn}`, place), 0.3],
        [() => this.#spoil(random, absurd, place), 30],
        [() => this.#playAbsurd(random, absurd, place), 35],
        [() => this.#playGraphql(random, absurd, place), 13],
        [() => this.#playBroken(random, absurd, place), 1.5],
      ])();
    }
  }

  #anyDraft(shop: KnownShop, random: SeededRandom): Draft {
    for (;;) {
      const operation = random.pick(OPERATIONS);
      if (shop.name === 'kept' ? IN_STORIES.has(operation) : RARE.has(operation) && random.chance(0.8)) continue;
      return draftOf(operation, shop, random);
    }
  }

  /** Sends what has to be accepted. */
  async #accept(draft: Draft, place: string): Promise<Told> {
    const sent = toSent(draft);
    const got = await this.#insist('valid', sent);
    const breach = judge({ method: sent.method, route: draft.route, isValid: true, mayClose: false }, got);
    if (breach === undefined) this.#accepted.add(draft.route.operationId);
    else this.fail(`${place}: ${describe(sent)}: ${breach}`);
    if (draft.route.method !== 'GET') this.#learn(got);
    return toldOf(got);
  }

  /** Sends what has to be refused with the code; null: either way, as documented. */
  async #refuse(draft: Draft, code: string | null, place: string): Promise<Told> {
    const sent = toSent(draft);
    const got = await this.#insist('refused', sent);
    const told = toldOf(got);
    const breach = judge({ method: sent.method, route: draft.route, isValid: false, mayClose: false }, got);
    if (breach !== undefined) this.fail(`${place}: ${describe(sent)}: ${breach}`);
    else if (code !== null && told.body?.code !== code)
      this.fail(`${place}: ${describe(sent)}: ${code} was due, and this came: ${got.status} ${got.text.slice(0, 300)}`);
    else if (got.status < 300) this.#accepted.add(draft.route.operationId);
    return told;
  }

  async #tellStory(random: SeededRandom, mark: string, place: string): Promise<void> {
    const story = random.weighted(STORIES);
    const telling = {
      shop: this.#kept,
      random,
      mark,
      accept: (draft: Draft) => this.#accept(draft, `${place} ${story.name}`),
      refuse: (draft: Draft, code: string | null) => this.#refuse(draft, code, `${place} ${story.name}`),
    };
    await story(telling).catch((error: unknown) =>
      this.fail(`${place} ${story.name}: ${error instanceof Error ? error.message : String(error)}`),
    );
  }

  async #spoil(random: SeededRandom, absurd: Absurd, place: string): Promise<void> {
    const draft = this.#anyDraft(this.#wild, random);
    await this.#provoke('nearly valid', draft, spoilABit(draft, { random, absurd, shop: this.#wild }), place);
  }

  async #playAbsurd(random: SeededRandom, absurd: Absurd, place: string): Promise<void> {
    const draft = this.#anyDraft(this.#wild, random);
    await this.#provoke('absurd', draft, makeAbsurd(draft, { random, absurd, shop: this.#wild }), place);
  }

  async #provoke(kind: string, draft: Draft, sent: Sent, place: string): Promise<void> {
    let got: Got;
    try {
      got = await this.#send(kind, () => this.#sender.send(sent));
    } catch (error) {
      if (error instanceof TypeError) return; // no client of HTTP sends that; such bytes are sent by hand
      throw error;
    }
    const isOfRoute = sent.isOfRoute && sent.method === draft.route.method;
    const mayClose = sent.body !== null || sent.headers['expect'] !== undefined;
    const breach = judge({ method: sent.method, route: isOfRoute ? draft.route : null, isValid: false, mayClose }, got);
    if (breach !== undefined) this.fail(`${place}: ${describe(sent)}: ${breach}`);
    if (draft.route.path.startsWith('/v1/')) this.#learn(got);
  }

  async #playGraphql(random: SeededRandom, absurd: Absurd, place: string): Promise<void> {
    const isValid = random.chance(0.4);
    const draft: GraphqlDraft = this.#graphql.make(isValid ? this.#kept : this.#wild, random);
    const sent = isValid ? toGraphqlSent(draft, random) : spoilGraphql(draft, random, absurd);
    const got = isValid ? await this.#insist('valid graphql', sent) : await this.#send('hostile graphql', () => this.#sender.send(sent));
    const breach = judgeGraphql(draft.field, draft.isMutation, isValid, got);
    if (breach !== undefined) this.fail(`${place}: ${describe(sent)}: ${breach}`);
    else if (isValid) this.#accepted.add(`graphql ${draft.field}`);
  }

  async #playBroken(random: SeededRandom, absurd: Absurd, place: string): Promise<void> {
    const bytes = brokenHttp({ random, absurd, shop: this.#wild }, ADMIN_KEY);
    const got = await this.#send('broken http', () => this.#sender.sendBytes(bytes));
    if (got.outcome === 'hung' || got.status >= 500)
      this.fail(`${place}: ${bytes.toString('latin1').slice(0, 300)}: ${got.outcome} ${got.status}`);
  }

  /** Whoever is told to come back does: under overload the service says 503 `unavailable` with Retry-After, to right requests too. */
  async #insist(kind: string, sent: Sent): Promise<Got> {
    for (let attempt = 1; ; attempt += 1) {
      const got = await this.#send(kind, () => this.#sender.send(sent));
      if (got.status !== 503 || got.headers['retry-after'] === undefined || attempt === ATTEMPTS) return got;
      await systemClock.sleep(Number(got.headers['retry-after']) * 1000);
    }
  }

  async #send(kind: string, send: () => Promise<Got>): Promise<Got> {
    const got = await send();
    this.#sent += 1;
    this.#kinds[kind] = (this.#kinds[kind] ?? 0) + 1;
    const status = got.outcome === 'answered' ? String(got.status) : got.outcome;
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    const sent = this.#sent;
    if (sent % MEMORY_EVERY === 0) await this.#measure();
    if (sent % TOLD_EVERY === 0) this.#options.tell(`${sent} sent, ${this.#failures.length} failures, ${this.#memory.at(-1)} MB`);
    return got;
  }

  /** Cursors and tokens are handed back elsewhere. */
  #learn({ text }: Got): void {
    const { cursors } = this.#wild.made;
    const next = /"next":"([^"]{1,500})"/.exec(text)?.[1];
    const token = /"token":"([A-Za-z0-9_-]{1,500})"/.exec(text)?.[1];
    if (next !== undefined && cursors.push(next) > 100) cursors.shift();
    if (token === undefined) return;
    for (const shop of [this.#wild, this.#kept]) if (shop.made.tokens.push(token) > 20) shop.made.tokens.shift();
  }

  async #measure(): Promise<void> {
    const { text } = await this.#sender.send({
      method: 'GET',
      path: '/metrics',
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      body: null,
      isOfRoute: true,
    });
    const bytes = Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1] ?? Number.NaN);
    this.#memory.push(Math.round(bytes / 1024 / 1024));
  }

  fail(sentence: string): void {
    this.#failures.push(sentence);
    this.#options.tell(`FAILURE ${sentence}`);
  }

  report(): HostileReport {
    const wanted = [...OPERATIONS, ...this.#graphql.fields.filter((field) => !IN_STORIES.has(field)).map((field) => `graphql ${field}`)];
    return {
      sent: this.#sent,
      kinds: this.#kinds,
      statuses: this.#statuses,
      failures: this.#failures,
      neverAccepted: wanted.filter((operation) => !this.#accepted.has(operation)),
      memory: { first: this.#memory[0] ?? 0, most: Math.max(...this.#memory), last: this.#memory.at(-1) ?? 0 },
    };
  }
}

function describe({ method, path: asked, headers, body }: Sent): string {
  const { authorization, ...odd } = headers;
  const key = authorization === `Bearer ${ADMIN_KEY}` ? {} : { authorization };
  const text =
    body === null ? '' : ` ${JSON.stringify(body.subarray(0, 600).toString())}${body.length > 600 ? `… (${body.length} bytes)` : ''}`;
  return `${method} ${asked.slice(0, 600)} ${JSON.stringify({ ...odd, ...key }).slice(0, 400)}${text}`;
}

function toldOf({ status, headers, text }: Got): Told {
  const etag = String(headers['etag'] ?? '');
  try {
    return { status, etag, body: JSON.parse(text) };
  } catch {
    return { status, etag, body: undefined };
  }
}
