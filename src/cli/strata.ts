// In charge of the command line: which commands there are, and their help. What a command does is in a file of its own, read only when it runs.
import { parseArgs } from 'node:util';
import { StartError } from '../base/start-error.ts';

interface Command {
  readonly name: string;
  /** the arguments after the command's name */
  readonly options: string;
  readonly summary: string;
  /** what `--help` says about it; absent: what the list of commands says */
  help?(): Promise<string>;
  /** → the exit code; undefined: the process goes on on its own, or has set its exit code itself */
  run(given: readonly string[]): Promise<number | undefined>;
}

const COMMANDS: readonly Command[] = [
  {
    name: 'start',
    options: '',
    summary: 'start the service (settings are environment variables, see the README)',
    run: async (given) => {
      parseArgs({ args: [...given], options: {} });
      await (await import('../main.ts')).main();
      return undefined;
    },
  },
  {
    name: 'demo',
    options: '[--seed 1] [--end 2026-01-31]',
    summary: 'fill a made-up shop into a Strata of its own (data in .strata-demo) and show its segments',
    run: async (options) => (await import('./demo.ts')).runDemo(options),
  },
  {
    name: 'import',
    options: 'customers|orders|events FILE [--map FIELD=COLUMN …]',
    summary: 'send a CSV or NDJSON file to a running service (strata import for all options)',
    help: async () => (await import('./import.ts')).IMPORT_HELP,
    run: async (options) => (await import('./import.ts')).importCommand(options),
  },
  ...(['plan', 'apply', 'export'] as const).map(
    (name): Command => ({
      name,
      options: 'DIR [--url URL]',
      summary: {
        plan: 'show what would change in a running service so that it has the segments and groups of the files',
        apply: 'make a running service have the segments and groups of the files',
        export: 'write the segments and groups of a running service as files',
      }[name],
      help: async () => (await import('./plan.ts')).PLAN_HELP,
      run: async (given) => (await import('./plan.ts')).filesCommand(name, given),
    }),
  ),
  {
    name: 'verify',
    options: '[--repair] [--samples 20]',
    summary: 'compare everything stored with facts, rules and feed; exits non-zero where something differs',
    help: async () => (await import('./verify.ts')).VERIFY_HELP,
    run: async (given) => (await import('./verify.ts')).verifyCommand(given),
  },
  {
    name: 'audit',
    options: 'verify [--head POSITION:CHAIN]',
    summary: 'prove that no entry of the audit was changed, taken out or put in; exits non-zero where one was',
    help: async () => (await import('./audit.ts')).AUDIT_HELP,
    run: async (given) => (await import('./audit.ts')).auditCommand(given),
  },
  {
    name: 'settings',
    options: '[set TIME_ZONE=… CURRENCY=…]',
    summary: 'show the time zone and the currency that a database was made with, or change them while no service works on it',
    help: async () => (await import('./settings.ts')).SETTINGS_HELP,
    run: async (given) => (await import('./settings.ts')).settingsCommand(given),
  },
  {
    name: 'openapi',
    options: '[--check]',
    summary: 'write openapi.yaml and schema.graphql from the routes, or only check that openapi.yaml is current',
    run: async (given) => {
      const { values } = parseArgs({ args: [...given], options: { check: { type: 'boolean', default: false } } });
      const openapi = await import('./openapi.ts');
      if (!values.check) {
        await openapi.writeOpenapi();
        await (await import('./graphql-schema.ts')).writeGraphqlSchema();
        return 0;
      }
      if (await openapi.isOpenapiCurrent()) return 0;
      process.stderr.write('openapi.yaml is not current: run npm run openapi and commit it\n');
      return 1;
    },
  },
  {
    name: 'graphql-schema',
    options: '[--check]',
    summary: 'write schema.graphql from the routes, or only check that it is current',
    run: async (given) => {
      const { values } = parseArgs({ args: [...given], options: { check: { type: 'boolean', default: false } } });
      const { isGraphqlSchemaCurrent, writeGraphqlSchema } = await import('./graphql-schema.ts');
      if (!values.check) {
        await writeGraphqlSchema();
        return 0;
      }
      if (await isGraphqlSchemaCurrent()) return 0;
      process.stderr.write('schema.graphql is not current: run npm run graphql-schema and commit it\n');
      return 1;
    },
  },
  {
    name: 'help',
    options: '',
    summary: 'show this',
    run: async () => {
      process.stdout.write(help());
      return 0;
    },
  },
];

const EXIT_FAILED = 1;
const EXIT_MISUSE = 2;

/** Runs the command that the arguments name; for an unknown one it prints the help and exits with code 2. */
export async function runCommand([name = 'help', ...given]: readonly string[]): Promise<void> {
  const wanted = name === '--help' || name === '-h' ? 'help' : name;
  const command = COMMANDS.find((known) => known.name === wanted);
  if (command === undefined) {
    process.stderr.write(`There is no command ${name}.\n\n${help()}`);
    process.exitCode = EXIT_MISUSE;
    return;
  }
  if (given.includes('--help') || given.includes('-h')) {
    process.stdout.write((await command.help?.()) ?? describe(command));
    return;
  }
  try {
    const code = await command.run(given);
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    const isMisuse = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    if (!isMisuse && !(error instanceof StartError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = isMisuse ? EXIT_MISUSE : EXIT_FAILED;
  }
}

function help(): string {
  return `Strata keeps every customer in the right segments at every moment.\n\n${COMMANDS.map(describe).join('')}`;
}

function describe({ name, options, summary }: Command): string {
  return `  ${`strata ${name} ${options}`.trimEnd()}\n      ${summary}\n`;
}
