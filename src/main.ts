// THE PROCESS: opens every part in order, says where it is, and closes them in the opposite order when told to stop.
// What answers requests is app.ts, what happens to a write is pipeline.ts. Reasons not to start are plain sentences and exit code 1.
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { systemClock } from './base/clock.ts';
import { type DataFolder, type KeptSecret, keepSecret, openDataFolder } from './base/data-folder.ts';
import { measureProcess } from './base/meters.ts';
import { StartError } from './base/start-error.ts';
import { type Config, findMisspelt, readConfig } from './config.ts';
import { connect } from './db/connect.ts';
import { type Database, openDatabase } from './db/database.ts';
import { migrate } from './db/migrate.ts';
import { keepSettings } from './db/settings.ts';
import { openLog } from './log.ts';
import { openTracing } from './open-tracing.ts';
import type { Strata } from './strata.ts';
import { welcome } from './welcome.ts';

const LEAST_NODE_MAJOR = 24;
/** npm passes on a Ctrl-C that the terminal has already sent us; only a later one means "at once". */
const SAME_SIGNAL_MS = 1000;
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What stopping may take besides the requests under way: a checkpoint of Postgres, mostly. */
const CLOSE_PATIENCE_MS = 120_000;

/** For the answers to uploads that were cut off: the batch that is being written, and what the sender has on the way. */
const ANSWER_PATIENCE_MS = 2000;

/** Parts that are open, closed in the opposite order, each once. */
class OpenParts {
  #closers: (() => Promise<void> | void)[] = [];
  #closing: Promise<void> | undefined;

  add(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) await close();
  }
}

/** Runs the service in this process until a signal stops it. */
export async function main(): Promise<void> {
  const parts = new OpenParts();
  const stopping = new AbortController();
  let log: Logger | undefined;
  try {
    checkNode();
    const config = readConfig(process.env);
    log = openLog(config.LOG_LEVEL);
    for (const sentence of findMisspelt(process.env)) log.warn(sentence);
    const starting = start(config, log, parts, stopping.signal);
    const started = starting.catch(() => {}); // its failure is told below
    stopOnSignals(config, log, stopping, async () => {
      await started;
      await parts.close();
    });
    await starting;
  } catch (error) {
    if (error instanceof StartError) process.stderr.write(`${error.message}\n`);
    else (log ?? openLog('info')).fatal({ err: error }, 'the start failed');
    await parts.close();
    process.exit(1);
  }
}

async function start(config: Config, log: Logger, parts: OpenParts, stopping: AbortSignal): Promise<void> {
  await checkPort(config);
  let opened: DataFolder | undefined;
  const dataFolder = () => {
    opened ??= openDataFolder(config.DATA_DIR);
    return opened;
  };
  const adminKey = keepKey(config.ADMIN_KEY, dataFolder, 'admin-key', () => `strata_${randomBytes(24).toString('base64url')}`);
  const secretKey = keepKey(config.SECRET_KEY, dataFolder, 'secret-key', () => randomBytes(32).toString('hex'));
  const loading = loadService(); // takes longer than Postgres does to start: side by side
  loading.catch(() => {}); // handled where it is awaited

  const tracing = await openTracing(config, (message) => log.warn({ trouble: message }, 'traces could not be sent'));
  if (tracing !== null) parts.add(tracing.close);
  const { database, settings, isEmbedded } = await openStorage(config, log, parts, dataFolder);
  const { openStrata, buildApp } = await loading;
  const replica = openReplica(config, log, parts);
  const accessLimits = {
    requestsPerSecond: config.REQUESTS_PER_SECOND,
    tokenRequestsPerSecond: config.TOKEN_REQUESTS_PER_SECOND,
    failedKeysPerMinute: config.FAILED_KEYS_PER_MINUTE,
    heavyReads: config.HEAVY_READS,
    openStreams: config.OPEN_STREAMS,
    waitingReads: config.WAITING_READS,
  };
  const strata = await openStrata({
    database,
    replica,
    clock: systemClock,
    log,
    cluster: settings.clusterId,
    timeZone: settings.timeZone,
    currency: settings.currency,
    secretKey: secretKey.value,
    accessLimits,
    historyDays: config.HISTORY_DAYS,
    auditDays: config.AUDIT_DAYS,
    erasureDays: config.ERASURE_DAYS,
    webhookAllow: config.WEBHOOK_ALLOW,
    webhookDays: config.WEBHOOK_DAYS,
    limits: { customersTimeoutMs: config.EVALUATION_TIMEOUT_SECONDS * 1000, scanTimeoutMs: config.SCAN_TIMEOUT_SECONDS * 1000 },
    background: true,
  });
  parts.add(() => strata.close());
  measureProcess(strata.meters);
  const app = await buildApp({
    strata,
    adminKey: adminKey.value,
    limits: accessLimits,
    corsOrigins: config.CORS_ORIGINS,
    metricsPublic: config.METRICS_PUBLIC,
    introspection: config.INTROSPECTION,
    ...(config.TRUST_PROXY.length === 0 ? {} : { trustProxy: config.TRUST_PROXY }),
    logger: log,
  });
  parts.add(() => closeGently(config, strata, app));
  if (stopping.aborted) return;
  await app.listen({ host: config.HOST, port: config.PORT }).catch((cause) => refuseToListen(cause, config));
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.PORT;
  process.stdout.write(welcome({ host: config.HOST, port, adminKey, settings, embedded: isEmbedded }));
}

/** Connects, or starts the embedded Postgres, and brings the schema up to date. */
async function openStorage(config: Config, log: Logger, parts: OpenParts, dataFolder: () => DataFolder) {
  const { database, embedded, close } = await connect({
    url: config.DATABASE_URL,
    dataFolder,
    binaries: config.POSTGRES_BIN,
    connections: config.DATABASE_CONNECTIONS,
    onIdleError: (error) => log.warn({ err: error }, 'an idle connection to the database broke and is replaced'),
    onFewConnections: (allowed, wanted) =>
      log.warn(
        { allowed, wanted },
        'the database allows fewer connections than this process may open: lower DATABASE_CONNECTIONS, or raise its limit',
      ),
    onEnded: (lastLines) => log.error({ lastLines }, 'the embedded Postgres ended by itself and is started again'),
  });
  parts.add(close);
  if (embedded !== undefined) {
    const askToStop = () => embedded.requestStop(); // the last resort, where the process ends without closing its parts
    process.once('exit', askToStop);
    parts.add(() => void process.off('exit', askToStop));
    if (embedded.takenOver) log.warn('an earlier Strata ended without stopping its Postgres, which runs on and was taken over');
    const { socketTrouble } = embedded;
    if (socketTrouble !== null) log.info({ trouble: socketTrouble }, 'the embedded Postgres is reached through 127.0.0.1, which is slower');
    embedded.lost.catch((cause) => {
      throw new Error('the embedded Postgres ended by itself and does not start again', { cause }); // ends the process, see stopOnSignals
    });
  }
  const applied = await migrate(database);
  if (applied.length > 0) log.info({ applied }, 'the schema was brought up to date');
  const settings = await keepSettings(database, { timeZone: config.TIME_ZONE, currency: config.CURRENCY });

  return { database, settings, isEmbedded: embedded !== undefined };
}

/** Gives the lead away at once, answers until others have noticed that we are going, and then lets requests under way end. */
async function closeGently(config: Config, strata: Strata, app: FastifyInstance): Promise<void> {
  const left = strata.leave();
  await systemClock.sleep(config.DRAIN_SECONDS * 1000);
  const stopMs = config.STOP_SECONDS * 1000;
  const patience = [
    setTimeout(() => app.cutOffUploads(), stopMs),
    setTimeout(() => app.server.closeAllConnections(), stopMs + ANSWER_PATIENCE_MS),
  ];
  const idle = setInterval(() => app.server.closeIdleConnections(), 50); // kept alive by a client after its last answer
  await app.close();
  for (const timer of patience) clearTimeout(timer);
  clearInterval(idle);
  await left;
}

function openReplica(config: Config, log: Logger, parts: OpenParts): Database | undefined {
  if (config.READ_DATABASE_URL === undefined) return undefined;
  const replica = openDatabase(config.READ_DATABASE_URL, {
    connections: config.DATABASE_CONNECTIONS,
    onIdleError: (error) => log.warn({ err: error }, 'an idle connection to the replica broke and is replaced'),
  });
  parts.add(() => replica.close());
  return replica;
}

/** Only now, so that what keeps us from starting is reported at once. */
async function loadService() {
  const [{ openStrata }, { buildApp }] = await Promise.all([import('./open-strata.ts'), import('./app.ts')]);
  return { openStrata, buildApp };
}

interface AdminKey {
  readonly value: string;
  /** undefined: it was given by ADMIN_KEY */
  readonly file: string | undefined;
  readonly isNew: boolean;
}

function keepKey(given: string | undefined, dataFolder: () => DataFolder, name: string, make: () => string): AdminKey | KeptSecret {
  return given === undefined ? keepSecret(dataFolder(), name, make) : { value: given, file: undefined, isNew: false };
}

function checkNode(): void {
  if (Number.parseInt(process.versions.node, 10) >= LEAST_NODE_MAJOR) return;
  throw new StartError(
    `Strata needs Node ${LEAST_NODE_MAJOR} or newer, and this is Node ${process.versions.node}. Start it with npm start after npm ci, which brings its own, or install a newer Node.`,
  );
}

// ---------------------------------------------------------------- listening

/** Checked before anything is started; if somebody takes the port in between, that is found when we listen. */
function checkPort(config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', (cause) => {
      try {
        refuseToListen(cause, config);
      } catch (error) {
        reject(error);
      }
    });
    probe.listen({ host: config.HOST, port: config.PORT }, () => probe.close(() => resolve()));
  });
}

function refuseToListen(cause: unknown, { HOST, PORT }: Config): never {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      throw new StartError(`Port ${PORT} of ${HOST} is taken. Stop what listens there, or set PORT to another one (0: any free one).`, {
        cause,
      });
    case 'EACCES':
      throw new StartError(`This user may not listen on port ${PORT} of ${HOST}. Set PORT to 1024 or above.`, { cause });
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      throw new StartError(`HOST is ${HOST}, which is not an address of this machine. Try 127.0.0.1, or 0.0.0.0 for all.`, { cause });
    default:
      throw cause;
  }
}

// ---------------------------------------------------------------- stopping

/** The first signal closes everything in order, as does an error that nobody caught; a second one ends the process at once. */
function stopOnSignals(config: Config, log: Logger, stopping: AbortController, close: () => Promise<void>): void {
  const grace = closeWithGrace(
    { delay: (config.DRAIN_SECONDS + config.STOP_SECONDS) * 1000 + CLOSE_PATIENCE_MS, logger: log, skip: [...STOP_SIGNALS] },
    async ({ err }) => {
      stopping.abort();
      if (err !== undefined) log.fatal({ err }, 'an error that nobody expected: the process stops');
      await close();
      log.info('stopped');
    },
  );
  let firstMs: number | undefined;
  const onSignal = (name: string) => {
    if (firstMs === undefined) {
      firstMs = systemClock.nowMs();
      log.info({ signal: name }, 'stopping: requests that run may end; a second signal stops at once');
      grace.close();
    } else if (systemClock.nowMs() - firstMs > SAME_SIGNAL_MS) {
      process.exit(1);
    }
  };
  for (const name of STOP_SIGNALS) process.on(name, onSignal);
}

if (import.meta.main) await main();
