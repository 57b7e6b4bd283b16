// The table of every limit of the rule language, and the form of the refusal when a rule exceeds one.
import type { Place } from './ast.ts';
import type { Diagnostic } from './diagnostic.ts';

interface Limit {
  readonly atMost: number;
  /** reads as `<what> is limited to <atMost> <unit>` */
  readonly what: string;
  readonly unit: string;
}

export const LIMITS = {
  /** of the text as written, and of the text that the rule prints as: what is accepted can be read again */
  textBytes: { atMost: 32 * 1024, what: 'the text of a rule', unit: 'bytes' },
  /** nodes from the rule down to its deepest value; and/or are n-ary */
  treeDepth: { atMost: 32, what: 'the depth of a rule', unit: 'levels' },
  /** brackets in the text, objects in the JSON: a bound on the parser's own stack */
  brackets: { atMost: 256, what: 'the nesting of brackets', unit: 'levels' },
  conditions: { atMost: 500, what: 'a rule', unit: 'conditions' },
  listLiterals: { atMost: 1000, what: 'a list', unit: 'values' },
  durationDays: { atMost: 3660, what: 'a duration', unit: 'days' },
  /** as for what is sent (ingest/limits.ts): a longer one is of no event, and could not be registered */
  nameBytes: { atMost: 256, what: 'the name of an event or a property', unit: 'bytes' },
  numberDigits: { atMost: 15, what: 'a number', unit: 'significant digits' },
  numberDecimals: { atMost: 30, what: 'a number', unit: 'decimals' },
  segmentDepth: { atMost: 16, what: 'the nesting of segments', unit: 'levels' },
  /** each is a parameter of the statement that evaluates everybody, and Postgres takes 65,535; a few hundred more come with the statement */
  liveValues: { atMost: 50_000, what: 'what the rules of all live segments compare with', unit: 'different values' },
  /** a longer list of mistakes helps nobody, and would let a hostile rule cause a huge answer */
  diagnostics: { atMost: 200, what: 'the list of mistakes', unit: 'entries' },
} as const satisfies Record<string, Limit>;

export const EARLIEST_YEAR = 1900;
export const LATEST_YEAR = 2200;

export function limitExceeded(name: keyof typeof LIMITS, found: string | number, place: Place, hint?: string): Diagnostic {
  const { atMost, what, unit } = LIMITS[name];
  const detail = `${what} is limited to ${atMost.toLocaleString('en-US')} ${unit}; this is ${found}`;
  return { code: 'limit_exceeded', detail, place, ...(hint === undefined ? {} : { hint }) };
}

/** A zero or missing length where one is needed. */
export function zeroWindow(place: Place): Diagnostic {
  return { code: 'limit_exceeded', detail: 'a duration in a window must be more than zero; this is 0', place };
}

/** Cuts a list of mistakes to the limit, and says so. */
export function capDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const { atMost } = LIMITS.diagnostics;
  const cut = diagnostics[atMost];
  if (cut === undefined) return diagnostics;
  const rest = limitExceeded('diagnostics', `${diagnostics.length} entries`, cut.place, 'mend these first; the others follow');
  return [...diagnostics.slice(0, atMost), rest];
}
