// In charge of the Postgres that Strata brings along: a real Postgres 18, its data under DATA_DIR, started, taken over if it outlived us, and
// stopped properly. Listens on 127.0.0.1 and on a socket in DATA_DIR. Not of which programs it runs (postgres-binaries.ts), nor of the schema
// (migrate.ts).
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { systemClock } from '../base/clock.ts';
import { type DataFolder, explain, keepSecret } from '../base/data-folder.ts';
import { lockFolder } from '../base/lock-folder.ts';
import { commandOf, isAlive } from '../base/process-mark.ts';
import { StartError } from '../base/start-error.ts';
import { findBinaries, MAJOR } from './postgres-binaries.ts';
import { openLog, readLogTail, reasonIn } from './postgres-log.ts';
import { checkOwner, choosePostgresUser, type PostgresUser } from './postgres-user.ts';
import { makeSocketFolder } from './socket-folder.ts';

const USER = 'strata';
const DATABASE = 'strata';
const PASSWORD_FILE = 'postgres-password';
const FREE_DISK_NEEDED_BYTES = 200 * 1024 * 1024;
const POLL_MS = 10;
const STOP_PATIENCE_MS = 60_000;
const PORT_ATTEMPTS = 5;
/** After its postmaster was killed, children of the old server may hold its memory for a moment. */
const LEFTOVER_PATIENCE_MS = 10_000;

const INITDB_OPTIONS = [
  '--encoding=UTF8',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--locale=C',
  '--auth=scram-sha-256',
  '--no-instructions',
];

export interface EmbeddedOptions {
  /** false only in tests: nothing survives a power cut, and everything is faster */
  readonly durable?: boolean;
  readonly connections?: number;
  /** the folder of another Postgres' programs; absent: those that npm brings */
  readonly binaries?: string | undefined;
  /** absent: any free one */
  readonly port?: number;
  /** It must have a socket, through which its connections will look for it; otherwise it has one where one can be made. */
  readonly needsSocket?: boolean;
}

export interface EmbeddedPostgres {
  readonly url: string;
  readonly pid: number;
  /** It was running already: the Strata that had started it ended without stopping it. */
  readonly takenOver: boolean;
  /** why it was started without a socket, and is reached through 127.0.0.1 alone; null: it has one, or was taken over */
  readonly socketTrouble: string | null;
  /** Resolves with its last log lines if it ends without having been stopped. */
  readonly ended: Promise<string>;
  /** Ends its sessions, writes everything to disk, and resolves when the process is gone. */
  stop(): Promise<void>;
  /** Only asks it to stop: for the last moment of a process that can wait no longer. */
  requestStop(): void;
}

/** Starts the Postgres of this data folder, or takes over the one that still runs. Every expected problem is a StartError in a plain sentence. */
export async function startEmbedded(folder: DataFolder, options: EmbeddedOptions = {}): Promise<EmbeddedPostgres> {
  const lock = await lockFolder(folder);
  try {
    const dataFolder = path.join(folder.path, 'postgres');
    checkMajor(dataFolder);
    const running = await findRunning(dataFolder);
    const password = keepPassword(folder, dataFolder);
    const server = running ?? (await startServer(folder, dataFolder, options));
    const url = urlOf(server, password);
    await createDatabase(url, folder);
    let isStopping = false;
    return {
      url,
      pid: server.pid,
      takenOver: running !== undefined,
      socketTrouble: server.socketTrouble,
      ended: waitForEnd(server.pid).then(() => (isStopping ? new Promise<string>(() => {}) : readLogTail(folder, 0))),
      stop: async () => {
        isStopping = true;
        await stopServer(server.pid);
        lock.release();
      },
      requestStop: () => {
        isStopping = true;
        signal(server.pid, 'SIGINT');
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The URL of this folder's Postgres if it is running, whoever started it: it is not ours to stop. null: it is not running. */
export async function findEmbedded(folder: DataFolder): Promise<string | null> {
  const dataFolder = path.join(folder.path, 'postgres');
  const running = await findRunning(dataFolder);
  if (running === undefined) return null;
  return urlOf(running, keepPassword(folder, dataFolder));
}

interface RunningServer {
  readonly pid: number;
  readonly port: number;
  /** where its socket is; empty: it has none */
  readonly socketFolder: string;
  /** why not; null: it has one, or was running already */
  readonly socketTrouble: string | null;
}

function urlOf({ port, socketFolder }: RunningServer, password: string): string {
  const host = socketFolder === '' ? '127.0.0.1' : encodeURIComponent(socketFolder);
  return `postgres://${USER}:${password}@${host}:${port}/${DATABASE}`;
}

// ---------------------------------------------------------------- what is there already

function checkMajor(dataFolder: string): void {
  const file = path.join(dataFolder, 'PG_VERSION');
  if (!fs.existsSync(file)) return;
  const major = fs.readFileSync(file, 'utf8').trim();
  if (major === MAJOR) return;
  throw new StartError(
    `The data in ${dataFolder} was written by Postgres ${major}; this Strata brings Postgres ${MAJOR}. Use the Strata that wrote it, or set DATA_DIR to another folder.`,
  );
}

/** The server that still runs on this folder, after waiting for it to start or recover; undefined when there is none (any more). */
async function findRunning(dataFolder: string): Promise<RunningServer | undefined> {
  for (;;) {
    const file = readPidFile(dataFolder);
    if (file === undefined || !isAlive(file.pid)) return undefined;
    if (commandOf(file.pid)?.includes(dataFolder) !== true) {
      // another process has the number now: Postgres itself would take that process for its server and refuse to start
      fs.rmSync(path.join(dataFolder, 'postmaster.pid'), { force: true });
      return undefined;
    }
    if (file.isReady) return file;
    await systemClock.sleep(POLL_MS);
  }
}

function readPidFile(dataFolder: string): (RunningServer & { readonly isReady: boolean }) | undefined {
  let lines: string[];
  try {
    lines = fs.readFileSync(path.join(dataFolder, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3]), socketFolder: lines[4]?.trim() ?? '', socketTrouble: null, isReady: lines[7]?.trim() === 'ready' };
}

function keepPassword(folder: DataFolder, dataFolder: string): string {
  const secret = keepSecret(folder, PASSWORD_FILE, () => randomBytes(24).toString('hex'));
  if (!secret.isNew || !fs.existsSync(dataFolder)) return secret.value;
  fs.rmSync(secret.file);
  throw new StartError(`The password of the database in ${dataFolder} is missing: put the file ${secret.file} back.`);
}

// ---------------------------------------------------------------- starting

async function startServer(folder: DataFolder, dataFolder: string, options: EmbeddedOptions): Promise<RunningServer> {
  const binaries = findBinaries(options.binaries);
  const user = choosePostgresUser(binaries.postgres, folder.path);
  if (fs.existsSync(dataFolder)) checkOwner(user, dataFolder);
  else await initialise(binaries.initdb, user, folder, dataFolder, options);
  const socket = await makeSocketFolder(folder, user);
  if (socket.trouble !== null && options.needsSocket === true) throw new StartError(`Postgres cannot be reached: ${socket.trouble}.`);
  const patienceEndsMs = systemClock.nowMs() + LEFTOVER_PATIENCE_MS;
  for (let attempt = 1; ; ) {
    const port = options.port ?? (await findFreePort());
    const log = openLog(folder);
    const outcome = await launch(binaries.postgres, serverFlags(dataFolder, port, socket.path, options), user, dataFolder, log.descriptor);
    if (typeof outcome === 'number') return { pid: outcome, port, socketFolder: socket.path, socketTrouble: socket.trouble };
    const lastLines = readLogTail(folder, log.start);
    const isPortTaken = /could not bind|Address already in use/.test(lastLines);
    const isHeldByLeftovers = /pre-existing shared memory block/.test(lastLines);
    if (isPortTaken && attempt < PORT_ATTEMPTS) attempt += 1;
    else if (isHeldByLeftovers && systemClock.nowMs() < patienceEndsMs) await systemClock.sleep(100);
    else
      throw new StartError(`Postgres did not start on ${dataFolder}${reasonIn(lastLines)}. Its last lines:\n${lastLines}`, {
        cause: outcome,
      });
  }
}

/** Makes a cluster next to its place and moves it there when it is complete: a crash in between leaves nothing half made. */
async function initialise(
  initdb: string,
  user: PostgresUser,
  folder: DataFolder,
  dataFolder: string,
  options: EmbeddedOptions,
): Promise<void> {
  checkFreeDisk(folder);
  const draft = `${dataFolder}.new`;
  const log = openLog(folder);
  try {
    fs.rmSync(draft, { recursive: true, force: true });
    fs.mkdirSync(draft, { mode: 0o700 });
    user.own(draft);
    user.own(path.join(folder.path, PASSWORD_FILE));
  } catch (cause) {
    throw new StartError(`The database folder ${draft} cannot be made: ${explain(cause)}.`, { cause });
  }
  const flags = [`--pgdata=${draft}`, `--username=${USER}`, `--pwfile=${path.join(folder.path, PASSWORD_FILE)}`, ...INITDB_OPTIONS];
  if (options.durable === false) flags.push('--no-sync');
  const process = user.spawn(initdb, flags, { stdio: ['ignore', log.descriptor, log.descriptor] });
  const failure = await new Promise<unknown>((resolve) => {
    process.once('error', resolve);
    process.once('exit', (code, signalName) => resolve(code === 0 ? undefined : `initdb ended with ${signalName ?? code}`));
  });
  fs.closeSync(log.descriptor);
  if (failure !== undefined) {
    fs.rmSync(draft, { recursive: true, force: true });
    const lastLines = readLogTail(folder, log.start);
    throw new StartError(`The database could not be made in ${folder.path}${reasonIn(lastLines)}. Postgres's last lines:\n${lastLines}`, {
      cause: failure,
    });
  }
  fs.renameSync(draft, dataFolder);
}

function checkFreeDisk(folder: DataFolder): void {
  const disk = fs.statfsSync(folder.path);
  const freeBytes = disk.bavail * disk.bsize;
  if (freeBytes >= FREE_DISK_NEEDED_BYTES) return;
  throw new StartError(
    `The disk of ${folder.path} has only ${Math.floor(freeBytes / 1024 / 1024)} MB free; a new database needs ${FREE_DISK_NEEDED_BYTES / 1024 / 1024} MB. Free some, or set DATA_DIR to another disk.`,
  );
}

/** Spawns the server in a session of its own: Ctrl-C in a terminal reaches the whole process group, and Postgres must end after us. */
async function launch(
  postgres: string,
  flags: readonly string[],
  user: PostgresUser,
  dataFolder: string,
  log: number,
): Promise<number | Error> {
  const child = user.spawn(postgres, flags, { detached: true, stdio: ['ignore', log, log] });
  fs.closeSync(log);
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  child.once('exit', (code, signalName) => {
    failure ??= new Error(`postgres ended with ${signalName ?? code}`);
  });
  for (;;) {
    if (failure !== undefined) return failure;
    const file = readPidFile(dataFolder);
    if (child.pid !== undefined && file?.pid === child.pid && file.isReady) {
      child.unref();
      return child.pid;
    }
    await systemClock.sleep(POLL_MS);
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen({ host: '127.0.0.1', port: 0 }, () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

function serverFlags(dataFolder: string, port: number, socketFolder: string, options: EmbeddedOptions): readonly string[] {
  const megabytes = (bytes: number) => `${Math.max(1, Math.floor(bytes / 1024 / 1024))}MB`;
  const memory = Math.min(os.totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY); // a container may have less than the machine
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: socketFolder === '' ? '' : `"${socketFolder.replaceAll('"', '""')}"`, // a list, in which a comma would divide
    max_connections: String(options.connections ?? 100),
    shared_buffers: megabytes(Math.min(Math.max(memory / 4, 64 * 1024 * 1024), 8 * 1024 * 1024 * 1024)), // memory is only taken as it is used
    effective_cache_size: megabytes(memory / 2),
    work_mem: '16MB',
    maintenance_work_mem: '256MB',
    max_wal_size: '4GB',
    min_wal_size: '256MB',
    checkpoint_timeout: '15min',
    random_page_cost: '1.1',
    synchronous_commit: 'on',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    autovacuum_naptime: '15s',
    dynamic_shared_memory_type: sharedMemoryKind(),
    // the log must not keep what people are called: no statements, no details with values
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
  };
  if (options.durable === false) Object.assign(settings, { fsync: 'off', full_page_writes: 'off', shared_buffers: '128MB' });
  return ['-D', dataFolder, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** Containers often give /dev/shm 64 MB, too little for a parallel join; memory of the older kind has no such limit. */
function sharedMemoryKind(): string {
  if (process.platform !== 'linux') return 'posix';
  try {
    const disk = fs.statfsSync('/dev/shm');
    return disk.blocks * disk.bsize >= 1024 * 1024 * 1024 ? 'posix' : 'sysv';
  } catch {
    return 'sysv';
  }
}

async function createDatabase(url: string, folder: DataFolder): Promise<void> {
  const client = new pg.Client({ connectionString: url.replace(/\/[^/]*$/, '/postgres') });
  client.on('error', () => {}); // an error between two statements would otherwise end the process
  try {
    await client.connect();
    const { rowCount } = await client.query('select 1 from pg_database d where d.datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause && cause.code === '28P01' ? 'its password was changed' : explain(cause);
    throw new StartError(`The embedded Postgres of ${folder.path} does not let us in: ${reason}.`, { cause });
  } finally {
    await client.end().catch(() => {}); // the connection is done with: nothing is lost
  }
}

// ---------------------------------------------------------------- stopping

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ESRCH')) throw cause; // ESRCH: it is gone already
  }
}

/** Resolves when the process is gone. By its pid, since a server that was taken over is not our child. */
async function waitForEnd(pid: number, untilMs = Number.POSITIVE_INFINITY, pollMs = 500): Promise<boolean> {
  while (isAlive(pid)) {
    if (systemClock.nowMs() >= untilMs) return false;
    await systemClock.sleep(pollMs);
  }
  return true;
}

/** Fast shutdown: sessions are ended, everything is written to disk. If that takes over a minute: immediate shutdown, and the next start recovers. */
async function stopServer(pid: number): Promise<void> {
  signal(pid, 'SIGINT');
  if (await waitForEnd(pid, systemClock.nowMs() + STOP_PATIENCE_MS, POLL_MS)) return;
  signal(pid, 'SIGQUIT');
  await waitForEnd(pid, systemClock.nowMs() + STOP_PATIENCE_MS, POLL_MS);
}
