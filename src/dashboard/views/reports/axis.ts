// In charge of where an axis is marked: at a few round numbers from zero to a round end.
const STEPS = [1, 2, 2.5, 5, 10];

/** From 0 up to at least `most`, in two to five equal steps. */
export function marksUpTo(most: number): readonly number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (STEPS.find((each) => each * power >= rough) ?? 10);
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, index) => index * step);
}

/** Which of this many places get a word, if there is room for only this many words. */
export function spreadOut(count: number, room: number): (index: number) => boolean {
  const every = Math.max(1, Math.ceil(count / Math.max(1, room)));
  return (index) => (count - 1 - index) % every === 0;
}
