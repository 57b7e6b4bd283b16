// docs/errors.md, checked against the table of codes both ways, and its example against what a service answers.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ERROR_GUIDE } from '../../src/api/rest/error-guide.ts';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';
import { startService } from '../api/service.ts';

const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'errors.md'), 'utf8');

test('the page has each code as it is', () => {
  const rows = [...page.matchAll(/^\| `.*$/gm)].map(([row]) => row);
  const expected = Object.entries(ERRORS).map(([code, { status }]) => {
    const { when, todo } = ERROR_GUIDE[code as ErrorCode];
    return `| \`${code}\` | ${status} | ${when} | ${todo} |`;
  });
  expect(rows).toEqual(expected);
});

test('its example is what is answered', async () => {
  const shown = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '{}');
  const service = await startService({ background: false });
  const { body, status } = await service.call('POST', '/v1/stream-tokens', {});
  await service.close();
  expect({ ...body, instance: '' }).toEqual({ ...shown, instance: '' });
  expect(status).toBe(shown.status);
});
