// In charge of who runs the embedded Postgres, which refuses to run as root: started by root, it runs as the user postgres.
// Not of starting it (embedded.ts).
import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { StartError } from '../base/start-error.ts';

const USER = 'postgres';

export interface PostgresUser {
  /** undefined: the system has no such numbers */
  readonly uid: number | undefined;
  spawn(binary: string, options: readonly string[], spawnOptions: SpawnOptions): ChildProcess;
  /** Makes the user the owner of a file or folder. */
  own(file: string): void;
}

/**
 * Who runs Postgres so that it reaches the binary and the data folder. As root: the user postgres, made where the system has none.
 * If that user may not pass a folder on the way (a clone under /root), it keeps root's right to pass folders, and no other right of root's.
 */
export function choosePostgresUser(binary: string, dataFolder: string): PostgresUser {
  const environment = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    LC_ALL: 'C',
    TZ: 'UTC',
    LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'],
  };
  const settings = { cwd: '/', env: environment };
  if (process.getuid?.() !== 0) {
    return {
      uid: process.getuid?.(),
      spawn: (file, options, spawnOptions) => spawn(file, options, { ...settings, ...spawnOptions }),
      own: () => {},
    };
  }
  const ids = idsOf(USER) ?? addUser();
  const own = (file: string) => fs.chownSync(file, ids.uid, ids.gid);
  const unreachable = [path.dirname(binary), dataFolder].find((folder) => !canPass(ids, folder));
  if (unreachable === undefined) {
    return { uid: ids.uid, spawn: (file, options, spawnOptions) => spawn(file, options, { ...settings, ...ids, ...spawnOptions }), own };
  }
  const prefix = [
    ...[`--reuid=${ids.uid}`, `--regid=${ids.gid}`, '--clear-groups'],
    ...['--inh-caps=-all,+dac_override', '--ambient-caps=+dac_override'],
    '--securebits=+no_setuid_fixup', // otherwise the right is lost to access(2), with which Postgres looks for its own binary
  ];
  if (spawnSync('setpriv', [...prefix, 'ls', '-d', `${unreachable}/.`], { stdio: 'ignore', ...settings }).status !== 0) {
    throw new StartError(
      `Postgres does not run as root, and the user ${USER}, whom it runs as instead, cannot reach ${unreachable}. ` +
        'Start Strata as an ordinary user, or keep it and DATA_DIR in folders that every user may pass (not under /root), or set DATABASE_URL.',
    );
  }
  return {
    uid: ids.uid,
    spawn: (file, options, spawnOptions) => spawn('setpriv', [...prefix, file, ...options], { ...settings, ...spawnOptions }),
    own,
  };
}

/** Postgres takes only files that its own user owns. Throws a StartError where another user owns those that are there. */
export function checkOwner(user: PostgresUser, dataFolder: string): void {
  const { uid } = fs.statSync(dataFolder);
  if (user.uid === undefined || uid === user.uid) return;
  const name = (of: number) => nameOf(of) ?? `number ${of}`;
  throw new StartError(
    `The database in ${dataFolder} belongs to the user ${name(uid)}, and Postgres would run as ${name(user.uid)}. ` +
      'Start Strata as the user who made the folder, or set DATA_DIR to another folder.',
  );
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

function readUsers(): readonly (readonly string[])[] {
  if (!fs.existsSync('/etc/passwd')) return [];
  return fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}

function nameOf(uid: number): string | undefined {
  return readUsers().find((fields) => fields[2] === String(uid))?.[0];
}

function idsOf(user: string): Ids | undefined {
  const entry = readUsers().find((fields) => fields[0] === user);
  return entry === undefined ? undefined : { uid: Number(entry[2]), gid: Number(entry[3]) };
}

function addUser(): Ids {
  try {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', USER], { stdio: 'pipe' });
  } catch (cause) {
    throw new StartError(
      `Postgres does not run as root, and there is no user ${USER} to run it as. Start Strata as an ordinary user, add that user, or set DATABASE_URL.`,
      { cause },
    );
  }
  const ids = idsOf(USER);
  if (ids === undefined) throw new StartError(`The user ${USER} was added but is not in /etc/passwd. Start Strata as an ordinary user.`);
  return ids;
}

/**
 * Whether the user may pass through every folder on the way to this one. Tried, not computed: access lists and capabilities count too (and test
 * -x knows neither).
 */
function canPass(ids: Ids, folder: string): boolean {
  return spawnSync('ls', ['-d', `${folder}/.`], { ...ids, cwd: '/', stdio: 'ignore' }).status === 0;
}
