// In charge of `strata plan`, `strata apply` and `strata export`: segments and groups as files, against a running service. Options, output
// and exit codes; the work is in segment-files/.
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { ApiRefusal, openApi } from './api-client.ts';
import { applyPlan, type RunsBefore, waitForRuns } from './segment-files/apply-plan.ts';
import { makePlan } from './segment-files/make-plan.ts';
import { nameStep, printPlan, printProblems } from './segment-files/print-plan.ts';
import { readSegmentFiles } from './segment-files/read-files.ts';
import { readPresent } from './segment-files/read-present.ts';
import { writeSegmentFiles } from './segment-files/write-files.ts';
import { findService, type ServiceAddress } from './service-address.ts';
import { processTerminal, type Terminal } from './terminal.ts';

export const PLAN_HELP = `strata plan DIR [options]      what would change in a running service so that it has what the files say
strata apply DIR [options]     the same, done; a second time there is nothing to do
strata export DIR [options]    what the service has, as files

  --prune       archive and delete what the files do not hold
  --check       plan: exit with 4 where there is something to do
  --wait        apply: until everybody has been evaluated; exit with 1 where that fails
  --force       export: replace files
  --url URL     of the service; else STRATA_URL (http://127.0.0.1:3000)
  --key KEY     else STRATA_KEY, ADMIN_KEY or ADMIN_KEY_FILE, else the one in DATA_DIR

The files are described in docs/segments-as-files.md.
Exit codes: 0 done, 1 it failed, 2 the command was not understood, 3 the files have mistakes, 4 something is to be done (--check).
`;

const EXIT = { done: 0, failed: 1, usage: 2, mistakes: 3, changes: 4 } as const;

type Verb = 'plan' | 'apply' | 'export';

/** → the exit code */
export async function filesCommand(verb: Verb, given: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const command = readCommand(verb, given, terminal.environment);
  if (typeof command === 'string') {
    terminal.progress.write(`${command}\n\n${PLAN_HELP}`);
    return EXIT.usage;
  }
  try {
    return await (verb === 'export' ? exportFiles(command, terminal) : planFiles(verb, command, terminal));
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    terminal.progress.write(`${error.message}\n`);
    return EXIT.failed;
  }
}

interface Command {
  readonly folder: string;
  readonly service: ServiceAddress;
  readonly prune: boolean;
  readonly check: boolean;
  readonly wait: boolean;
  readonly force: boolean;
}

const FLAG = { type: 'boolean', default: false } as const;
const ADDRESS = { url: { type: 'string' }, key: { type: 'string' } } as const;
const OPTIONS = {
  plan: { prune: FLAG, check: FLAG, ...ADDRESS },
  apply: { prune: FLAG, wait: FLAG, ...ADDRESS },
  export: { force: FLAG, ...ADDRESS },
} as const;

/** The command's options, or what is wrong with them. */
function readCommand(verb: Verb, given: readonly string[], environment: Terminal['environment']): Command | string {
  try {
    const { values, positionals } = parseArgs({ args: [...given], options: OPTIONS[verb], allowPositionals: true });
    const [folder, ...more] = positionals;
    if (folder === undefined) return 'Say which folder.';
    if (more.length > 0) return `One folder at a time; ${more[0]} is one too many.`;
    if (verb !== 'export' && !fs.existsSync(folder)) return `There is no folder ${folder}.`;
    const { url, key, ...flags } = values as Partial<Record<string, string | boolean>>;
    const service = findService({ url: url as string | undefined, key: key as string | undefined }, environment);
    if (typeof service === 'string') return service;
    const flag = (name: string) => flags[name] === true;
    return { folder, service, prune: flag('prune'), check: flag('check'), wait: flag('wait'), force: flag('force') };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function exportFiles({ folder, service, force }: Command, terminal: Terminal): Promise<number> {
  const { files, removed, leftOut } = writeSegmentFiles(folder, await readPresent(openApi(service.base, service.key)), force);
  terminal.out(files.map((file) => `${file}\n`).join(''));
  for (const file of removed) terminal.progress.write(`There are no groups any more: ${file} is removed\n`);
  if (leftOut.length > 0) terminal.progress.write(`Drafts that were never published are left out: ${leftOut.join(', ')}\n`);
  return EXIT.done;
}

async function planFiles(verb: 'plan' | 'apply', command: Command, terminal: Terminal): Promise<number> {
  const api = openApi(command.service.base, command.service.key);
  const wanted = readSegmentFiles(command.folder);
  const plan = await makePlan(api, wanted, await readPresent(api), { prune: command.prune });
  if (plan.problems.length > 0) {
    terminal.progress.write(printProblems(plan.problems));
    return EXIT.mistakes;
  }
  terminal.out(printPlan(plan));
  if (verb === 'plan') return command.check && plan.steps.length > 0 ? EXIT.changes : EXIT.done;
  if (plan.steps.length === 0) return EXIT.done;
  terminal.out('\n');
  const runsBefore = await applyPlan(api, plan, (step) => terminal.out(`${nameStep(step)} …\n`));
  terminal.out('Done.\n');
  return command.wait ? waitForAll(command, runsBefore, terminal) : EXIT.done;
}

async function waitForAll({ service }: Command, runsBefore: RunsBefore, terminal: Terminal): Promise<number> {
  const { progress } = terminal;
  const show = (key: string, done: number, total: number) => progress.isTerminal && progress.write(`\r${key}: ${done} of ${total}\u001b[K`);
  const waited = await waitForRuns(openApi(service.base, service.key), runsBefore, terminal.clock, show);
  if (progress.isTerminal) progress.write('\r\u001b[K');
  const failed = waited.filter(({ failure }) => failure !== null);
  for (const { key, failure } of failed) progress.write(`segment ${key}: ${failure}\n`);
  if (failed.length > 0) return EXIT.failed;
  terminal.out('Everybody has been evaluated.\n');
  return EXIT.done;
}
