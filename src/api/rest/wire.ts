// In charge of the small schemas that many resources share: ids, keys, instants, money, lists. They are the document and, if a route says so,
// also the check.
import { z } from 'zod';

const MAX_ID_BYTES = 256;
const MAX_PAGE = 1000;

/** 1–256 UTF-8 bytes, no control characters, no lone surrogates, not `.` or `..`. */
function idProblem(id: string): string | undefined {
  if (id === '') return 'an id has at least one character';
  if (Buffer.byteLength(id) > MAX_ID_BYTES) return `an id has at most ${MAX_ID_BYTES} bytes in UTF-8`;
  if (/[\u0000-\u001f\u007f-\u009f]/.test(id)) return 'an id has no control characters';
  if (!id.isWellFormed()) return 'an id has no lone surrogates';
  if (id === '.' || id === '..') return 'an id is neither `.` nor `..`';
  return undefined;
}

function idText(description: string) {
  return z
    .string()
    .superRefine((id, context) => {
      const problem = idProblem(id);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .meta({ description, minLength: 1 });
}

/** A name of an event, attribute or property: the same form as an id. */
export function nameText(description: string) {
  return idText(description);
}

export const CustomerId = idText('The caller’s id of a customer: 1–256 UTF-8 bytes, compared byte by byte');
export const OrderId = idText('The caller’s id of an order: 1–256 UTF-8 bytes, compared byte by byte');
export const EventId = idText('The caller’s id of an event; a second event of the same id and customer is a retry');
export const SegmentKey = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'a key is 1–64 of a–z, 0–9, _ and -, and begins with a letter or digit')
  .meta({ description: 'Key of a segment' });

/** Text that Postgres can store: no NUL, no lone surrogates. */
export function storableText(maxLength: number) {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .refine((value) => value.isWellFormed() && !value.includes('\u0000'), 'a text has no NUL and no lone surrogates');
}

/** Input: RFC 3339 with `Z` or an offset, within 1900–2200. */
export const InstantInput = z.iso
  .datetime({ offset: true, error: ({ input }) => sayInstant(input) })
  .refine((value) => {
    const epochMs = Date.parse(value);
    return Number.isNaN(epochMs) || (epochMs >= Date.UTC(1900, 0, 1) && epochMs < Date.UTC(2200, 0, 1)); // what is not a time at all is reported above
  }, 'lies between 1900 and 2200')
  .meta({ format: 'date-time' });

function sayInstant(input: unknown): string {
  const lostPlus = typeof input === 'string' && /T[\d:.]+ \d\d:\d\d$/.test(input);
  return `is a time such as 2026-01-31T12:00:00Z${lostPlus ? '; a + in an address means a blank: write %2B' : ''}`;
}

export const Instant = z.string().meta({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
export const Money = z.string().meta({ description: 'Decimal string, four decimals at most, in the service’s currency' });
export const Token = z
  .string()
  .meta({ description: 'Opaque; a read that carries it as `Strata-Token` is at least as fresh as this write' });
export const Count = z.int().min(0);

const Next = z.string().nullable().meta({ description: 'Pass it as `after` for what follows; null at the end' });

export function listOf(item: z.ZodType): z.ZodObject {
  return z.strictObject({ data: z.array(item), next: Next });
}

/** Digits only: no sign, exponent, blank or fraction. */
export function integerParameter(minimum: number, maximum: number) {
  return z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : text),
    z.int(`is a whole number from ${minimum} to ${maximum}`).min(minimum).max(maximum),
  );
}

export const FlagParameter = z.preprocess(
  (text) => (text === 'true' ? true : text === 'false' ? false : text),
  z.boolean('is `true` or `false`'),
);

export const Page = {
  limit: integerParameter(1, MAX_PAGE).default(100).meta({ description: 'How many at most' }),
  after: z.string().optional().meta({ description: 'A cursor: `next` of the answer before' }),
};

export const CustomerPath = z.strictObject({ customerId: CustomerId });
export const OrderPath = z.strictObject({ orderId: OrderId });
export const SegmentPath = z.strictObject({ key: SegmentKey });

export function instant(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

export function instantOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : instant(epochMs);
}

const ErrorPlace = z
  .strictObject({
    pointer: z.string().optional().meta({ description: 'JSON pointer into the body' }),
    parameter: z.string().optional().meta({ description: 'Name of a parameter of the path, the query or a header' }),
    line: z.int().optional().meta({ description: 'Line of a stream, from 1' }),
    column: z.string().optional().meta({ description: 'Column of a file' }),
    span: z
      .strictObject({ start: z.int(), end: z.int(), line: z.int(), column: z.int() })
      .optional()
      .meta({ description: 'Place in a rule’s text' }),
    code: z.string(),
    detail: z.string(),
    hint: z.string().optional(),
    segment: z.string().optional().meta({ description: 'Key of the other segment that stands in the way' }),
    group: z.string().optional().meta({ description: 'Key of the group that does' }),
    cycle: z.array(z.string()).optional().meta({ description: 'Of `cycle`: keys of segments, each of which depends on the next' }),
  })
  .meta({ id: 'ErrorDetail', description: 'One of several things that are wrong' });

export const ErrorDetailSchema = ErrorPlace;

export const ProblemSchema = z
  .strictObject({
    type: z.string().meta({ format: 'uri' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'Stable; what a program decides by' }),
    instance: z.string().meta({ format: 'uri', description: 'Carries the request id' }),
    errors: z.array(ErrorPlace).optional(),
    oldest: Instant.optional().meta({ description: 'Of `history_trimmed`: the first instant of the past that can be asked for' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });
