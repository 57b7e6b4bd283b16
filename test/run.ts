// In charge of `npm test`: runs every test (or what the arguments name) and ends with the line `N passed, N failed`,
// counted from vitest's own report. Ends non-zero when anything failed, or when nothing ran.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-test-report-'));
const reportFile = path.join(folder, 'report.json');
const vitest = path.join(path.dirname(createRequire(import.meta.filename).resolve('vitest/package.json')), 'vitest.mjs');

const code = await runVitest();
const report = readReport();
fs.rmSync(folder, { recursive: true, force: true });

const failedBefore = report?.testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
);
const passed = report?.numPassedTests ?? 0;
let failed = (report?.numFailedTests ?? 0) + (failedBefore?.length ?? 0);
if (report === undefined) {
  console.log('vitest ended without a report: counted as one failure');
  failed = 1;
} else if (failed === 0 && code !== 0) {
  console.log(`vitest ended with code ${code} for a reason outside of any test: counted as one failure`);
  failed = 1;
} else if (failed === 0 && passed === 0) {
  console.log('no test ran: counted as one failure');
  failed = 1;
}
for (const file of failedBefore ?? [])
  console.log(`failed outside of its tests, counted as one failure: ${path.relative(process.cwd(), file.name)}`);
if (report !== undefined && report.numPendingTests > 0) console.log(`${report.numPendingTests} skipped (see their names above)`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** Resolves with vitest's exit code; a signal that ends us is passed on, so that its Postgres is stopped too. */
function runVitest(): Promise<number | null> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => child.kill(name));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
}

function readReport(): Report | undefined {
  return fs.existsSync(reportFile) ? (JSON.parse(fs.readFileSync(reportFile, 'utf8')) as Report) : undefined;
}
