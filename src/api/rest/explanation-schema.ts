// In charge of how an explanation looks on the wire, and of turning the stages' form into it.
import { z } from 'zod';
import type { Caller } from '../../access/caller.ts';
import { unreachable } from '../../base/assert.ts';
import type { CountedRows } from '../../evaluation/inquiry.ts';
import type { ExplainedSegment, MembershipExplanation } from '../../membership/explanation.ts';
import { CAUSES } from '../../membership/record.ts';
import { type Asked, conditionsIn, type ExplainedNode, type Value } from '../../rules/explain-rule.ts';
import type { Missing } from '../../rules/missing.ts';
import { printExpression } from '../../rules/print-text.ts';
import { explanationFor } from './explanation-for.ts';
import { Count, CustomerId, Instant, instant, instantOrNull, SegmentKey } from './wire.ts';

const ValueSchema = z
  .strictObject({
    text: z.string().meta({ description: 'The expression in words' }),
    type: z.enum(['string', 'number', 'boolean', 'date', 'timestamp', 'list']),
    value: z
      .union([z.string(), z.boolean(), z.array(z.string())])
      .nullable()
      .meta({ description: 'Numbers are decimal strings, dates YYYY-MM-DD, timestamps RFC 3339; null: missing' }),
  })
  .meta({ id: 'ExplainedValue' });

const AskedSchema = z
  .strictObject({
    operator: z.string().meta({ description: 'In words; of windows the whole window' }),
    values: z.array(ValueSchema).meta({ description: 'What the left side is compared with; instants as they stand at `decidedAt`' }),
    from: ValueSchema.nullable().meta({ description: 'Where a window begins (in it, except with `in the last`); null: it does not' }),
    to: ValueSchema.nullable().meta({ description: 'Where it ends, not in it; null: it does not' }),
  })
  .meta({ id: 'ExplainedQuestion' });

const RowsSchema = z
  .strictObject({
    aggregate: z.string().meta({ description: 'In words' }),
    source: z.enum(['orders', 'items', 'events']),
    count: Count.meta({ description: 'How many rows counted' }),
    firstAt: Instant.nullable(),
    lastAt: Instant.nullable(),
    newest: z
      .array(z.strictObject({ id: z.string().meta({ description: 'Of items: the order’s' }), line: z.int().nullable(), at: Instant }))
      .meta({ description: 'The newest 20 of them' }),
  })
  .meta({ id: 'CountedRows' });

const Holds = z.boolean().nullable().meta({ description: 'null: not known' });

const NodeSchema = z
  .strictObject({
    kind: z.enum(['and', 'or', 'not', 'condition']),
    holds: Holds,
    get parts() {
      return z.array(NodeSchema).optional().meta({ description: 'Of `and`, `or`, and the one of `not`' });
    },
    text: z.string().optional().meta({ description: 'Of a condition, as of all that follow: in words' }),
    seen: ValueSchema.nullable().optional().meta({ description: 'What its left side was; null: it has none, or it is not known' }),
    asked: AskedSchema.optional(),
    rows: z.array(RowsSchema).optional().meta({ description: 'The rows that its aggregates counted; of the present only' }),
    get segment() {
      return SegmentSchema.nullable()
        .optional()
        .meta({ description: 'The segment it names, explained in turn; null: too deep or too many' });
    },
  })
  .meta({ id: 'ExplanationNode' });

const MissingSchema = z
  .strictObject({
    condition: z.string().nullable().meta({ description: 'In words; null where one of `anyOf` is enough' }),
    wanted: z.boolean().nullable().meta({ description: 'What it would have to be; false where it stands under `not`' }),
    have: ValueSchema.nullable(),
    need: z.strictObject({ operator: z.string(), value: ValueSchema }).nullable(),
    short: z.string().nullable().meta({ description: 'The distance, a decimal; null: there is none to measure' }),
    unit: z.enum(['number', 'days', 'seconds']).nullable(),
    sentence: z.string().nullable(),
    get anyOf() {
      return z.array(z.array(MissingSchema)).nullable().meta({ description: 'Alternatives, the nearest first' });
    },
  })
  .meta({ id: 'Missing', description: 'What stands in the way' });

const PinSchema = z
  .strictObject({
    include: z.boolean(),
    until: Instant.nullable(),
    reason: z.string().nullable(),
    actor: z.string(),
    pinnedAt: Instant,
  })
  .meta({ id: 'CountingPin' });

const Because = z.enum(['rule', 'pin', 'group', 'manual']).meta({ description: 'What decides' });

const segmentFields = {
  segment: SegmentKey,
  name: z.string(),
  status: z.enum(['draft', 'building', 'active', 'paused', 'failed', 'archiving', 'archived']),
  version: z.int().nullable(),
  member: z.boolean(),
  since: Instant.nullable(),
  because: Because,
  tree: NodeSchema.nullable().meta({ description: 'The rule; null: a manual segment, or a rule that cannot be computed' }),
  missing: z.array(MissingSchema).meta({ description: 'For someone outside: all of it is needed' }),
  pins: z.array(PinSchema).meta({ description: 'What counts of what was said by hand' }),
  group: z
    .strictObject({
      key: z.string(),
      name: z.string(),
      segments: z.array(z.strictObject({ key: SegmentKey, member: z.boolean() })).meta({ description: 'In order' }),
      otherwise: SegmentKey.nullable(),
    })
    .nullable()
    .meta({ description: 'The group that chooses among segments; of the present only' }),
  note: z.string().nullable().meta({ description: 'What one could stumble over, such as that the segment is paused' }),
};

const SegmentSchema = z.strictObject(segmentFields).meta({ id: 'ExplainedSegment' });

const NextSchema = z
  .strictObject({
    kind: z.enum(['none', 'change', 'unknown']),
    after: Instant.nullable().meta({ description: 'Of `unknown`: nothing changes up to then; later instants were not looked at' }),
    type: z.enum(['entered', 'exited']).nullable(),
    because: Because.nullable(),
    conditions: z
      .array(z.strictObject({ text: z.string(), from: z.boolean(), to: z.boolean() }))
      .meta({ description: 'Those of the rule that flip at that instant' }),
  })
  .meta({ id: 'NextChange', description: 'What happens to the membership if nothing is written' });

export const ExplanationSchema = z
  .strictObject({
    customerId: CustomerId,
    ...segmentFields,
    at: Instant,
    source: z.enum(['facts', 'recorded']).meta({ description: '`recorded`: what the change that decided noted then' }),
    decidedAt: Instant.meta({ description: 'The instant that values are of' }),
    change: z
      .strictObject({ type: z.enum(['entered', 'exited']), cause: z.enum(CAUSES), at: Instant })
      .nullable()
      .meta({ description: 'Of the past: the change that decided' }),
    nextChangeAt: Instant.nullable(),
    next: NextSchema,
  })
  .meta({ id: 'Explanation', description: 'Why a customer is in a segment, or is not' });

/** What the caller may not see of it is left out: values of personal fields, other segments. */
export function explanationOut(full: MembershipExplanation, caller: Caller): z.input<typeof ExplanationSchema> {
  const explanation = explanationFor(full, caller);
  const { customerId, atMs, source, decidedAtMs, change, next } = explanation;
  return {
    customerId,
    ...segmentOut(explanation),
    at: instant(atMs),
    source,
    decidedAt: instant(decidedAtMs),
    change: change === null ? null : { type: change.type, cause: change.cause, at: instant(change.atMs) },
    nextChangeAt: next.kind === 'change' ? instant(next.atMs) : null,
    next: nextOut(explanation),
  };
}

function segmentOut(explained: ExplainedSegment): z.input<typeof SegmentSchema> {
  const { key, name, status, version, member, sinceMs, because, tree, missing, pin, group, note } = explained;
  return {
    segment: key,
    name,
    status,
    version,
    member,
    since: instantOrNull(sinceMs),
    because,
    tree: tree === null ? null : nodeOut(tree, explained),
    missing: missing.map(missingOut),
    pins:
      pin === null
        ? []
        : [
            {
              include: pin.include,
              until: instantOrNull(pin.untilMs),
              reason: pin.reason,
              actor: pin.actor,
              pinnedAt: instant(pin.pinnedAtMs),
            },
          ],
    group: group === null ? null : { ...group, segments: group.segments.map((segment) => ({ ...segment })) },
    note,
  };
}

function nodeOut(node: ExplainedNode, of: ExplainedSegment): z.input<typeof NodeSchema> {
  switch (node.kind) {
    case 'and':
    case 'or':
      return { kind: node.kind, holds: node.holds, parts: node.parts.map((part) => nodeOut(part, of)) };
    case 'not':
      return { kind: 'not', holds: node.holds, parts: [nodeOut(node.part, of)] };
    case 'condition': {
      const { kind, index, condition, text, holds, seen, asked } = node;
      const rows = of.rows.filter((counted) => counted.condition === index).map(rowsOut);
      const nested = of.nested.get(index);
      const segment = condition.kind === 'segment' ? { segment: nested === undefined ? null : segmentOut(nested) } : {};
      return { kind, holds, text, seen: valueOut(seen), asked: askedOut(asked), ...(rows.length === 0 ? {} : { rows }), ...segment };
    }
    default:
      return unreachable(node);
  }
}

function valueOut(value: Value): z.input<typeof ValueSchema>;
function valueOut(value: Value | null): z.input<typeof ValueSchema> | null;
function valueOut(value: Value | null): z.input<typeof ValueSchema> | null {
  if (value === null) return null;
  const { text, type, value: inner } = value;
  return { text, type, value: typeof inner === 'object' && inner !== null ? [...inner] : inner };
}

function askedOut({ operator, values, from, to }: Asked): z.input<typeof AskedSchema> {
  return { operator, values: values.map((value) => valueOut(value)), from: valueOut(from), to: valueOut(to) };
}

function rowsOut({ aggregate, count, firstAtMs, lastAtMs, newest }: CountedRows): z.input<typeof RowsSchema> {
  return {
    aggregate: printExpression(aggregate),
    source: aggregate.source.kind,
    count,
    firstAt: instantOrNull(firstAtMs),
    lastAt: instantOrNull(lastAtMs),
    newest: newest.map(({ id, line, atMs }) => ({ id, line, at: instant(atMs) })),
  };
}

function missingOut(missing: Missing): z.input<typeof MissingSchema> {
  if (missing.kind === 'any') {
    const none = { condition: null, wanted: null, have: null, need: null, short: null, unit: null, sentence: null };
    return { ...none, anyOf: missing.alternatives.map((parts) => parts.map(missingOut)) };
  }
  const { condition, wanted, have, need, short, unit, sentence } = missing;
  const needed = need === null ? null : { operator: need.operator, value: valueOut(need.value) };
  return { condition, wanted, have: valueOut(have), need: needed, short, unit, sentence, anyOf: null };
}

function nextOut({ next, tree, pin }: MembershipExplanation): z.input<typeof NextSchema> {
  const nothing = { after: null, type: null, because: null, conditions: [] };
  switch (next.kind) {
    case 'none':
      return { kind: 'none', ...nothing };
    case 'unknown':
      return { kind: 'unknown', ...nothing, after: instant(next.afterMs) };
    case 'change': {
      const { before, after } = next;
      const conditions = (tree === null ? [] : conditionsIn(tree)).flatMap(({ index, text }) => {
        const [from, to] = [before[index], after[index]];
        return from === undefined || to === undefined || from === to ? [] : [{ text, from, to }];
      });
      const because = pin?.untilMs === next.atMs ? 'pin' : conditions.length > 0 ? 'rule' : 'group';
      return { kind: 'change', after: null, type: next.type, because, conditions };
    }
    default:
      return unreachable(next);
  }
}
