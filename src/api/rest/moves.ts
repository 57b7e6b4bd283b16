// In charge of the route of moves: up to 1,000 customers at once, or all members that a rule holds for as a run.
import { z } from 'zod';
import { allowsSegment, type Caller, requireAllSegments, requireSegments } from '../../access/caller.ts';
import { type MoveOutcome, move } from '../../pipeline.ts';
import { queueMove } from '../../segments/queue-move.ts';
import { getRun } from '../../segments/runs.ts';
import { requireRule } from './personal.ts';
import { Reason, Until } from './pins.ts';
import { OF_ANOTHER } from './refusal-for.ts';
import { type Route, route } from './route.ts';
import { withRuleOfBody } from './rule-place.ts';
import { RuleInput, RunSchema, runOut } from './segment-schemas.ts';
import { Count, CustomerId, FlagParameter, SegmentKey, Token } from './wire.ts';

const CUSTOMERS_MAX = 1000;

const MoveInput = z
  .strictObject({
    customerIds: z
      .array(CustomerId)
      .min(1)
      .max(CUSTOMERS_MAX, `at most ${CUSTOMERS_MAX} customers are moved at once; leave them out to move all members, or those of \`where\``)
      .optional()
      .meta({ description: 'Left out: all members of `from`, or those that `where` holds for, as a run' }),
    from: SegmentKey,
    to: SegmentKey,
    where: RuleInput.optional().meta({ description: 'Only with a move of all members' }),
    reason: Reason.nullish(),
    until: Until.nullish(),
    replace: z.boolean().default(false).meta({ description: 'Takes the place of pins in other segments of the group of `to`' }),
  })
  .superRefine((input, context) => {
    if (input.from === input.to) context.addIssue({ code: 'custom', path: ['to'], message: 'is the segment that they are to leave' });
    if (input.customerIds !== undefined && input.where !== undefined) {
      context.addIssue({ code: 'custom', path: ['where'], message: 'is for moves of all members; these are named' });
    }
  })
  .meta({ id: 'MoveInput' });

const MovedSchema = z
  .strictObject({
    moved: Count,
    skipped: z
      .array(
        z.strictObject({
          customerId: z.string(),
          code: z.string(),
          detail: z.string(),
          segment: SegmentKey.nullable().meta({
            description: 'The other segment that stands in the way; null: none, or not the caller’s to know',
          }),
        }),
      )
      .meta({ description: 'With `partial`: who could not be moved, and why' }),
    changes: Count.meta({ description: 'Memberships that it changed' }),
    token: Token,
  })
  .meta({ id: 'Moved' });

const MoveQueued = z.strictObject({ run: RunSchema });

function movedOut({ moved, skipped, changes, token }: MoveOutcome, caller: Caller): z.input<typeof MovedSchema> {
  const told = skipped.map(({ customerId, code, detail, segment }) => {
    const isTold = segment === null || allowsSegment(caller, segment);
    return isTold ? { customerId, code, detail, segment } : { customerId, code, detail: OF_ANOTHER, segment: null };
  });
  return { moved, skipped: told, changes, token };
}

export const moveRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/moves',
    operationId: 'moveMembers',
    tag: 'segments',
    scope: 'members:write',
    summary: 'Move customers from one segment to another',
    description:
      'Out of `from` and into `to` by pins, in one transaction: all or nobody; with `partial` whoever can be. Within a group the pin in the target does it. Without `customerIds` all members move, piece by piece: 202 with the run.',
    query: z.strictObject({ partial: FlagParameter.default(false) }),
    body: { kind: 'schema', schema: MoveInput },
    answers: { 200: MovedSchema, 202: MoveQueued },
    refusals: ['not_found', 'conflict', 'not_a_member', 'pinned_elsewhere', 'invalid_rule'],
    handle: async ({ strata, caller, query, body, reply }) => {
      const { customerIds, where, reason, until, ...rest } = body;
      requireSegments(caller, [body.from, body.to]);
      if (body.replace) requireAllSegments(caller, '`replace`');
      if (where !== undefined) requireRule(caller, where);
      const untilMs = typeof until === 'string' ? Date.parse(until) : null;
      const request = { ...rest, actor: caller.actor, reason: reason ?? null, untilMs };
      if (customerIds !== undefined) {
        const answerOf = (outcome: MoveOutcome) => movedOut(outcome, caller);
        return answerOf(await move(strata, { ...request, customerIds, partial: query.partial }, answerOf));
      }
      const runId = await withRuleOfBody(() => queueMove(strata.database, strata.clock, { ...request, rule: where ?? null }), '/where');
      strata.runsWaiting.ring();
      reply.code(202);
      return { run: runOut(await getRun(strata.database, runId), strata.clock.nowMs()) };
    },
  }),
];
