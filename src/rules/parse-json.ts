// Parses the JSON form of a rule into the AST. In charge of its shape; all mistakes are reported at once, with JSON pointers; names and
// types are the checker's business. Null from a function means: noted as wrong; a stand-in then takes its place, so that the rest is read too.
import { failed, ok, type Result } from '../base/result.ts';
import type { Aggregate, Expression, Literal, Rule, Source } from './ast.ts';
import type { Diagnostic } from './diagnostic.ts';
import { fieldOfPath } from './field-path.ts';
import { joinRules } from './join-rules.ts';
import {
  describe,
  HINTS_AT_MOST,
  hasMembers,
  isObject,
  type JsonObject,
  type JsonReader,
  note,
  noteShape,
  placeAt,
  pointerTo,
  readString,
  suggest,
} from './json-reader.ts';
import { LIMITS, limitExceeded } from './limits.ts';
import { checkDepth } from './measure-depth.ts';
import { ARITHMETIC_OPERATORS, COMPARISON_OPERATORS, LIST_OPERATORS, OPERATORS, TEXT_OPERATORS } from './operators.ts';
import { instantMember, parseAnniversary, parseInstant, parseWindow } from './parse-json-time.ts';
import { parseRule, type ReadRule, readRuleText } from './parse-text.ts';
import { decimalOfNumber, readDecimal } from './read-literal.ts';
import { AGGREGATE_FUNCTIONS, aggregateFunction, canBeginPath, SOURCES } from './vocabulary.ts';

export function parseJsonRule(json: unknown): Result<Rule, Diagnostic> {
  const { rule, problems } = readRuleJson(json);
  return rule === null || problems.length > 0 ? failed(problems) : ok(rule);
}

/** Text if it is a string, the JSON form otherwise. */
export function parseAnyRule(input: unknown): Result<Rule, Diagnostic> {
  return typeof input === 'string' ? parseRule(input) : parseJsonRule(input);
}

/** As `parseAnyRule`, but with stand-ins for what is wrong, so that the checker can add its own mistakes. */
export function readAnyRule(input: unknown): ReadRule {
  return typeof input === 'string' ? readRuleText(input) : readRuleJson(input);
}

function readRuleJson(json: unknown): ReadRule {
  const reader: JsonReader = { problems: [], broken: new Set(), conditions: 0, hintsLeft: HINTS_AT_MOST };
  const rule = parseNode(reader, json, '', 1);
  if (reader.conditions > LIMITS.conditions.atMost) {
    const tooMany = limitExceeded('conditions', `${reader.conditions} conditions`, rule.place);
    return { rule: null, problems: [tooMany, ...reader.problems], broken: reader.broken };
  }
  const tooDeep = checkDepth(rule);
  if (tooDeep !== null) return { rule: null, problems: [...reader.problems, tooDeep], broken: reader.broken };
  return { rule, problems: reader.problems, broken: reader.broken };
}

// ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const RULE_FORMS = ['and', 'or', 'not', 'everyone', 'segment', 'op'] as const;
const RULE_EXPECTED = 'a rule: {"and"}, {"or"}, {"not"}, {"everyone"}, {"segment"} or {"op"}';

function parseNode(reader: JsonReader, value: unknown, pointer: string, nesting: number): Rule {
  const rule = isWithinNesting(reader, pointer, nesting) ? parseForm(reader, value, pointer, nesting) : null;
  if (rule !== null) return rule;
  const standIn: Rule = { kind: 'everyone', place: placeAt(pointer) };
  reader.broken.add(standIn);
  return standIn;
}

function isWithinNesting(reader: JsonReader, pointer: string, nesting: number): boolean {
  if (nesting <= LIMITS.brackets.atMost) return true;
  reader.problems.push(limitExceeded('brackets', `more than ${LIMITS.brackets.atMost} levels`, placeAt(pointer)));
  return false;
}

function parseForm(reader: JsonReader, value: unknown, pointer: string, nesting: number): Rule | null {
  if (!isObject(value)) {
    noteShape(reader, RULE_EXPECTED, value, pointer);
    return null;
  }
  const form = RULE_FORMS.find((name) => Object.hasOwn(value, name));
  if (form === undefined) {
    const near = Object.keys(value)
      .slice(0, 10)
      .map((name) => suggest(reader, name, RULE_FORMS))
      .find((name) => name !== null);
    noteShape(reader, RULE_EXPECTED, value, pointer, near === undefined ? undefined : `did you mean \`${near}\`?`);
    return null;
  }
  if (form === 'op') return parseCondition(reader, value, pointer, nesting);
  if (!hasMembers(reader, value, [form], [], pointer)) return null;
  const inner = value[form];
  const innerPointer = pointerTo(pointer, form);
  const place = placeAt(pointer);
  switch (form) {
    case 'and':
    case 'or': {
      if (!Array.isArray(inner) || inner.length === 0) {
        noteShape(reader, 'a list of one rule or more', inner, innerPointer);
        return null;
      }
      const rules = inner.map((rule, index) => parseNode(reader, rule, pointerTo(innerPointer, index), nesting + 1));
      return joinRules(form, rules, place);
    }
    case 'not':
      return { kind: 'not', rule: parseNode(reader, inner, innerPointer, nesting + 1), place };
    case 'everyone':
      if (inner === true) return { kind: 'everyone', place };
      noteShape(reader, '`true`', inner, innerPointer, inner === false ? 'for nobody write {"not": {"everyone": true}}' : undefined);
      return null;
    case 'segment': {
      const key = readString(reader, inner, "the segment's key", innerPointer);
      return key === null ? null : { kind: 'segment', key, place };
    }
  }
}

const CONDITION_OPERATORS: readonly string[] = OPERATORS.map((row) => row.op);

function parseCondition(reader: JsonReader, object: JsonObject, pointer: string, nesting: number): Rule | null {
  reader.conditions += 1;
  // beyond the limit they are only counted: a body may hold a hundred thousand
  if (reader.conditions > LIMITS.conditions.atMost) return null;
  const op = object['op'];
  const place = placeAt(pointer);
  const left = () => parseExpression(reader, object['left'], pointerTo(pointer, 'left'), nesting + 1);
  const has = (...members: readonly string[]) => hasMembers(reader, object, ['op', 'left', ...members], [], pointer);
  const comparison = COMPARISON_OPERATORS.find((operator) => operator === op);
  if (comparison !== undefined) {
    if (!has('right')) return null;
    const right = parseExpression(reader, object['right'], pointerTo(pointer, 'right'), nesting + 1);
    return { kind: 'comparison', op: comparison, left: left(), right, place };
  }
  const text = TEXT_OPERATORS.find((operator) => operator === op);
  if (text !== undefined) {
    if (!has('value')) return null;
    const value = readString(reader, object['value'], 'a string', pointerTo(pointer, 'value'));
    const operand = left();
    return value === null ? null : { kind: 'text', op: text, left: operand, value, place };
  }
  const list = LIST_OPERATORS.find((operator) => operator === op);
  if (list !== undefined || op === 'in') {
    if (!has('values')) return null;
    const values = parseValues(reader, object['values'], pointerTo(pointer, 'values'));
    const operand = left();
    if (values === null) return null;
    return list === undefined ? { kind: 'in', left: operand, values, place } : { kind: 'has', op: list, left: operand, values, place };
  }
  switch (op) {
    case 'between': {
      if (!has('low', 'high')) return null;
      const low = parseExpression(reader, object['low'], pointerTo(pointer, 'low'), nesting + 1);
      const high = parseExpression(reader, object['high'], pointerTo(pointer, 'high'), nesting + 1);
      return { kind: 'between', left: left(), low, high, place };
    }
    case 'missing':
      return has() ? { kind: 'missing', left: left(), place } : null;
    case 'within': {
      if (!has('window')) return null;
      const window = parseWindow(reader, object['window'], pointerTo(pointer, 'window'), 'operand');
      const operand = left();
      return window === null ? null : { kind: 'within', left: operand, window, place };
    }
    case 'anniversary': {
      if (!has('window')) return null;
      const window = parseAnniversary(reader, object['window'], pointerTo(pointer, 'window'));
      const operand = left();
      return window === null ? null : { kind: 'anniversary', left: operand, window, place };
    }
    default: {
      const near = typeof op === 'string' ? suggest(reader, op, CONDITION_OPERATORS) : null;
      const hint = near === null ? `the operators are ${CONDITION_OPERATORS.join(' ')}` : `did you mean "${near}"?`;
      noteShape(reader, 'an operator of a condition', op, pointerTo(pointer, 'op'), hint);
      return null;
    }
  }
}

function parseValues(reader: JsonReader, value: unknown, pointer: string): readonly Literal[] | null {
  if (!Array.isArray(value) || value.length === 0) {
    noteShape(reader, 'a list of one value or more', value, pointer);
    return null;
  }
  // the checker refuses a list that is too long; no need to read a million values for that
  if (value.length > LIMITS.listLiterals.atMost) {
    reader.problems.push(limitExceeded('listLiterals', value.length, placeAt(pointer)));
    return null;
  }
  const values = value.map((item: unknown, index) => parseLiteral(reader, item, pointerTo(pointer, index)));
  return values.every((item) => item !== null) ? values : null;
}

// ── expressions ──────────────────────────────────────────────────────────────────────────────────────────────────────

const EXPRESSION_FORMS = ['aggregate', 'op', 'field', 'attribute', 'property', 'consent', 'bucket', 'days_between'] as const;

function parseExpression(reader: JsonReader, value: unknown, pointer: string, nesting: number): Expression {
  const expression = isWithinNesting(reader, pointer, nesting) ? parseValue(reader, value, pointer, nesting) : null;
  if (expression !== null) return expression;
  const standIn: Expression = { kind: 'boolean', value: true, place: placeAt(pointer) };
  reader.broken.add(standIn);
  return standIn;
}

function parseLiteral(reader: JsonReader, value: unknown, pointer: string): Literal | null {
  const place = placeAt(pointer);
  if (typeof value === 'boolean') return { kind: 'boolean', value, place };
  if (typeof value === 'string') {
    const text = readString(reader, value, 'a string', pointer);
    return text === null ? null : { kind: 'string', value: text, place };
  }
  if (typeof value === 'number') return parseNumber(reader, value, pointer);
  const member = instantMember(value);
  if (member === 'date' || member === 'timestamp') {
    const instant = parseInstant(reader, value, pointer);
    return instant?.kind === 'date' || instant?.kind === 'timestamp' ? instant : null;
  }
  noteShape(reader, 'a string, a number, `true`, `false`, {"date"} or {"timestamp"}', value, pointer, nullHint(value));
  return null;
}

function parseNumber(reader: JsonReader, value: number, pointer: string): Literal | null {
  const place = placeAt(pointer);
  if (!Number.isFinite(value)) {
    note(reader, 'invalid_literal', 'this is not a finite number', pointer);
    return null;
  }
  const read = readDecimal(decimalOfNumber(value));
  if (read.past !== null) reader.problems.push(limitExceeded(read.past.limit, read.past.found, place));
  return { kind: 'number', value: read.value, place };
}

function nullHint(value: unknown): string | undefined {
  return value === null ? 'for "has no value" use {"op": "missing"}' : undefined;
}

function parseValue(reader: JsonReader, value: unknown, pointer: string, nesting: number): Expression | null {
  if (!isObject(value)) return parseLiteral(reader, value, pointer);
  if (instantMember(value) !== null) return parseInstant(reader, value, pointer);
  const form = EXPRESSION_FORMS.find((name) => Object.hasOwn(value, name));
  const place = placeAt(pointer);
  switch (form) {
    case undefined:
      noteShape(reader, 'a value', value, pointer, expressionHint(reader, value));
      return null;
    case 'field':
      if (!hasMembers(reader, value, [form], [], pointer)) return null;
      return parseField(reader, value[form], pointerTo(pointer, form), pointer);
    case 'attribute':
    case 'property':
    case 'consent': {
      if (!hasMembers(reader, value, [form], [], pointer)) return null;
      const name = readString(reader, value[form], 'a name', pointerTo(pointer, form));
      return name === null ? null : { kind: form, name, place };
    }
    case 'bucket': {
      if (!hasMembers(reader, value, [form], [], pointer)) return null;
      const salt = readString(reader, value[form], 'a salt', pointerTo(pointer, form));
      return salt === null ? null : { kind: 'bucket', salt, place };
    }
    case 'days_between': {
      if (!hasMembers(reader, value, [form], [], pointer)) return null;
      const pair = value[form];
      const pairPointer = pointerTo(pointer, form);
      if (!Array.isArray(pair) || pair.length !== 2) {
        noteShape(reader, 'a list of two values', pair, pairPointer);
        return null;
      }
      const from = parseExpression(reader, pair[0], pointerTo(pairPointer, 0), nesting + 1);
      const to = parseExpression(reader, pair[1], pointerTo(pairPointer, 1), nesting + 1);
      return { kind: 'days_between', from, to, place };
    }
    case 'op': {
      const op = ARITHMETIC_OPERATORS.find((operator) => operator === value['op']);
      if (op === undefined) {
        const condition = CONDITION_OPERATORS.includes(String(value['op']));
        const hint = condition ? 'a condition cannot stand where a value is needed' : undefined;
        noteShape(reader, 'one of + - * /', value['op'], pointerTo(pointer, 'op'), hint);
        return null;
      }
      if (!hasMembers(reader, value, ['op', 'left', 'right'], [], pointer)) return null;
      const left = parseExpression(reader, value['left'], pointerTo(pointer, 'left'), nesting + 1);
      const right = parseExpression(reader, value['right'], pointerTo(pointer, 'right'), nesting + 1);
      return { kind: 'arithmetic', op, left, right, place };
    }
    case 'aggregate':
      return parseAggregate(reader, value, pointer, nesting);
  }
}

function expressionHint(reader: JsonReader, value: JsonObject): string | undefined {
  if (RULE_FORMS.some((name) => Object.hasOwn(value, name))) return 'a rule cannot stand where a value is needed';
  const names = [...EXPRESSION_FORMS, 'date', 'timestamp', 'at', 'ago', 'from_now'];
  for (const name of Object.keys(value).slice(0, 10)) {
    const near = suggest(reader, name, names);
    if (near !== null) return `did you mean \`${near}\`?`;
  }
  return undefined;
}

/** A field's path as the text form would write it; what the text form could not write is not a field. */
function parseField(reader: JsonReader, value: unknown, pointer: string, place: string): Extract<Expression, { name: string }> | null {
  const name = readString(reader, value, "a field's name", pointer);
  if (name === null) return null;
  const path = name.split('.');
  if (!canBeginPath(path[0] ?? '')) {
    const hint = name === 'now' || name === 'today' ? `write {"at": "${name}"}` : undefined;
    note(reader, 'unknown_field', `unknown field ${describe(name)}`, pointer, hint);
    return null;
  }
  return fieldOfPath(path, placeAt(place));
}

function parseAggregate(reader: JsonReader, object: JsonObject, pointer: string, nesting: number): Aggregate | null {
  if (!hasMembers(reader, object, ['aggregate', 'of'], ['field', 'where', 'window'], pointer)) return null;
  const name = object['aggregate'];
  const row = typeof name === 'string' ? aggregateFunction(name) : undefined;
  if (row === undefined) {
    const names = AGGREGATE_FUNCTIONS.map((known) => known.name);
    const near = typeof name === 'string' ? suggest(reader, name, names) : null;
    const hint = near === null ? `the functions are ${names.join(', ')}` : `did you mean "${near}"?`;
    noteShape(reader, 'an aggregate function', name, pointerTo(pointer, 'aggregate'), hint);
  }
  const source = parseSource(reader, object['of'], pointerTo(pointer, 'of'));
  const has = (member: string) => Object.hasOwn(object, member);
  const at = (member: string) => pointerTo(pointer, member);
  const field = has('field') ? parseField(reader, object['field'], at('field'), at('field')) : null;
  const where = has('where') ? parseNode(reader, object['where'], at('where'), nesting + 1) : null;
  const window = has('window') ? parseWindow(reader, object['window'], at('window'), 'aggregate') : null;
  if (row === undefined || source === null || (has('field') && field === null) || (has('window') && window === null)) return null;
  return { kind: 'aggregate', function: row.name, source, field, where, window, place: placeAt(pointer) };
}

function parseSource(reader: JsonReader, value: unknown, pointer: string): Source | null {
  if (isObject(value) && Object.hasOwn(value, 'events')) {
    if (!hasMembers(reader, value, ['events'], [], pointer)) return null;
    const event = readString(reader, value['events'], "the event's name", pointerTo(pointer, 'events'));
    return event === null ? null : { kind: 'events', event };
  }
  if (value === 'orders' || value === 'items') return { kind: value };
  if (value === 'events') return { kind: 'events', event: null };
  if (typeof value !== 'string') {
    noteShape(reader, '"orders", "items", "events" or {"events": "name"}', value, pointer);
    return null;
  }
  const near = suggest(reader, value, SOURCES);
  const hint = near === null ? `the sources are ${SOURCES.join(', ')}` : `did you mean "${near}"?`;
  note(reader, 'unknown_source', `unknown source ${describe(value)}`, pointer, hint);
  return null;
}
