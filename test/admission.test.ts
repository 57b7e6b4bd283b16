// The bound on work under way: as much as is done in a second may wait, more may not, and a burst is always accepted.
import { expect, test } from 'vitest';
import { Admission } from '../src/base/admission.ts';

function enterMany(admission: Admission, count: number): number {
  return Array.from({ length: count }, () => admission.enter()).filter(Boolean).length;
}

function leaveMany(admission: Admission, count: number): void {
  for (let number = 0; number < count; number += 1) admission.leave('done');
}

test('a burst is taken up to the bound', () => {
  const admission = new Admission({ always: 10, mostWaitS: 1 });
  expect(enterMany(admission, 25)).toBe(10);
  leaveMany(admission, 1);
  expect(enterMany(admission, 25)).toBe(1);
});

test('the bound follows what a second does', () => {
  const admission = new Admission({ always: 10, mostWaitS: 2 });
  for (let number = 0; number < 100; number += 1) {
    admission.enter();
    admission.leave('done');
  }
  expect(admission.most).toBe(200);
  admission.turnSecond();
  expect(enterMany(admission, 500)).toBe(200);
});

test('one second of standstill does not lower it', () => {
  const admission = new Admission({ always: 10, mostWaitS: 1 });
  enterMany(admission, 10);
  leaveMany(admission, 10);
  enterMany(admission, 10);
  leaveMany(admission, 10);
  admission.turnSecond();
  for (let second = 0; second < 4; second += 1) admission.turnSecond();
  expect(admission.most).toBe(20);
  admission.turnSecond();
  expect(admission.most).toBe(10);
});

test('what was refused does not raise it', () => {
  const admission = new Admission({ always: 10, mostWaitS: 1 });
  for (let number = 0; number < 100; number += 1) {
    admission.enter();
    admission.leave('refused');
  }
  expect(admission.most).toBe(10);
  expect(admission.underWay).toBe(0);
});
