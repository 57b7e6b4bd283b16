// In charge of one form of SQL: a select over all customers as two, of half of them each, which two processes run beside each other to the end.
// What Postgres itself gives to workers it has to put together again by customer, in one process, and that is half of the time.

/** The least key that is not negative: keys are hashes, so about as many customers are on either side. */
const HALVES = ['< 0', '>= 0'] as const;

/** `select`: of the customers for whom `isIn(column)` holds. The rows of both, which must bear being added up. */
export function inHalves(select: (isIn: (column: string) => string) => string): string {
  return HALVES.map((half) => select((column) => `${column} ${half}`)).join('\n        union all\n');
}
