// In charge of what people are told about each error code: when it comes, and what to do. docs/errors.md and the reference page show it; codes,
// statuses and titles are the table in errors.ts.
import type { ErrorCode } from '../../errors.ts';

interface Guidance {
  readonly when: string;
  readonly todo: string;
}

export const ERROR_GUIDE: Readonly<Record<ErrorCode, Guidance>> = {
  invalid_request: {
    when: 'A parameter of the path, the query or a header is unknown or wrong, or the request is no well-formed HTTP. In GraphQL also a mistake in the document.',
    todo: 'See `errors`: each names its `parameter`. Do not repeat it unchanged.',
  },
  invalid_json: {
    when: 'The body does not parse, or there is none where one is needed; of an import: the file is no NDJSON, and `detail` says what it is.',
    todo: 'Send JSON, with its Content-Type.',
  },
  invalid_encoding: { when: 'The body is not valid UTF-8.', todo: 'Encode it as UTF-8.' },
  invalid_cursor: {
    when: '`after` or `Last-Event-ID` is not a cursor of this list.',
    todo: 'Pass `next` as it came, to the list that it came from; else begin without.',
  },
  token_unknown: {
    when: '`Strata-Token` is no token, or one of another database.',
    todo: 'Pass `token` of a write as it came; leave it out after a restore.',
  },
  query_too_complex: {
    when: 'GraphQL: the document is too long, too deep or too costly; `detail` names the limit.',
    todo: 'Ask for less at once: smaller pages, fewer levels.',
  },
  import_incomplete: {
    when: 'The upload broke off, or its end is missing.',
    todo: 'Send the file again: rows that were taken change nothing.',
  },
  invalid_csv: {
    when: 'The quoting of a CSV file is broken, from the line that `errors` names; or the file is no CSV, or empty, and `detail` says what it is.',
    todo: 'Mend it there, or save it as `detail` says, and send the file again.',
  },
  invalid_compression: {
    when: 'A file with `Content-Encoding: gzip` cannot be decompressed.',
    todo: 'Compress it anew, or send it as it is.',
  },
  unauthenticated: {
    when: 'There is no key or token, or it is unknown, expired or revoked.',
    todo: 'Send `Authorization: Bearer …` with one that is valid.',
  },
  forbidden: {
    when: 'The key lacks a scope (`detail` names it), or may not ask about that segment or customer.',
    todo: 'Use a key that may: see access.md.',
  },
  not_found: {
    when: 'There is no such path, customer, segment, version …',
    todo: 'Check the id. Of a thing that is erased or deleted it stays so.',
  },
  method_not_allowed: { when: 'The path is there, but not for this method.', todo: 'See the header `Allow`.' },
  not_acceptable: { when: 'GraphQL: `Accept` allows neither of its two media types.', todo: 'Accept `application/json`.' },
  conflict: {
    when: 'What is asked does not go with the state there is; `detail` says why.',
    todo: 'Read the thing again, and decide anew.',
  },
  already_exists: { when: 'The key or name is taken.', todo: 'Take another, or change what is there.' },
  in_use: {
    when: 'A segment or group is still needed by others; `detail` and `errors` name them.',
    todo: 'Change those first.',
  },
  not_a_member: {
    when: 'A move names customers who are not in `from`; nothing was moved.',
    todo: 'Leave them out, or move with `?partial=true`.',
  },
  pinned_elsewhere: {
    when: 'The customer has a pin in another segment of the group.',
    todo: 'Release it, or send `"replace": true`.',
  },
  id_collision: {
    when: 'Two different ids of customers have the same internal key (a chance of about 1 in 10¹⁹ for a pair).',
    todo: 'Use another id for the new customer.',
  },
  in_progress: {
    when: 'A request with the same `Idempotency-Key` still runs.',
    todo: 'Ask again a little later, with the same key.',
  },
  answer_lost: {
    when: 'A request with this `Idempotency-Key` was done, but its answer is not kept (a secret, somebody erased, an interruption).',
    todo: 'Read what it has written; it is not done again.',
  },
  history_trimmed: {
    when: 'The instant or position lies before what is kept (`HISTORY_DAYS`).',
    todo: 'Ask from `oldest` on; a consumer of the feed begins with a snapshot.',
  },
  version_conflict: {
    when: '`If-Match` is not the ETag of the segment or group any more.',
    todo: 'Read it again, and edit what it is now.',
  },
  body_too_large: { when: 'The body is larger than one request may be.', todo: 'Send it in parts, or as an import.' },
  unsupported_media_type: {
    when: 'The Content-Type (or encoding) is not taken here.',
    todo: 'Send JSON; imports: `text/csv` or `application/x-ndjson`.',
  },
  key_reused: { when: 'The `Idempotency-Key` came with another request before.', todo: 'Use a new key for a new request.' },
  invalid_fields: {
    when: 'Fields of the body are unknown, missing or wrong.',
    todo: 'See `errors`: all of them, each with its `pointer`.',
  },
  invalid_rule: {
    when: 'The rule is not acceptable.',
    todo: 'See `errors`: each with its place and mostly a hint. `POST /v1/rules/check` tells the same.',
  },
  invalid_rows: {
    when: 'Some rows of a batch or an atomic import are wrong; nothing was written.',
    todo: 'Mend the rows that `errors` names, or send with `?partial=true`.',
  },
  rule_failed: {
    when: 'The rule is well-formed but could not be computed: too slow, or a number out of range.',
    todo: 'Make it simpler: a shorter window, fewer parts.',
  },
  rate_limited: {
    when: 'Too many requests, waiting reads or large reads of this key, too many streams of this token, or too many wrong keys from this address.',
    todo: 'Wait for `Retry-After` seconds.',
  },
  internal_error: {
    when: 'A bug, or a failure that nobody foresaw. It says nothing else.',
    todo: 'Tell the operator the id of `instance`: the log has it. A write can be repeated with the same `Idempotency-Key`.',
  },
  unavailable: {
    when: 'The database cannot be reached or takes too long, its answer to a commit was lost (`detail` says that it may have been done), the service stops, or more is asked than can be answered soon.',
    todo: 'Try again after `Retry-After` seconds, else after one; a write with the same `Idempotency-Key`.',
  },
  not_yet: { when: 'The write that `Strata-Token` names is not visible here after five seconds.', todo: 'Ask again; it is on its way.' },
};
