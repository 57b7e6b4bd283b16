// The shape of a ready-made segment, or of several, and its wording in the language of the page: keys never change, words do.
import type { Language } from '../../texts/texts.tsx';
import { templatesInChinese, unitsInChinese } from '../../texts/zh-templates.ts';

export interface Parameter {
  readonly name: string;
  readonly type: 'integer' | 'number' | 'text';
  readonly default: number | string;
  readonly unit: string | null;
  readonly meaning: string;
  readonly least: number | null;
  readonly most: number | null;
}

export interface TemplateSegment {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly icon: string;
  readonly color: string;
  readonly kind: 'rule';
  readonly rule: string;
}

export interface TemplateGroup {
  readonly key: string;
  readonly name: string;
  readonly segments: readonly string[];
  readonly otherwise: string | null;
}

export interface Template {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly needs: readonly string[];
  readonly segments: readonly TemplateSegment[];
  readonly groups: readonly TemplateGroup[];
}

/** What a newer service has and this page does not know stays in the service's own words. */
export function templateIn(language: Language, template: Template): Template {
  const words = language === 'zh' ? templatesInChinese[template.key] : undefined;
  if (words === undefined) return template;
  const { name, description, parameters = {}, needs = [], segments = {} } = words;
  return {
    ...template,
    name,
    description,
    parameters: template.parameters.map((parameter) => ({
      ...parameter,
      meaning: parameters[parameter.name] ?? parameter.meaning,
      unit: parameter.unit === null ? null : (unitsInChinese[parameter.unit] ?? parameter.unit),
    })),
    needs: template.needs.map((need, index) => needs[index] ?? need),
    segments: template.segments.map((segment) => {
      const [ownName, ownDescription] = segments[segment.key] ?? (template.segments.length === 1 ? [name, description] : []);
      return { ...segment, name: ownName ?? segment.name, description: ownDescription ?? segment.description };
    }),
    groups: template.groups.map((group) => ({ ...group, name })),
  };
}

/** The same with another prefix for each key, also where a rule names one, so that it can be made a second time. */
export function withPrefix(template: Template, prefix: string): Template {
  if (prefix === '') return template;
  const renamed = (key: string) => `${prefix}${key}`;
  const inRules = (rule: string) =>
    template.segments.reduce((text, { key }) => text.replaceAll(`segment "${key}"`, `segment "${renamed(key)}"`), rule);
  return {
    ...template,
    segments: template.segments.map((segment) => ({ ...segment, key: renamed(segment.key), rule: inRules(segment.rule) })),
    groups: template.groups.map((group) => ({
      ...group,
      key: renamed(group.key),
      segments: group.segments.map(renamed),
      otherwise: group.otherwise === null ? null : renamed(group.otherwise),
    })),
  };
}
