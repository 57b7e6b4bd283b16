// Seed and number of runs of the property tests: fixed, so that every run is the same; SEED and RUNS in the environment choose others.
// Both are printed, with the seed that a failure has to be repeated with.

export interface PropertySettings {
  readonly seed: number;
  readonly numRuns: number;
}

const DEFAULT_SEED = 20_261_121;

export function propertySettings(name: string, defaultRuns: number): PropertySettings {
  const settings = { seed: wholeNumber('SEED') ?? DEFAULT_SEED, numRuns: wholeNumber('RUNS') ?? defaultRuns };
  console.log(`${name}: SEED=${settings.seed} RUNS=${settings.numRuns}`);
  return settings;
}

function wholeNumber(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^-?\d{1,10}$/.test(text)) throw new Error(`${name} is a whole number, not ${text}`);
  return Number(text);
}
