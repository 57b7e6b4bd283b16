// In charge of one form of SQL: a select over all customers as two selects, each over half of them, which two processes run side by side to the
// end. What Postgres itself hands to its workers it has to put together by customer again in one process, and that is half of the time.

/** The least key that is not negative: keys are hashes, so there are about as many customers on either side. */
const HALVES = ['< 0', '>= 0'] as const;

/** `select`: for the customers for whom `isIn(column)` holds. → the rows of both halves, which must be such that they can be added up. */
export function inHalves(select: (isIn: (column: string) => string) => string): string {
  return HALVES.map((half) => select((column) => `${column} ${half}`)).join('\n        union all\n');
}
