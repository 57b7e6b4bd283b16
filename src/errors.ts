// Every refusal a caller can meet, as one table: code, status, title. A code is part of the API and never changes its meaning.
// Not here: mistakes inside one body (they are `errors` of a refusal) and bugs or outages (thrown, logged, answered 500 or 503).

export const ERRORS = {
  invalid_request: { status: 400, title: 'The request cannot be understood' },
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_encoding: { status: 400, title: 'The body is not valid UTF-8' },
  invalid_cursor: { status: 400, title: 'The cursor is not one of this list' },
  token_unknown: { status: 400, title: 'The token is not of this database' },
  unauthenticated: { status: 401, title: 'A valid key is needed' },
  forbidden: { status: 403, title: 'The key does not allow this' },
  not_found: { status: 404, title: 'There is no such thing' },
  query_too_complex: { status: 400, title: 'The query asks for too much at once' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  not_acceptable: { status: 406, title: 'No form of the answer is acceptable to the caller' },
  conflict: { status: 409, title: 'That is at odds with what there is' },
  already_exists: { status: 409, title: 'That key is taken' },
  in_use: { status: 409, title: 'Something else still needs it' },
  not_a_member: { status: 409, title: 'Not everybody is in that segment' },
  pinned_elsewhere: { status: 409, title: 'A pin in another segment of the group stands against it' },
  id_collision: { status: 409, title: 'The id collides with another customer’s' },
  history_trimmed: { status: 410, title: 'That part of the past is no longer kept' },
  import_incomplete: { status: 400, title: 'The file ended before its end' },
  invalid_csv: { status: 400, title: 'The file cannot be read as CSV' },
  invalid_compression: { status: 400, title: 'The file cannot be decompressed' },
  in_progress: { status: 409, title: 'A request with this Idempotency-Key still runs' },
  answer_lost: { status: 409, title: 'That was done before, and its answer is not kept' },
  key_reused: { status: 422, title: 'This Idempotency-Key was used for another request' },
  version_conflict: { status: 412, title: 'It was changed in the meantime' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'That content type is not taken here' },
  invalid_fields: { status: 422, title: 'Some values are not acceptable' },
  invalid_rule: { status: 422, title: 'The rule is not acceptable' },
  invalid_rows: { status: 422, title: 'Some rows are not acceptable; nothing was written' },
  rule_failed: { status: 422, title: 'The rule cannot be computed' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  unavailable: { status: 503, title: 'The service cannot answer right now' },
  not_yet: { status: 503, title: 'That write is not visible here yet' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** One of several things that are wrong: at a JSON pointer of the body, in a parameter of the URL or a header, or on a line of a stream. */
export interface ErrorDetail {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly line?: number;
  readonly column?: string;
  readonly span?: { readonly start: number; readonly end: number; readonly line: number; readonly column: number };
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
  /** keys of what else it is about: the segment or the group that is in the way */
  readonly segment?: string;
  readonly group?: string;
  /** keys of the segments of a cycle, from one of them back to it */
  readonly cycle?: string[];
}

/** How many of these one answer lists. A hostile body can be wrong in millions of places; the detail says in how many. */
export const ERRORS_MAX = 1000;

/** What some refusals say besides their detail. */
export interface ErrorExtensions {
  /** RFC 3339: the first instant of the past that can be asked for */
  readonly oldest?: string;
}

/** An expected refusal: answered with its code, never logged as an error of ours. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly errors: readonly ErrorDetail[];
  /** further members of the problem, such as the oldest instant that is kept */
  readonly extensions: ErrorExtensions;
  /** whole seconds after which it is worth asking again, for what passes: `rate_limited`, `unavailable` */
  readonly retryAfterS: number | null;

  constructor(
    code: ErrorCode,
    detail: string,
    options: { errors?: readonly ErrorDetail[]; extensions?: ErrorExtensions; cause?: unknown; retryAfterS?: number } = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.errors = options.errors ?? [];
    this.extensions = options.extensions ?? {};
    this.retryAfterS = options.retryAfterS ?? null;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
