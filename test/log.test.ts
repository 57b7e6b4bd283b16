// The log from the point of view of whoever reads it: when the other end of the pipe stands still, and at the end of the process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

const LINES = 3000;
const SCRIPT = `
  import { openLog } from ${JSON.stringify(new URL('../src/log.ts', import.meta.url).href)};
  const log = openLog('info');
  for (let line = 0; line < ${LINES}; line += 1) log.info({ line, filling: 'x'.repeat(1000) }, 'one of many');
  process.stdout.write('said');
  process.once('message', () => {
    log.fatal('the last');
    process.exit(3);
  });`;

test('holds nobody up while nobody reads', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', SCRIPT], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('its pipes are not there');
  const [said] = await once(stdout, 'data'); // with three megabytes before a pipe that takes a few kilobytes
  expect(String(said)).toBe('said');

  const exiting = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: stderr })) {
    if (lines.push(line) === LINES) child.send('end');
  }
  expect(await exiting).toEqual([3, null]);
  expect(lines).toHaveLength(LINES + 1);
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ level: 'fatal', msg: 'the last' });
});
