// The named limits of imports. Bytes are of the decompressed stream.

/** A longer row is skipped without being kept, and rejected by its line. */
export const ROW_LIMIT_BYTES = 4 * 1024 * 1024;

/** Rows of one transaction: past 1,000 the cost per row is flat, past 5,000 locks and memory only grow. */
export const BATCH_ROWS = 2_000;

/** Rows weigh differently; a batch also ends at this many bytes of input. */
export const BATCH_BYTES = 4 * 1024 * 1024;

/** Rows judged in one go: two or three milliseconds. */
export const ROWS_BETWEEN_PAUSES = 250;

/** Rejections that the answer lists; all are counted. */
export const LISTED_ERRORS = 100;

/** Orders without some of their lines that the answer lists, and lines of each; all are counted. */
export const LISTED_INCOMPLETE = 100;
export const LISTED_LINES = 100;

export const COLUMN_LIMIT = 1_000;

/** An import that has not renewed its lease for this long is dead: its staged lines go, and it may no longer answer. */
export const LEASE_MS = 60_000;

export const RENEW_MS = 1_500;

/** One that has not renewed it for this long is probably dead: the leader settles what it owes, which does no harm if it lives after all. */
export const SILENT_MS = 4_000;

/** Staged lines read back at a time. */
export const STAGED_PAGE_ROWS = 5_000;
