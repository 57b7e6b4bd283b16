// Seed and number of runs of the property tests: fixed, so that every run is the same; SEED and RUNS in the environment choose others.
// Both are printed, and again with a failure. SHRINK=1 looks for a smaller case of the same failure, which takes minutes.
import fc from 'fast-check';

interface PropertySettings {
  readonly seed: number;
  readonly numRuns: number;
}

const DEFAULT_SEED = 20_261_121;

export function propertySettings(name: string, defaultRuns: number): PropertySettings {
  const settings = { seed: wholeNumber('SEED') ?? DEFAULT_SEED, numRuns: wholeNumber('RUNS') ?? defaultRuns };
  console.log(`${name}: SEED=${settings.seed} RUNS=${settings.numRuns}`);
  return settings;
}

/** Runs a property; a failure says what went wrong (the error tells rule, shop and customer itself) and how to repeat it. */
export async function holdAlways<Values>(property: fc.IAsyncProperty<Values>, settings: PropertySettings): Promise<void> {
  const details = await fc.check(property, { ...settings, endOnFailure: process.env['SHRINK'] === undefined });
  if (!details.failed) return;
  const cause = details.errorInstance;
  const message = cause instanceof Error ? cause.message : String(cause);
  throw new Error(`run ${details.numRuns} with SEED=${details.seed}: ${message}`);
}

function wholeNumber(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^-?\d{1,10}$/.test(text)) throw new Error(`${name} is a whole number, not ${text}`);
  return Number(text);
}
