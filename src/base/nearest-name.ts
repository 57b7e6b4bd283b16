// In charge of guessing what a mistyped name was meant to be, for hints. Never used to decide anything.
import { editDistance } from './edit-distance.ts';

/** A known name whose length differs by more is not looked at. */
const FURTHEST = 32;

/** The known name that is fewest edits away (at most a third of its letters; case and separators do not count), or undefined. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > 64) return undefined; // nobody mistypes that far, and the distance is quadratic
  const wanted = plain(name);
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const folded = plain(candidate);
    if (Math.abs(wanted.length - folded.length) > FURTHEST) continue;
    const distance = editDistance(wanted, folded);
    if (distance < bestDistance && distance <= Math.max(1, Math.floor(candidate.length / 3))) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[_\-. ]/g, '');
}
