// In charge of the routes that look at a rule before it becomes a segment: check, preview, the JSON Schema of its JSON form.
import { z } from 'zod';
import { allows, type Caller, requireScope } from '../../access/caller.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { loadCatalog } from '../../catalog/load-catalog.ts';
import { readKeptHistory, requireKept } from '../../changes/kept-history.ts';
import { AppError } from '../../errors.ts';
import { isEvaluationFailure } from '../../evaluation/evaluation-failure.ts';
import { previewRule } from '../../evaluation/preview.ts';
import { readCustomers } from '../../ingest/read-customers.ts';
import { checkInput } from '../../rules/check-rule.ts';
import type { CheckedRule } from '../../rules/checked-rule.ts';
import { ruleToJson } from '../../rules/print-json.ts';
import { printRule } from '../../rules/print-text.ts';
import { ruleJsonSchema } from '../../rules/rule-json-schema.ts';
import { loadDefinitions } from '../../segments/definitions.ts';
import { invalidRule, toErrorDetail } from '../../segments/versions.ts';
import { CustomerSchema } from './fact-schemas.ts';
import { customerFor, requireRule } from './personal.ts';
import { type Route, route } from './route.ts';
import { placeInBody, withRuleOfBody } from './rule-place.ts';
import { RuleInput } from './segment-schemas.ts';
import { Count, ErrorDetailSchema, Instant, InstantInput, instant } from './wire.ts';

const MAX_SAMPLE = 1000;
const USUAL_SAMPLE = 10;

const Warnings = z.array(ErrorDetailSchema);

const CheckedSchema = z
  .strictObject({
    valid: z.literal(true),
    text: z.string().meta({ description: 'The rule as canonical text' }),
    json: z.looseObject({}).meta({ description: 'The same in JSON form' }),
    reads: z
      .strictObject({ profile: z.boolean(), orders: z.boolean(), events: z.array(z.string().nullable()), segments: z.array(z.string()) })
      .meta({ description: 'A write that touches none of it cannot change the answer; null stands for any event' }),
    timeDependent: z.boolean().meta({ description: 'The answer can change by the clock alone' }),
    warnings: Warnings,
  })
  .meta({ id: 'CheckedRule' });

const PreviewSchema = z
  .strictObject({
    count: Count.meta({ description: 'Customers for whom the rule holds' }),
    population: Count.meta({
      description:
        'All customers; with a past `at` those there were: created by then (without a `createdAt` of their own at their first write), or with an order or event by then',
    }),
    sample: z.array(CustomerSchema),
    at: Instant,
    warnings: Warnings,
  })
  .meta({ id: 'Preview' });

/** Throws `invalid_rule` with every diagnostic. */
function readRule(input: unknown, catalog: Catalog): { readonly checked: CheckedRule; readonly warnings: z.input<typeof Warnings> } {
  const { checked, errors, warnings } = checkInput(input, catalog, { purpose: 'check' });
  if (checked === null) throw invalidRule(errors);
  return { checked, warnings: warnings.map((warning) => placeInBody(toErrorDetail(warning))) };
}

/** Throws `rule_failed` if it was the rule that failed. */
export function refuseFailure(error: unknown): never {
  if (!isEvaluationFailure(error)) throw error;
  throw new AppError('rule_failed', 'The database cannot compute this rule over the facts there are.', { cause: error });
}

export const ruleRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/rules/check',
    operationId: 'checkRule',
    readsOnly: true,
    tag: 'rules',
    scope: 'segments:read',
    summary: 'Is the rule right, and what does it read',
    body: { kind: 'schema', schema: z.strictObject({ rule: RuleInput }).meta({ id: 'RuleCheck' }) },
    answers: { 200: CheckedSchema },
    refusals: ['invalid_rule'],
    handle: async ({ strata, caller, body }) => {
      requireRule(caller, body.rule);
      const catalog = await loadCatalog(strata.database);
      const { checked, warnings } = await withRuleOfBody(async () => readRule(body.rule, catalog));
      const { profile, orders, events, segments } = checked.reads;
      return {
        valid: true,
        text: printRule(checked.rule),
        json: ruleToJson(checked.rule),
        reads: { profile, orders, events: [...events], segments: [...segments] },
        timeDependent: checked.timeDependent,
        warnings,
      };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/rules/preview',
    operationId: 'previewRule',
    heavy: true,
    readsOnly: true,
    personal: { of: 'sample', fields: true },
    tag: 'rules',
    scope: 'segments:read',
    summary: 'Whom would the rule hold for; nothing is stored',
    body: {
      kind: 'schema',
      schema: z
        .strictObject({
          rule: RuleInput,
          at: InstantInput.optional().meta({ description: 'A past instant: facts up to it, who existed then' }),
          sample: z
            .int()
            .min(0)
            .max(MAX_SAMPLE)
            .optional()
            .meta({ description: 'How many customers to show, in order of id: 10 unless said; 0 for a key without `members:read`' }),
        })
        .meta({ id: 'RulePreview' }),
    },
    answers: { 200: PreviewSchema },
    refusals: ['invalid_rule', 'rule_failed', 'history_trimmed'],
    handle: async ({ strata, reads, caller, body }) => {
      requireRule(caller, body.rule);
      const sampled = sampleFor(caller, body.sample);
      const definitions = await loadDefinitions(strata.database);
      const { checked, warnings } = await withRuleOfBody(async () => readRule(body.rule, definitions.catalog));
      const pastMs = body.at === undefined ? null : Date.parse(body.at);
      if (pastMs !== null && pastMs > strata.clock.nowMs()) {
        const detail = 'The instant lies in the future; what will be true then is not known.';
        throw new AppError('invalid_fields', detail, { errors: [{ pointer: '/at', code: 'invalid_timestamp', detail }] });
      }
      const request = {
        checked,
        pastMs,
        sample: sampled,
        timeZone: strata.timeZone,
        timeoutMs: strata.programs.get().limits.scanTimeoutMs,
      };
      const { asOfMs, count, population, sampleIds } = await previewRule(reads, strata.clock, definitions, request).catch(refuseFailure);
      // after reading the log, which may be trimmed at any moment; facts are never trimmed
      if (pastMs !== null && checked.reads.segments.size > 0) requireKept(asOfMs, await readKeptHistory(reads, strata.clock));
      const sample = await readCustomers(reads, sampleIds);
      return { count, population, sample: sample.map((customer) => customerFor(caller, customer)), at: instant(asOfMs), warnings };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/rules/schema',
    operationId: 'getRuleSchema',
    tag: 'rules',
    scope: 'segments:read',
    summary: 'JSON Schema of the JSON form of rules',
    answers: { 200: z.looseObject({}) },
    handle: async () => ruleJsonSchema(),
  }),
];

/** A sample needs the scope for reading members. Throws `forbidden` if one is asked for without it. */
export function sampleFor(caller: Caller, asked: number | undefined): number {
  if (asked === undefined) return allows(caller, 'members:read') ? USUAL_SAMPLE : 0;
  if (asked > 0) requireScope(caller, 'members:read');
  return asked;
}
