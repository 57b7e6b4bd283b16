// Which segments cause a statement to fail: found by halving, each by its own failure; what only all of them together cannot do is no single
// one's fault.
import { expect, test } from 'vitest';
import { findCulprits, reasonOf } from '../../src/evaluation/find-culprits.ts';

function failure(code: string, message = code): Error {
  return Object.assign(new Error(message), { code });
}

const IDS = [1, 2, 3, 4, 5, 6, 7];

async function blame(fails: (ids: readonly number[]) => Error | null): Promise<{ blamed: [number, string][]; asked: number }> {
  let asked = 0;
  const culprits = await findCulprits(IDS, async (ids) => {
    asked += 1;
    const error = fails(ids);
    if (error !== null) throw error;
  });
  return { blamed: [...culprits], asked };
}

test.each([[[1]], [[4]], [[7]], [[2, 6]], [[...IDS]]])('finds %j', async (culprits) => {
  const { blamed } = await blame((ids) => {
    const first = ids.find((id) => culprits.includes(id));
    return first === undefined ? null : failure('22012', `broken ${first}`);
  });
  expect(blamed).toEqual(culprits.map((id) => [id, `broken ${id}`]));
});

test('one of many is found in few tries', async () => {
  const { asked } = await blame((ids) => (ids.includes(5) ? failure('54001') : null));
  expect(asked).toBe(7); // all, and two halves on each of three levels
});

test('what fails only together blames nobody', async () => {
  expect((await blame((ids) => (ids.length > 3 ? failure('57014') : null))).blamed).toEqual([]);
});

test.each(['08006', '57P01', '40001', '40P01', '25P02', '0A054'])('faults of no rule are thrown on: %s', async (code) => {
  await expect(blame((ids) => (ids.length === 1 ? failure(code) : failure('57014')))).rejects.toMatchObject({ code });
});

test.each(['22012', '22P02', '54000', '54001', '54011', '57014'])('a rule is blamed for %s', async (code) => {
  expect((await blame((ids) => (ids.includes(3) ? failure(code, 'broken') : null))).blamed).toMatchObject([[3, expect.any(String)]]);
});

test('reasons are told in words', () => {
  expect(reasonOf(failure('57014'))).toContain('too long');
  expect(reasonOf(failure('22012', 'division by zero'))).toBe('division by zero');
});
