// The programs of the embedded Postgres: an installed one's are run instead of npm's, and refused where they are none or of another version.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDataFolder } from '../src/base/data-folder.ts';
import { commandOf } from '../src/base/process-mark.ts';
import { startEmbedded } from '../src/db/embedded.ts';
import { findBinaries } from '../src/db/postgres-binaries.ts';

let root: string;

beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-binaries-'));
  fs.chmodSync(root, 0o711);
});

afterAll(() => fs.rmSync(root, { recursive: true }));

/** A folder with these programs, as shell scripts. */
function makePrograms(name: string, scripts: Readonly<Record<string, string>>): string {
  const folder = path.join(root, name);
  fs.mkdirSync(folder);
  for (const [program, script] of Object.entries(scripts))
    fs.writeFileSync(path.join(folder, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return folder;
}

it('those of an installed Postgres are run', async () => {
  const installed = path.join(root, 'installed');
  fs.symlinkSync(path.dirname(findBinaries().postgres), installed);
  const postgres = await startEmbedded(openDataFolder(path.join(root, 'data')), { durable: false, binaries: installed });
  try {
    expect(commandOf(postgres.pid)).toContain(path.join(installed, 'postgres'));
  } finally {
    await postgres.stop();
  }
});

it.each([
  [
    'nowhere',
    {},
    /^POSTGRES_BIN is .*nowhere, where there is no program postgres that can be run\. .* such as \/usr\/lib\/postgresql\/18\/bin\.$/,
  ],
  ['half', { postgres: 'exit 0' }, /where there is no program initdb that can be run/],
  [
    'older',
    { postgres: 'echo "postgres (PostgreSQL) 15.18"', initdb: '' },
    /a Postgres 18 is needed: its postgres says “postgres \(PostgreSQL\) 15\.18”\.$/,
  ],
  ['broken', { postgres: 'exit 1', initdb: '' }, /^POSTGRES_BIN names a Postgres that does not run: .*postgres --version failed\.$/],
] as const)('a folder %s is refused', (name, scripts, sentence) => {
  expect(() => findBinaries(makePrograms(name, scripts))).toThrow(sentence);
});
