// In charge of physical copies of a Postgres for tests: a base copy of its files while it runs, started as a streaming replica or as a
// server of its own. The embedded binaries have no pg_basebackup, so the copy is made by hand, as the manual describes it.
import fs from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { openDataFolder } from '../../src/base/data-folder.ts';
import { type EmbeddedPostgres, startEmbedded } from '../../src/db/embedded.ts';

/** What a running server holds only for itself. */
const NOT_COPIED =
  /^(postmaster\.(pid|opts)|pg_replslot\/.+|pg_dynshmem\/.+|pg_notify\/.+|pg_serial\/.+|pg_snapshots\/.+|pg_stat_tmp\/.+|pg_subtrans\/.+)$/;

/** Copies the files of a running server into another data folder, consistent from its start on. */
export async function copyBase(source: { readonly url: string; readonly folder: string }, target: string): Promise<void> {
  const from = path.join(source.folder, 'postgres');
  const to = path.join(target, 'postgres');
  fs.mkdirSync(target, { recursive: true, mode: 0o711 });
  const client = new pg.Client({ connectionString: source.url }); // both calls are to come over one connection
  await client.connect();
  try {
    await client.query("select pg_backup_start('copy', true)");
    fs.cpSync(from, to, { recursive: true, filter: (file) => !NOT_COPIED.test(path.relative(from, file)) });
    const { rows } = await client.query<{ labelfile: string; spcmapfile: string }>(
      'select labelfile, spcmapfile from pg_backup_stop(false)',
    );
    fs.writeFileSync(path.join(to, 'backup_label'), rows[0]?.labelfile ?? '');
    fs.cpSync(path.join(from, 'pg_wal'), path.join(to, 'pg_wal'), { recursive: true, force: true }); // up to the end of the copying
  } finally {
    await client.end();
  }
  fs.copyFileSync(path.join(source.folder, 'postgres-password'), path.join(target, 'postgres-password'));
  own(source.folder, target);
}

/** A copy that follows its source for as long as both run, and is read only. */
export async function startReplica(source: { readonly url: string; readonly folder: string }, target: string): Promise<EmbeddedPostgres> {
  await copyBase(source, target);
  const { hostname, port, username, password } = new URL(source.url);
  const conninfo = `host=${decodeURIComponent(hostname)} port=${port} user=${username} password=${password}`;
  const postgres = path.join(target, 'postgres');
  fs.appendFileSync(path.join(postgres, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`);
  fs.writeFileSync(path.join(postgres, 'standby.signal'), '');
  own(source.folder, target);
  return startEmbedded(openDataFolder(target), { durable: false });
}

/** As root the server runs as another user, whose the files are to be. */
function own(like: string, target: string): void {
  const { uid, gid } = fs.statSync(path.join(like, 'postgres'));
  for (const entry of fs.readdirSync(target, { recursive: true, encoding: 'utf8' })) fs.lchownSync(path.join(target, entry), uid, gid);
}
