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

/** How many names of one request are looked for: each is compared with every known one, and a body has room for a million. */
export const NEAR_NAMES_MAX = 100;

/** The hints of one request: as `nearestName`, but after so many names nothing is near any more. */
export class NearNames {
  #left = NEAR_NAMES_MAX;

  find(name: string, known: Iterable<string>): string | undefined {
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    return nearestName(name, known);
  }
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[_\-. ]/g, '');
}
