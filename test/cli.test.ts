// The command line as such: its help, and what it does with commands that do not exist. What each command does is tested with the command.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const LAUNCHER = path.join(import.meta.dirname, '..', 'src', 'cli', 'launch.js');

function strata(...given: string[]): Promise<{ readonly code: number | string; readonly output: string; readonly errors: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [LAUNCHER, ...given], (error, output, errors) => resolve({ code: error?.code ?? 0, output, errors }));
  });
}

describe('strata', () => {
  test('tells its commands when none is given', async () => {
    const { code, output } = await strata();
    expect(code).toBe(0);
    const commands = [
      'start',
      'demo',
      'import',
      'plan',
      'apply',
      'export',
      'verify',
      'audit',
      'settings',
      'openapi',
      'graphql-schema',
      'help',
    ];
    expect([...output.matchAll(/^ {2}strata ([\w-]+)/gm)].map((match) => match[1])).toEqual(commands);
    expect((await strata('--help')).output).toBe(output);
  });

  test('says of each command what it takes', async () => {
    const { code, output, errors } = await strata('import', 'orders', '--help');
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output).toMatch(/^strata import customers\|orders\|events FILE/);
    expect((await strata('start', '-h')).output).toMatch(/^ {2}strata start\n/);
  });

  test('refuses a command that there is not', async () => {
    const { code, output, errors } = await strata('imprt');
    expect({ code, output }).toEqual({ code: 2, output: '' });
    expect(errors).toMatch(/^There is no command imprt\.\n\nStrata keeps/);
  });

  test('refuses an option that there is not', async () => {
    expect(await strata('openapi', '--chek')).toEqual({ code: 2, output: '', errors: "Unknown option '--chek'\n" });
    expect((await strata('start', 'now')).code).toBe(2);
  });
});
