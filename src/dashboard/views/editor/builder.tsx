// In charge of the builder face: groups and their conditions, with react-querybuilder; loaded when first shown. A filter inside a condition
// (“only those where …”) is a builder of its own, over the fields of its source.
import { type ComponentType, useMemo, useRef, useState } from 'react';
import { type Field, type OptionGroup, prepareRuleGroup, QueryBuilder, type RuleGroupType } from 'react-querybuilder';
import type { Texts } from '../../texts/en.ts';
import { useTexts } from '../../texts/texts.tsx';
import { fieldKeysOf, toJson, toQuery } from './builder-query.ts';
import { entriesOf, type Ground, newCondition } from './condition.ts';
import { ConditionEditor } from './condition-editor.tsx';
import { fieldLabel } from './field-label.ts';
import type { Diagnostic, Json, Scope, Vocabulary } from './rule-json.ts';
import './builder.css';

export interface BuilderProps {
  /** the rule it begins with; after that the builder leads */
  readonly first: Json | null;
  readonly scope: Scope;
  readonly event: string | null;
  readonly vocabulary: Vocabulary;
  readonly errors: readonly Diagnostic[];
  /** where its JSON is in what is sent */
  readonly pointer: string;
  readonly onChange: (json: Json | null) => void;
}

/** What each condition's editor is given besides its condition. */
export interface BuilderContext {
  readonly ground: Ground;
  readonly errors: readonly Diagnostic[];
  readonly pointers: ReadonlyMap<string, string>;
  /** for a filter inside a condition */
  readonly nested: ComponentType<BuilderProps>;
}

export default function Builder({ first, scope, event, vocabulary, errors, pointer, onChange }: BuilderProps) {
  const { editor: texts } = useTexts();
  const [query, setQuery] = useState<RuleGroupType>(() => prepareRuleGroup(toQuery(first)));
  const said = useRef(JSON.stringify(first));
  const ground = useMemo(() => ({ scope, event, vocabulary }), [scope, event, vocabulary]);
  const known = fieldKeysOf(query).join('\n');
  const fields = useMemo(() => fieldsFor(ground, known.split('\n').filter(Boolean), texts.builder), [ground, known, texts]);
  const context = useMemo<BuilderContext>(
    () => ({ ground, errors, pointers: toJson(query, pointer).pointers, nested: Builder }),
    [ground, errors, query, pointer],
  );
  const words = useMemo(() => translationsFor(texts.builder), [texts]);
  const change = (next: RuleGroupType) => {
    setQuery(next);
    const { json } = toJson(next, pointer);
    const text = JSON.stringify(json);
    if (text === said.current) return; // only ids changed, or a group that asks nothing yet
    said.current = text;
    onChange(json);
  };
  return (
    <QueryBuilder
      query={query}
      onQueryChange={change}
      fields={fields}
      combinators={[
        { name: 'and', label: texts.builder.and },
        { name: 'or', label: texts.builder.or },
      ]}
      operators={[{ name: '=', label: '=' }]}
      {...(scope === 'customers' ? { getDefaultField: 'field:country' } : {})}
      getDefaultValue={({ field }) => newCondition(field, ground)}
      controlElements={{ operatorSelector: null, valueEditor: ConditionEditor }}
      translations={words}
      context={context}
      showNotToggle
      enableMountQueryChange={false}
      resetOnFieldChange
    />
  );
}

type Words = Texts['editor']['builder'];

function fieldsFor(ground: Ground, named: readonly string[], texts: Words): OptionGroup<Field>[] {
  const entries = entriesOf(ground);
  const option = (name: string, label: string): Field => ({ name, label });
  const ofKind = (kind: string) =>
    entries.filter((entry) => entry.kind === kind).map(({ name }) => option(`${kind}:${name}`, fieldLabel(kind, name, texts)));
  const groups = [
    { label: ground.scope === 'customers' ? texts.profile : texts[ground.scope], options: ofKind('field') },
    { label: texts.attributes, options: ofKind('attribute') },
    { label: texts.consent, options: ofKind('consent') },
    { label: texts.properties, options: ofKind('property') },
    ...(ground.scope === 'customers' ? everyday(texts) : []),
  ];
  const known = new Set(groups.flatMap(({ options }) => options.map(({ name }) => name)));
  const others = [...new Set(named)].filter((name) => !known.has(name)).map((name) => option(name, name.replace(/^\w+:/, '')));
  return [...groups, { label: texts.other, options: others }].filter(({ options }) => options.length > 0) as OptionGroup<Field>[];
}

function everyday(texts: Words) {
  const option = (name: string, label: string): Field => ({ name, label });
  const sources = (['orders', 'items', 'events'] as const).map((source) => option(`of:${source}`, texts[source]));
  const others = (['segment', 'everyone', 'bucket'] as const).map((name) => option(name, texts[name]));
  return [
    { label: texts.behaviour, options: sources },
    { label: texts.other, options: others },
  ];
}

function translationsFor(texts: Words) {
  const cross = (said: string) => (
    <>
      <span aria-hidden="true">×</span>
      <span className="visually-hidden">{said}</span>
    </>
  );
  return {
    fields: { title: texts.field },
    combinators: { title: texts.combinator },
    notToggle: { label: texts.not, title: texts.not },
    addRule: { label: texts.addCondition, title: texts.addCondition },
    addGroup: { label: texts.addGroup, title: texts.addGroup },
    removeRule: { label: cross(texts.removeCondition), title: texts.removeCondition },
    removeGroup: { label: cross(texts.removeGroup), title: texts.removeGroup },
  };
}
