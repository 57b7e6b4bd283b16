// Who is to blame for a statement that fails: found by halving, each by its own failure; what only all together cannot do is nobody's.
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

test('an outage is thrown on', async () => {
  await expect(blame((ids) => (ids.length === 1 ? failure('08006') : failure('57014')))).rejects.toMatchObject({ code: '08006' });
});

test('reasons are told in words', () => {
  expect(reasonOf(failure('57014'))).toContain('too long');
  expect(reasonOf(failure('22012', 'division by zero'))).toBe('division by zero');
});
