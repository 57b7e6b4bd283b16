// In charge of one condition in JSON form: which field it is about, which comparisons that field has, and what the condition becomes when one of
// them is chosen. Fields are named by a key, such as `attribute:tier` or `of:orders`.
import { isJson, type Json, type Scope, type ValueType, type Vocabulary } from './rule-json.ts';

export interface Ground {
  readonly scope: Scope;
  /** for events: the name; null: any event */
  readonly event: string | null;
  readonly vocabulary: Vocabulary;
}

const NAMED = ['field', 'attribute', 'consent', 'property'] as const;
const COMPARISONS = ['=', '!=', '<', '<=', '>', '>='];
const TEXT = ['contains', 'starts_with', 'ends_with'];
const LISTS = ['in', 'has_any', 'has_all'];
const NEVER_NEGATED = new Set(COMPARISONS);

/** A condition without the `not` that belongs to it. */
export function bare(json: Json): { readonly isNegated: boolean; readonly condition: Json } {
  const inner = json['not'];
  return isJson(inner) ? { isNegated: true, condition: inner } : { isNegated: false, condition: json };
}

export function fieldKeyOf(json: Json): string {
  const { condition } = bare(json);
  if ('segment' in condition) return 'segment';
  if ('everyone' in condition) return 'everyone';
  const left = condition['left'];
  if (!isJson(left)) return '';
  if ('bucket' in left) return 'bucket';
  if ('aggregate' in left) return `of:${sourceOf(left)}`;
  const named = NAMED.find((name) => name in left);
  return named === undefined ? '' : `${named}:${left[named]}`;
}

export function sourceOf(aggregate: Json): Scope {
  const of = aggregate['of'];
  return isJson(of) ? 'events' : (of as Scope);
}

export function eventOf(aggregate: Json): string | null {
  const of = aggregate['of'];
  return isJson(of) ? String(of['events']) : null;
}

/** What a condition on this field starts as. */
export function newCondition(key: string, ground: Ground): Json {
  const [kind = '', ...rest] = key.split(':');
  const name = rest.join(':');
  if (kind === 'everyone') return { everyone: true };
  if (kind === 'segment') return { segment: ground.vocabulary.segments[0]?.key ?? '' };
  if (kind === 'bucket') return { op: '<', left: { bucket: 'test' }, right: 50 };
  if (kind === 'of') {
    const event = name === 'events' ? (eventNames(ground.vocabulary)[0] ?? null) : null;
    return { op: '>=', left: { aggregate: 'count', of: event === null ? name : { events: event }, window: { last: '90d' } }, right: 1 };
  }
  const left = { [kind]: name };
  const type = typeOf(left, ground) ?? 'string';
  const op = type === 'list' ? 'has_any' : type === 'date' || type === 'timestamp' ? 'within' : type === 'number' ? '>=' : '=';
  return withOperator({ op: 'missing', left }, op, type);
}

export function eventNames({ entries }: Vocabulary): readonly string[] {
  return [...new Set(entries.flatMap(({ event }) => (event === null ? [] : [event])))];
}

/** The type of a left side; null if the catalog does not know it. */
export function typeOf(left: Json, ground: Ground): ValueType | null {
  if ('bucket' in left) return 'number';
  if ('aggregate' in left) {
    if (['count', 'sum', 'avg', 'distinct'].includes(String(left['aggregate']))) return 'number';
    const of = { ...ground, scope: sourceOf(left), event: eventOf(left) };
    return entriesOf(of).find(({ path }) => path === left['field'])?.type ?? null;
  }
  const kind = NAMED.find((name) => name in left);
  return entriesOf(ground).find((entry) => entry.kind === kind && entry.name === left[kind ?? ''])?.type ?? null;
}

export function valuesOf(left: Json, ground: Ground): readonly string[] {
  const kind = NAMED.find((name) => name in left);
  const path = left['field'];
  if ('aggregate' in left) {
    return entriesOf({ ...ground, scope: sourceOf(left), event: eventOf(left) }).find((entry) => entry.path === path)?.values ?? [];
  }
  return entriesOf(ground).find((entry) => entry.kind === kind && entry.name === left[kind ?? ''])?.values ?? [];
}

/** The fields that conditions of this scope can ask about; for any event, one property of each name. */
export function entriesOf({ scope, event, vocabulary }: Ground) {
  const fitting = vocabulary.entries.filter(
    (entry) => entry.scope === scope && (event === null || entry.event === null || entry.event === event),
  );
  return [...new Map(fitting.map((entry) => [entry.path, entry])).values()];
}

/** A type that the catalog does not know is that of what the field is compared with, as the service sees it too. */
export function typeOfOperand(condition: Json): ValueType {
  const operand =
    condition['right'] ?? condition['low'] ?? condition['value'] ?? (condition['values'] as readonly unknown[] | undefined)?.[0];
  if (typeof operand === 'number' || typeof operand === 'boolean') return typeof operand as ValueType;
  if (isJson(operand)) return 'date' in operand ? 'date' : 'timestamp';
  if (condition['op'] === 'within') return 'timestamp';
  return String(condition['op']).startsWith('has_') ? 'list' : 'string';
}

const BOOLEAN = ['=', 'missing'];

/** The comparisons that fields of a type have, including those that are written with a `not`. */
export function operatorsOf(type: ValueType, { vocabulary }: Ground, current: string): readonly string[] {
  const known =
    type === 'boolean' ? BOOLEAN : (vocabulary.entries.find((entry) => entry.type === type)?.operators ?? ['=', '!=', 'missing']);
  const all = known.flatMap((op) => (NEVER_NEGATED.has(op) ? [op] : [op, `not ${op}`]));
  return all.includes(current) ? all : [...all, current];
}

/** `not in` … as one name */
export function operatorName(json: Json): string {
  const { isNegated, condition } = bare(json);
  return `${isNegated ? 'not ' : ''}${condition['op']}`;
}

/** The condition with another comparison; what was written as its value is kept if it fits. */
export function withOperator(json: Json, name: string, type: ValueType): Json {
  const { condition } = bare(json);
  const op = name.replace(/^not /, '');
  const next = { op, left: condition['left'], ...operandsFor(op, condition, type) };
  return name === op ? next : { not: next };
}

function operandsFor(op: string, condition: Json, type: ValueType): Json {
  const written = condition['values'] as readonly unknown[] | undefined;
  const first = condition['right'] ?? condition['low'] ?? condition['value'] ?? written?.[0] ?? initialOperand(type);
  if (COMPARISONS.includes(op)) return { right: first };
  if (op === 'between') return { low: first, high: condition['high'] ?? initialOperand(type) };
  if (LISTS.includes(op)) return { values: written ?? (first === null ? [] : [first]) };
  if (TEXT.includes(op)) return { value: typeof first === 'string' ? first : '' };
  if (op === 'within') return { window: { last: '30d' } };
  return op === 'anniversary' ? { window: { next: '7d' } } : {};
}

/** null: to be filled in */
export function initialOperand(type: ValueType): unknown {
  if (type === 'boolean') return true;
  return type === 'date' || type === 'timestamp' ? { ago: '30d' } : null;
}
