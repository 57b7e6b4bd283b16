// In charge of the builder's tree: groups are the builder's, and each of its rules contains one whole condition in JSON form. So nothing is lost
// on the way there and back.
import type { RuleGroupType, RuleType } from 'react-querybuilder';
import { fieldKeyOf } from './condition.ts';
import { isJson, type Json } from './rule-json.ts';

/** The forms of `not` that are written as a comparison of their own: “is none of”. */
const NEGATABLE = ['between', 'in', 'contains', 'starts_with', 'ends_with', 'has_any', 'has_all', 'missing', 'within', 'anniversary'];

/** null: nothing written yet */
export function toQuery(json: Json | null): RuleGroupType {
  if (json === null) return { combinator: 'and', rules: [] };
  const root = toNode(json);
  return 'rules' in root ? root : { combinator: 'and', rules: [root] };
}

function toNode(json: Json): RuleGroupType | RuleType {
  for (const combinator of ['and', 'or']) {
    const parts = json[combinator];
    if (Array.isArray(parts)) return { combinator, rules: parts.filter(isJson).map(toNode) };
  }
  const inner = json['not'];
  if (!isJson(inner) || isOneCondition(json)) return { field: fieldKeyOf(json), operator: '=', value: json };
  const node = toNode(inner);
  return 'rules' in node && node.not !== true ? { ...node, not: true } : { combinator: 'and', not: true, rules: [node] };
}

/** A `not` that belongs to its condition. */
function isOneCondition({ not }: Json): boolean {
  return isJson(not) && ('segment' in not || NEGATABLE.includes(String(not['op'])));
}

export interface Emitted {
  readonly json: Json | null;
  /** by the id of a rule: where its condition is in the JSON */
  readonly pointers: ReadonlyMap<string, string>;
}

export function toJson(query: RuleGroupType, pointer: string): Emitted {
  const pointers = new Map<string, string>();
  return { json: emit(query, pointer, pointers), pointers };
}

/** → null for a group without conditions: it asks nothing */
function emit(node: RuleGroupType | RuleType, pointer: string, pointers: Map<string, string>): Json | null {
  if (!('rules' in node)) {
    if (node.id !== undefined) pointers.set(node.id, pointer);
    return isJson(node.value) ? node.value : null;
  }
  const asking = node.rules.filter(asksSomething);
  const inside = node.not === true ? `${pointer}/not` : pointer;
  const isAlone = asking.length === 1;
  const parts = asking
    .map((each, index) => emit(each, isAlone ? inside : `${inside}/${node.combinator}/${index}`, pointers))
    .filter((each) => each !== null);
  const [first] = parts;
  if (first === undefined) return null;
  const whole: Json = isAlone ? first : { [node.combinator]: parts };
  return node.not === true ? { not: whole } : whole;
}

function asksSomething(node: RuleGroupType | RuleType): boolean {
  return 'rules' in node ? node.rules.some(asksSomething) : isJson(node.value);
}

/** Every field that the conditions of a tree name, including those that the catalog does not know. */
export function fieldKeysOf(query: RuleGroupType): readonly string[] {
  return query.rules.flatMap((each) => ('rules' in each ? fieldKeysOf(each) : [each.field]));
}
