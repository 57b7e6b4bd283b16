// In charge of the way of raw rows from a body to a committed write: they are judged by the ingest stage, and refused all together or taken. Not
// of what a row may look like (ingest/) nor of what a write does (pipeline.ts).
import { type Caller, onlyAllowed } from '../../access/caller.ts';
import { NearNames } from '../../base/nearest-name.ts';
import { uuidv7 } from '../../base/uuid.ts';
import { AppError, ERRORS_MAX, type ErrorCode, type ErrorDetail } from '../../errors.ts';
import type { CustomerKey } from '../../ingest/facts.ts';
import { type IngestContext, type PreparedBatch, prepareBatch, type RowKind, withCurrentTypes } from '../../ingest/prepare-batch.ts';
import { describe, isObject, UnusableJson } from '../../ingest/problem.ts';
import { type WriteOutcome, write } from '../../pipeline.ts';
import type { Strata } from '../../strata.ts';
import { inUrlHint, summaryOf } from './check-request.ts';

const ROWS_MAX = 1000;

/** One row whose id is in the path; an id in the body must be the same. Throws `invalid_fields`. */
export async function writeRow(
  strata: Strata,
  kind: RowKind,
  body: unknown,
  id: string,
  answerOf?: (batch: PreparedBatch, outcome: WriteOutcome) => unknown,
): Promise<{ readonly batch: PreparedBatch; readonly outcome: WriteOutcome }> {
  if (isObject(body) && Object.hasOwn(body, 'id') && body['id'] !== id) {
    const detail = 'The id in the body is not the one in the path; leave it out.';
    throw new AppError('invalid_fields', detail, { errors: [{ pointer: '/id', code: 'invalid_id', detail }] });
  }
  const row = isObject(body) ? { ...body, id } : body;
  return withCurrentTypes(strata, async () => {
    const batch = await prepareBatch([row], kind, contextOf(strata), { partial: false, pointerOf: () => '' });
    if (batch.rejectedRows > 0) throw refuse('invalid_fields', batch.rejected, batch.mistakes);
    return { batch, outcome: await write(strata, batch.facts, answerOf && ((outcome) => answerOf(batch, outcome))) };
  });
}

export interface BatchAnswer {
  readonly accepted: number;
  readonly repeated: number;
  readonly rejected: readonly ErrorDetail[];
  readonly changes: number;
  readonly token: string;
}

/** `{data: [rows]}`. Throws `invalid_fields` if the body has another form, and `invalid_rows` if a row is bad and `partial` is not asked for. */
export async function writeBatch(strata: Strata, kind: RowKind, body: unknown, partial: boolean): Promise<BatchAnswer> {
  const rows = rowsOf(body);
  return withCurrentTypes(strata, async () => {
    const batch = await prepareBatch(rows, kind, contextOf(strata), { partial });
    if (batch.rejectedRows > 0 && !partial) throw refuse('invalid_rows', batch.rejected, batch.mistakes);
    const answerOf = ({ changes, repeatedEvents, token }: WriteOutcome): BatchAnswer => {
      const repeated = kind === 'events' ? repeatedEvents : batch.repeated; // events that were there before included
      return { accepted: batch.accepted, repeated, rejected: batch.rejected, changes, token };
    };
    return answerOf(await write(strata, batch.facts, answerOf));
  });
}

function contextOf(strata: Strata): IngestContext {
  return { database: strata.database, types: strata.types, currency: strata.currency, newEventId: () => uuidv7(strata.clock.nowMs()) };
}

function rowsOf(body: unknown): readonly unknown[] {
  const errors: ErrorDetail[] = [];
  const near = new NearNames();
  if (body instanceof UnusableJson) throw refuse('invalid_fields', [{ pointer: '', code: body.code, detail: body.detail }]);
  if (!isObject(body)) {
    throw refuse('invalid_fields', [
      { pointer: '', code: 'type_mismatch', detail: `an object {"data": [rows]} is wanted here, not ${describe(body)}` },
    ]);
  }
  const unknown = Object.keys(body).filter((name) => name !== 'data');
  for (const name of unknown.slice(0, ERRORS_MAX)) {
    const listHint = near.find(name, ['data']) === undefined ? 'rows stand in a list: {"data": [ … ]}' : 'did you mean "data"?';
    const hint = name === 'partial' ? inUrlHint(name) : listHint;
    errors.push({
      pointer: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      code: 'unknown_field',
      detail: `unknown field ${JSON.stringify(name.slice(0, 80))}`,
      hint,
    });
  }
  const { data } = body;
  if (data === undefined) errors.push({ pointer: '/data', code: 'missing_field', detail: 'the rows are needed' });
  else if (data instanceof UnusableJson) errors.push({ pointer: '/data', code: data.code, detail: data.detail });
  else if (!Array.isArray(data))
    errors.push({ pointer: '/data', code: 'type_mismatch', detail: `a list of rows is wanted here, not ${describe(data)}` });
  else if (data.length > ROWS_MAX) {
    const hint = 'send several, or an import for any number';
    errors.push({
      pointer: '/data',
      code: 'limit_exceeded',
      detail: `at most ${ROWS_MAX} rows are taken in one batch, these are ${data.length}`,
      hint,
    });
  } else if (errors.length === 0) return data;
  throw refuse('invalid_fields', errors, errors.length + Math.max(0, unknown.length - ERRORS_MAX));
}

function refuse(code: ErrorCode, errors: readonly ErrorDetail[], mistakes = errors.length): AppError {
  return new AppError(code, summaryOf(errors, mistakes), { errors: errors.slice(0, ERRORS_MAX) });
}

/** A written row answers with its customer's segments. */
export function segmentsAfter(caller: Caller, outcome: WriteOutcome, key: CustomerKey): readonly string[] {
  return onlyAllowed(caller, outcome.segments.get(key) ?? [], (each) => each);
}
