// In charge of the routes of ready-made segments: all templates, and one filled in. What they hold is segments/templates.ts.
import { z } from 'zod';
import { fillTemplate, getTemplate } from '../../segments/fill-template.ts';
import { TEMPLATES, type Template } from '../../segments/templates.ts';
import { type Route, route } from './route.ts';
import { SegmentKey } from './wire.ts';

const TemplateKey = z.string().meta({ description: 'Key of a template' });

const ParameterSchema = z
  .strictObject({
    name: z.string(),
    type: z.enum(['integer', 'number', 'text']),
    default: z.union([z.number(), z.string()]),
    unit: z.string().nullable().meta({ description: 'days, orders, money, share (of one) …' }),
    meaning: z.string(),
    least: z.number().nullable(),
    most: z.number().nullable(),
  })
  .meta({ id: 'TemplateParameter' });

const content = {
  segments: z
    .array(
      z.strictObject({
        key: SegmentKey,
        name: z.string(),
        description: z.string(),
        icon: z.string(),
        color: z.string(),
        kind: z.literal('rule'),
        rule: z.string(),
      }),
    )
    .meta({ description: 'Bodies for `POST /v1/segments`, each after those it names' }),
  groups: z
    .array(z.strictObject({ key: SegmentKey, name: z.string(), segments: z.array(SegmentKey), otherwise: SegmentKey.nullable() }))
    .meta({ description: 'Bodies for `POST /v1/groups`, once the segments are there' }),
};

const TemplateSchema = z
  .strictObject({
    key: TemplateKey,
    name: z.string(),
    description: z.string(),
    parameters: z.array(ParameterSchema),
    needs: z.array(z.string()).meta({ description: 'What the shop has to send beside customers and orders for it to hold anybody' }),
    ...content,
  })
  .meta({ id: 'Template', description: 'A ready-made segment, or several, with the parameters filled in' });

export const templateRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/templates',
    operationId: 'listTemplates',
    tag: 'segments',
    scope: 'segments:read',
    summary: 'Ready-made segments, with the defaults of their parameters',
    answers: { 200: z.strictObject({ data: z.array(TemplateSchema) }) },
    handle: async () => ({ data: TEMPLATES.map((template) => templateOut(template, {})) }),
  }),
  route({
    method: 'GET',
    path: '/v1/templates/:key',
    operationId: 'getTemplate',
    tag: 'segments',
    scope: 'segments:read',
    summary: 'One ready-made segment, with parameters of your own',
    description:
      '`?param.days=60` sets the parameter `days`; what is not given has its default. Nothing is stored: post what you like of it.',
    params: z.strictObject({ key: TemplateKey }),
    query: z.object({}).catchall(z.string().meta({ description: '`param.NAME=VALUE`: a parameter of the template' })),
    answers: { 200: TemplateSchema },
    refusals: ['not_found'],
    handle: async ({ params, query }) => templateOut(getTemplate(params.key), query),
  }),
];

function templateOut(template: Template, given: Readonly<Record<string, string>>): z.input<typeof TemplateSchema> {
  const { segments, groups } = fillTemplate(template, given);
  const { key, name, description, parameters, needs } = template;
  return {
    key,
    name,
    description,
    parameters: parameters.map(({ least, most, ...parameter }) => ({ ...parameter, least: least ?? null, most: most ?? null })),
    needs: [...needs],
    segments: [...segments],
    groups: groups.map((group) => ({ ...group, segments: [...group.segments] })),
  };
}
