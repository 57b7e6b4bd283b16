// What a schema finds wrong is said in the words of the API, in whichever way it is wrong.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sayIssue } from '../../src/api/rest/say-issue.ts';
import { integerParameter } from '../../src/api/rest/wire.ts';

const cases: readonly (readonly [z.ZodType, unknown, string])[] = [
  [z.string(), 5, 'A string is wanted here.'],
  [z.boolean(), 'true', '`true` or `false` is wanted here.'],
  [z.int(), 1.5, 'A whole number is wanted here.'],
  [z.strictObject({}), [], 'An object is wanted here.'],
  [z.int().max(1440), 2000, 'This is at most 1440.'],
  [z.number().min(2), 1, 'This is at least 2.'],
  [z.number().positive(), 0, 'This is more than 0.'],
  [z.string().min(1), '', 'At least 1 character is needed here.'],
  [z.string().max(3), 'four', 'At most 3 characters are taken here.'],
  [z.array(z.string()).max(2), ['a', 'b', 'c'], 'At most 2 elements are taken here.'],
  [z.enum(['day', 'week']), 'month', 'This is one of `day`, `week`.'],
  [z.literal('now'), 'then', 'This is `now`.'],
  [z.iso.date(), '31.1.', 'This is a date such as 2026-01-31.'],
  [z.string().regex(/^a$/), 'b', 'This does not have the form that is wanted here.'],
  [z.union([z.string(), z.number()]), true, 'A string or a number is wanted here.'],
  [z.union([z.string().max(2), z.number()]), 'long', 'At most 2 characters are taken here.'],
  [integerParameter(1, 9), 'x', 'This is a whole number from 1 to 9.'],
  [z.string().refine(() => false, 'a key has no blanks'), 'a b', 'A key has no blanks.'],
];

test.each(cases)('case %#', (schema, value, said) => {
  const outcome = schema.safeParse(value, { reportInput: true });
  expect(outcome.error?.issues.map(sayIssue)).toEqual([said]);
});
