// In charge of statements about our own code that must hold; not of checking input, which is answered with a value.

/** Throws when an invariant of our own is broken: a bug, answered 500, never a caller's mistake. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`);
}

/** Ends an exhaustive switch: adding a kind without handling it does not type-check. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
