// In charge of a service for tests of the API: a database of its own, Strata on it, the app in process; every answer is checked strictly against
// the schema of its route.
import type { FastifyInstance, InjectOptions } from 'fastify';
import { pino } from 'pino';
import type { Patience } from '../../src/api/rest/slow-requests.ts';
import { buildApp } from '../../src/app.ts';
import type { Bell } from '../../src/base/bell.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { openStrata, type StrataOptions } from '../../src/open-strata.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, SECRET_KEY, type TestDatabase } from '../database.ts';

export const ADMIN_KEY = 'test-admin-key';
export const AUTHORIZED = { authorization: `Bearer ${ADMIN_KEY}` };

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | string[] | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape, and fail where they differ
  readonly body: any;
}

export interface Service {
  readonly app: FastifyInstance;
  readonly strata: Strata;
  /** In process, with the admin key; an object as `body` is sent as JSON. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Resolves when the leader has next found no run that is open. */
  rest(): Promise<void>;
  close(): Promise<void>;
}

export async function startService(
  options: { readonly clock?: Clock; readonly background?: boolean; readonly log?: (line: string) => void } & Pick<
    StrataOptions,
    'webhookAllow' | 'webhookSend' | 'accessLimits'
  > & {
      readonly cluster?: string;
      readonly corsOrigins?: readonly string[];
      readonly patience?: Partial<Patience>;
      readonly database?: TestDatabase;
    } = {},
): Promise<Service> {
  const test = options.database ?? (await createTestDatabase());
  const { log: write } = options;
  const log = write === undefined ? pino({ level: 'silent' }) : pino({ level: 'error' }, { write });
  const strata = await openStrata({
    database: test.database,
    clock: options.clock ?? systemClock,
    log,
    cluster: options.cluster ?? 'test',
    secretKey: SECRET_KEY,
    timeZone: 'UTC',
    currency: 'USD',
    background: options.background ?? true,
    webhookAllow: options.webhookAllow ?? [],
    ...(options.accessLimits === undefined ? {} : { accessLimits: options.accessLimits }),
    ...(options.webhookSend === undefined ? {} : { webhookSend: options.webhookSend }),
  });
  const rest = tellRests(strata.runsWaiting);
  const app = await buildApp({
    strata,
    adminKey: ADMIN_KEY,
    logger: log,
    checkAnswers: true,
    limits: options.accessLimits ?? {},
    corsOrigins: options.corsOrigins ?? [],
    patience: options.patience ?? {},
  });
  return {
    app,
    strata,
    call: (method, path, body, headers) => call(app, method, path, body, headers),
    rest,
    close: async () => {
      await app.close();
      await strata.close();
      await test.drop();
    },
  };
}

async function call(
  app: FastifyInstance,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const raw = typeof body === 'string' || Buffer.isBuffer(body);
  const request: InjectOptions = {
    method: method as NonNullable<InjectOptions['method']>,
    url: path,
    headers: { ...AUTHORIZED, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { payload: raw ? (body as string | Buffer) : JSON.stringify(body) }),
  };
  const answer = await app.inject(request);
  const isJson = /json/.test(String(answer.headers['content-type'])) && answer.body !== '';
  return { status: answer.statusCode, headers: answer.headers, text: answer.body, body: isJson ? JSON.parse(answer.body) : undefined };
}

/** The leader waits at this bell whenever it has done all runs that there were. */
function tellRests(runsWaiting: Bell): () => Promise<void> {
  const waiting: (() => void)[] = [];
  const wait = runsWaiting.wait.bind(runsWaiting);
  runsWaiting.wait = (...until) => {
    for (const resolve of waiting.splice(0)) resolve();
    return wait(...until);
  };
  return () => new Promise((resolve) => waiting.push(resolve));
}

/** Asks now and after runs until the answer is as wished. */
export async function afterRuns(service: Service, path: string, isDone: (body: Answer['body']) => boolean): Promise<Answer> {
  for (;;) {
    const rested = service.rest(); // before it is asked: what ends meanwhile is told
    const answer = await service.call('GET', path);
    if (isDone(answer.body)) return answer;
    await rested;
  }
}

/** Resolves when the segment has left `building`. */
export function built(service: Service, key: string): Promise<Answer> {
  return afterRuns(service, `/v1/segments/${key}`, ({ status }) => status !== 'building');
}
