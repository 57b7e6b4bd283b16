// In charge of the opaque token that a write answers with: cluster, place in the log after commit, decision.
import { AppError } from '../errors.ts';

export interface WriteToken {
  readonly cluster: string;
  /** pg_lsn after the commit */
  readonly lsn: string;
  /** the write's own number in the feed's order; null: nothing has been decided yet */
  readonly decision: string | null;
}

export function printToken({ cluster, lsn, decision }: WriteToken): string {
  return Buffer.from(JSON.stringify([1, cluster, lsn, decision])).toString('base64url');
}

/** Throws `token_unknown` for anything that is not a token of this database. */
export function readToken(text: string, cluster: string): WriteToken {
  const unknown = new AppError('token_unknown', 'The token is not one that this service gave.');
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch (cause) {
    throw new AppError('token_unknown', unknown.message, { cause });
  }
  if (!Array.isArray(parts) || parts.length !== 4 || parts[0] !== 1) throw unknown;
  const [, ownCluster, lsn, decision] = parts as unknown[];
  if (typeof ownCluster !== 'string' || typeof lsn !== 'string' || !/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/.test(lsn)) throw unknown;
  if (decision !== null && (typeof decision !== 'string' || !/^\d{1,19}$/.test(decision))) throw unknown;
  if (ownCluster !== cluster) throw new AppError('token_unknown', 'The token was given by another database.');
  return { cluster: ownCluster, lsn, decision };
}
