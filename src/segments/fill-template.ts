// In charge of filling a template's parameters into its rules: each value is checked against its parameter, texts are quoted, so that no
// value can become anything but a value. What comes out is ready to be posted. Not of the templates themselves (templates.ts).
import { nearestName } from '../base/nearest-name.ts';
import { AppError, type ErrorDetail } from '../errors.ts';
import { TEMPLATES, type Template, type TemplateParameter } from './templates.ts';

export interface FilledSegment {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly icon: string;
  readonly color: string;
  readonly kind: 'rule';
  readonly rule: string;
}

export interface FilledGroup {
  readonly key: string;
  readonly name: string;
  readonly segments: readonly string[];
  readonly otherwise: string | null;
}

export interface FilledTemplate {
  readonly template: Template;
  /** as bodies of POST /v1/segments, in an order in which they can be created */
  readonly segments: readonly FilledSegment[];
  /** as bodies of POST /v1/groups */
  readonly groups: readonly FilledGroup[];
}

/** Throws `not_found`. */
export function getTemplate(key: string): Template {
  const template = TEMPLATES.find((each) => each.key === key);
  if (template !== undefined) return template;
  const nearest = nearestName(
    key,
    TEMPLATES.map((each) => each.key),
  );
  throw new AppError('not_found', `There is no template “${key}”${nearest === undefined ? '' : `; did you mean “${nearest}”?`}`);
}

const PREFIX = 'param.';
const TEXT_MAX = 200;

/** `given`: `param.NAME` → value as text; the others have their defaults. Throws `invalid_request` with everything that is wrong. */
export function fillTemplate(template: Template, given: Readonly<Record<string, string>> = {}): FilledTemplate {
  const errors: ErrorDetail[] = [];
  const known = template.parameters.map(({ name }) => `${PREFIX}${name}`);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const nearest = known.includes(`${PREFIX}${name}`) ? `${PREFIX}${name}` : nearestName(name, known);
    const hint = nearest === undefined ? `Its parameters: ${known.join(', ')}.` : `Did you mean ${nearest}?`;
    errors.push({ parameter: name, code: 'unknown_parameter', detail: `This template has no parameter ${name}.`, hint });
  }
  const values = new Map<string, string>();
  for (const parameter of template.parameters) {
    const place = `${PREFIX}${parameter.name}`;
    const value = readValue(parameter, given[place] ?? String(parameter.default));
    if (value.ok) values.set(parameter.name, value.literal);
    else errors.push({ parameter: place, code: 'invalid_value', detail: `${place} ${value.detail}.` });
  }
  if (errors.length > 0) {
    const detail = errors.length === 1 ? (errors[0]?.detail ?? '') : `${errors.length} parameters are wrong.`;
    throw new AppError('invalid_request', detail, { errors });
  }
  const { segments, group } = template;
  return {
    template,
    segments: segments.map((segment) => ({ ...segment, kind: 'rule', rule: fill(segment.rule, values) })),
    groups: group === null ? [] : [{ key: group.key, name: group.name, segments: group.order, otherwise: group.otherwise }],
  };
}

function fill(rule: string, values: ReadonlyMap<string, string>): string {
  return rule.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`a template names {${name}}, which is no parameter of it`);
    return value;
  });
}

type Value = { readonly ok: true; readonly literal: string } | { readonly ok: false; readonly detail: string };

/** → as it is written in the rule */
function readValue({ type, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY }: TemplateParameter, given: string): Value {
  if (type === 'text') {
    if (!/^\P{C}+$/u.test(given) || given.length > TEXT_MAX)
      return { ok: false, detail: `must be a text of 1 to ${TEXT_MAX} characters, and no control characters` };
    return { ok: true, literal: `"${given.replaceAll(/["\\]/g, '\\$&')}"` };
  }
  const form = type === 'integer' ? /^\d{1,15}$/ : /^\d{1,15}(\.\d{1,4})?$/;
  const value = form.test(given) ? Number(given) : Number.NaN;
  if (value >= least && value <= most) return { ok: true, literal: given.replace(/^0+(?=\d)/, '') };
  return { ok: false, detail: `must be a ${type === 'integer' ? 'whole number' : 'number'} from ${least} to ${most}` };
}
