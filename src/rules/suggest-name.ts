// Finds the known name that a mistyped one was probably meant to be. Only for hints. Its bound is not that of base/nearest-name.ts: it goes
// by the length of what was written, and three edits are the most.
import { editDistance } from '../base/edit-distance.ts';

const LONGEST_NAME = 64;

/** The nearest candidate, or null when none is near enough to be worth a hint. */
export function suggestName(name: string, candidates: Iterable<string>): string | null {
  if (name.length > LONGEST_NAME) return null;
  const wanted = fold(name);
  const furthest = wanted.length <= 3 ? 1 : wanted.length <= 6 ? 2 : 3;
  let best: string | null = null;
  let bestDistance = furthest + 1;
  for (const candidate of candidates) {
    if (candidate.length > LONGEST_NAME) continue;
    const folded = fold(candidate);
    if (Math.abs(folded.length - wanted.length) >= bestDistance) continue;
    const distance = editDistance(wanted, folded);
    if (distance < bestDistance && distance < Math.max(wanted.length, folded.length)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

// `firstName`, `first-name` and `first_name` are one mistake away from each other, not three
function fold(name: string): string {
  return name.toLowerCase().replace(/[_\- ]/g, '');
}
