// Parses the text form of a rule into the AST. In charge of the grammar; names and types are the checker's business. There is one function for
// each level of precedence, and recursion only passes through brackets, which are counted, so no text overflows the stack or takes more than
// linear time. Why it is written by hand: docs/decisions/0001-recursive-descent.md.
import { failed, ok, type Result } from '../base/result.ts';
import type { Aggregate, Expression, Rule, Source } from './ast.ts';
import type { Diagnostic } from './diagnostic.ts';
import { fieldOfPath } from './field-path.ts';
import { joinRules } from './join-rules.ts';
import { LIMITS, limitExceeded } from './limits.ts';
import { checkDepth } from './measure-depth.ts';
import { ARITHMETIC_OPERATORS, COMPARISON_OPERATORS } from './operators.ts';
import { parseList, parseLiteral, takePath, takeString, takeText } from './parse-literal.ts';
import { parseAnniversary, parseRelative, parseWindow, startsDuration, startsWindow } from './parse-window.ts';
import { asExpression, asRule, isRule, type Node, standIn } from './rule-or-expression.ts';
import { suggestName } from './suggest-name.ts';
import {
  closeBracket,
  expectKeyword,
  expectSymbol,
  isKeyword,
  isSymbol,
  note,
  openBracket,
  openReader,
  ParseStop,
  peek,
  placeFrom,
  placeOf,
  stopAt,
  type TextReader,
  take,
  takeKeywords,
  takeSymbol,
} from './text-reader.ts';
import type { Token } from './tokens.ts';
import { AGGREGATE_FUNCTIONS, aggregateFunction, canBeginPath, RESERVED_FUNCTIONS, SOURCES } from './vocabulary.ts';

/** A rule as far as it could be read, with what is wrong so far. `rule` is null after a mistake that could not be read past. */
export interface ReadRule {
  readonly rule: Rule | null;
  readonly problems: readonly Diagnostic[];
  /** nodes that stand in for something already in `problems` */
  readonly broken: ReadonlySet<Rule | Expression>;
}

export function parseRule(text: string): Result<Rule, Diagnostic> {
  const { rule, problems } = readRuleText(text);
  return rule === null || problems.length > 0 ? failed(problems) : ok(rule);
}

/** As `parseRule`, but reads on past mistakes where it can, so that the checker can add its own to them. */
export function readRuleText(text: string): ReadRule {
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.textBytes.atMost) {
    const place = { start: 0, end: text.length, line: 1, column: 1 };
    return { rule: null, problems: [limitExceeded('textBytes', `${bytes} bytes`, place)], broken: new Set() };
  }
  const reader = openReader(text);
  try {
    const rule = asRule(reader, parseOr(reader));
    if (peek(reader).kind !== 'end') stopAt(reader, '`and`, `or` or the end of the rule', afterConditionHint(reader));
    const tooDeep = checkDepth(rule);
    if (tooDeep !== null) return { rule: null, problems: [...reader.problems, tooDeep], broken: reader.broken };
    return { rule, problems: reader.problems, broken: reader.broken };
  } catch (error) {
    if (error instanceof ParseStop) return { rule: null, problems: [...reader.problems, error.diagnostic], broken: reader.broken };
    throw error;
  }
}

function afterConditionHint(reader: TextReader): string | undefined {
  const token = peek(reader);
  if (token.kind === 'symbol' && (COMPARISON_OPERATORS as readonly string[]).includes(token.text))
    return 'compare two values at a time; for a range use `between … and …`';
  if (isSymbol(reader, ')')) return 'this bracket was never opened';
  if (isSymbol(reader, ',')) return 'conditions are joined by `and` or `or`; numbers have no thousands separator';
  if (isKeyword(reader, 'where')) return '`where` stands inside the brackets of an aggregate, before its window';
  if (startsWindow(reader)) return 'a window stands inside the brackets of an aggregate: count(orders in the last 7 days)';
  if (isKeyword(reader, 'within') || isKeyword(reader, 'during') || isKeyword(reader, 'for'))
    return 'a time is said inside the brackets of an aggregate: count(orders in the last 7 days)';
  if (token.kind === 'word' && /^[eE]\d*$/.test(token.text)) return 'numbers have no exponent';
  return undefined;
}

// ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function parseOr(reader: TextReader): Node {
  return parseJoined(reader, 'or', () => parseJoined(reader, 'and', () => parseNot(reader)));
}

function parseJoined(reader: TextReader, kind: 'and' | 'or', parseOne: () => Node): Node {
  const first = peek(reader);
  const node = parseOne();
  if (!isKeyword(reader, kind)) return node;
  const rules = [asRule(reader, node)];
  while (takeKeywords(reader, kind)) rules.push(asRule(reader, parseOne()));
  return joinRules(kind, rules, placeFrom(reader, first));
}

function parseNot(reader: TextReader): Node {
  const nots: Token[] = [];
  while (isKeyword(reader, 'not')) nots.push(take(reader));
  const node = parseCondition(reader);
  if (nots.length === 0) return node;
  return nots.reduceRight<Rule>((rule, not) => ({ kind: 'not', rule, place: placeFrom(reader, not) }), asRule(reader, node));
}

function parseCondition(reader: TextReader): Node {
  const first = peek(reader);
  if (isKeyword(reader, 'everyone') && !isSymbol(reader, '.', 1)) {
    take(reader);
    return { kind: 'everyone', place: placeFrom(reader, first) };
  }
  if (takeKeywords(reader, 'in', 'segment')) return parseSegment(reader, first);
  const left = parseSum(reader);
  if (isRule(left)) {
    const token = peek(reader);
    // what follows a complete condition is its aggregate's window or the caller's business; only a comparison is a mistake to report here
    if (token.kind !== 'symbol' || !(COMPARISON_OPERATORS as readonly string[]).includes(token.text)) return left;
  }
  return parsePredicate(reader, left, first);
}

function parseSegment(reader: TextReader, first: Token): Rule {
  const key = takeString(reader, "the segment's key in double quotes");
  const rule: Rule = { kind: 'segment', key, place: placeFrom(reader, first) };
  if (takeKeywords(reader, 'for', 'at', 'least')) {
    const number = peek(reader);
    if (number.kind !== 'number') stopAt(reader, 'a duration');
    take(reader);
    if (peek(reader).kind !== 'word') stopAt(reader, 'a unit of time');
    take(reader);
    note(reader, 'not_available', '`for at least` is not available yet', placeFrom(reader, first));
  }
  return rule;
}

/** What may follow `not` after an operand. */
const NEGATABLE = ['between', 'in', 'contains', 'starts', 'ends', 'has', 'anniversary', 'since', 'before'] as const;

/** The operator and right side after an operand; without one the operand is returned as it is. */
function parsePredicate(reader: TextReader, node: Node, first: Token): Node {
  const negated = isKeyword(reader, 'not') && NEGATABLE.some((word) => isKeyword(reader, word, 1));
  if (negated) take(reader);
  const rule = parsePositive(reader, node, first);
  if (rule === null) {
    if (isKeyword(reader, 'is')) return parseIs(reader, node, first);
    return node;
  }
  return negated ? { kind: 'not', rule, place: placeFrom(reader, first) } : rule;
}

function parsePositive(reader: TextReader, node: Node, first: Token): Rule | null {
  const token = peek(reader);
  const here = () => placeFrom(reader, first);
  const op = COMPARISON_OPERATORS.find((operator) => takeSymbol(reader, operator));
  if (op !== undefined) {
    const left = asExpression(reader, node);
    const right = asExpression(reader, parseSum(reader));
    return { kind: 'comparison', op, left, right, place: here() };
  }
  if (token.kind !== 'word') return null;
  switch (token.keyword) {
    case 'between': {
      take(reader);
      const low = asExpression(reader, parseSum(reader));
      expectKeyword(reader, 'and');
      const high = asExpression(reader, parseSum(reader));
      return { kind: 'between', left: asExpression(reader, node), low, high, place: here() };
    }
    case 'in':
      if (isSymbol(reader, '(', 1)) {
        take(reader);
        const values = parseList(reader);
        return { kind: 'in', left: asExpression(reader, node), values, place: here() };
      }
      return { kind: 'within', left: asExpression(reader, node), window: parseWindow(reader), place: here() };
    case 'since':
    case 'before':
      return { kind: 'within', left: asExpression(reader, node), window: parseWindow(reader), place: here() };
    case 'contains':
      take(reader);
      return { kind: 'text', op: 'contains', left: asExpression(reader, node), value: takeText(reader), place: here() };
    case 'starts':
    case 'ends':
      take(reader);
      expectKeyword(reader, 'with');
      return { kind: 'text', op: `${token.keyword}_with`, left: asExpression(reader, node), value: takeText(reader), place: here() };
    case 'has': {
      take(reader);
      const all = takeKeywords(reader, 'all');
      if (!all) takeKeywords(reader, 'any');
      const values = parseList(reader);
      return { kind: 'has', op: all ? 'has_all' : 'has_any', left: asExpression(reader, node), values, place: here() };
    }
    case 'anniversary': {
      take(reader);
      const window = parseAnniversary(reader);
      return { kind: 'anniversary', left: asExpression(reader, node), window, place: here() };
    }
    case 'like':
    case 'ilike':
    case 'matches':
      return stopAt(reader, 'an operator', 'write `contains`, `starts with` or `ends with`');
    case 'equals':
      return stopAt(reader, 'an operator', 'write `=`');
    default:
      return null;
  }
}

function parseIs(reader: TextReader, node: Node, first: Token): Rule {
  take(reader);
  const negated = takeKeywords(reader, 'not');
  if (!takeKeywords(reader, 'missing')) {
    const nothing = ['null', 'empty', 'nil', 'none', 'blank', 'unknown'].some((word) => isKeyword(reader, word));
    const operator = negated ? '!=' : '=';
    stopAt(reader, '`missing`', nothing ? `write \`is${negated ? ' not' : ''} missing\`` : `compare with \`${operator}\``);
  }
  const left = asExpression(reader, node);
  const rule: Rule = { kind: 'missing', left, place: placeFrom(reader, first) };
  return negated ? { kind: 'not', rule, place: placeFrom(reader, first) } : rule;
}

// ── expressions ──────────────────────────────────────────────────────────────────────────────────────────────────────

function parseSum(reader: TextReader): Node {
  return parseArithmetic(reader, ['+', '-'], () => parseArithmetic(reader, ['*', '/'], () => parseFactor(reader)));
}

function parseArithmetic(reader: TextReader, symbols: readonly string[], parseOne: () => Node): Node {
  const first = peek(reader);
  let node = parseOne();
  for (;;) {
    const op = ARITHMETIC_OPERATORS.find((operator) => symbols.includes(operator) && takeSymbol(reader, operator));
    if (op === undefined) return node;
    const left = asExpression(reader, node);
    const right = asExpression(reader, parseOne());
    node = { kind: 'arithmetic', op, left, right, place: placeFrom(reader, first) };
  }
}

function parseFactor(reader: TextReader): Node {
  const first = peek(reader);
  if (isSymbol(reader, '(')) {
    openBracket(reader);
    const node = parseOr(reader);
    closeBracket(reader, isRule(node) ? '`and`, `or` or `)`' : 'an operator or `)`', afterConditionHint(reader));
    return node;
  }
  if (startsDuration(reader)) return parseRelative(reader);
  const literal = parseLiteral(reader);
  if (literal !== null) return literal;
  if (first.kind !== 'word') return stopAt(reader, 'a condition or a value', operandHint(reader));
  if (isSymbol(reader, '(', 1)) return parseFunction(reader, first);
  if (first.keyword === 'now' || first.keyword === 'today') {
    take(reader);
    return { kind: first.keyword, place: placeFrom(reader, first) };
  }
  if (!canBeginPath(first.text)) return stopAt(reader, 'a condition or a value');
  return fieldOfPath(takePath(reader), placeFrom(reader, first));
}

function operandHint(reader: TextReader): string | undefined {
  const next = peek(reader, 1);
  if (isSymbol(reader, '.') && next.kind === 'word' && /^\d/.test(next.text)) return 'write a digit before the point: 0.5';
  if (isSymbol(reader, '-')) return 'the sign `-` stands only before a number; write `0 - …`';
  if (isSymbol(reader, '=')) return 'an operator is one of = != < <= > >=';
  if (isSymbol(reader, ')')) return 'a bracket holds a condition or a value';
  return undefined;
}

// ── functions ────────────────────────────────────────────────────────────────────────────────────────────────────────

const FUNCTION_NAMES = [...AGGREGATE_FUNCTIONS.map((row) => row.name), 'bucket', 'days_between'];

function parseFunction(reader: TextReader, name: Extract<Token, { kind: 'word' }>): Node {
  const row = aggregateFunction(name.keyword);
  if (row !== undefined) {
    take(reader);
    return parseAggregate(reader, row.name, name);
  }
  if (name.keyword === 'bucket') {
    take(reader);
    openBracket(reader);
    const salt = takeString(reader, 'a salt in double quotes');
    closeBracket(reader);
    return { kind: 'bucket', salt, place: placeFrom(reader, name) };
  }
  if (name.keyword === 'days_between') {
    take(reader);
    openBracket(reader);
    const from = asExpression(reader, parseSum(reader));
    expectSymbol(reader, ',');
    const to = asExpression(reader, parseSum(reader));
    closeBracket(reader);
    return { kind: 'days_between', from, to, place: placeFrom(reader, name) };
  }
  if (RESERVED_FUNCTIONS.includes(name.keyword)) {
    take(reader);
    skipBrackets(reader);
    const place = placeFrom(reader, name);
    note(reader, 'not_available', `\`${name.keyword}(…)\` is not available yet`, place);
    return standIn(reader, place);
  }
  const near = suggestName(name.text, FUNCTION_NAMES);
  const hint = near === null ? `the functions are ${FUNCTION_NAMES.join(', ')}` : `did you mean \`${near}(…)\`?`;
  if (canBeginPath(name.text)) return stopAt(reader, 'a condition or a value', hint);
  return stopAt(reader, 'a condition or a value');
}

function parseAggregate(reader: TextReader, name: Aggregate['function'], first: Token): Expression {
  openBracket(reader);
  const source = parseSource(reader);
  if (source === null) {
    reader.brackets -= 1;
    reader.index -= 1; // back to the bracket, to skip what it holds
    skipBrackets(reader);
    return standIn(reader, placeFrom(reader, first));
  }
  const fieldStart = peek(reader, 1);
  const field = takeSymbol(reader, '.') ? fieldOfPath(takePath(reader), placeFrom(reader, fieldStart)) : null;
  const where = takeKeywords(reader, 'where') ? asRule(reader, parseOr(reader)) : null;
  const window = startsWindow(reader) ? parseWindow(reader) : null;
  closeBracket(
    reader,
    `${where === null && window === null ? '`where`, ' : ''}${window === null ? 'a window or ' : ''}\`)\``,
    aggregateHint(reader, window !== null),
  );
  return { kind: 'aggregate', function: name, source, field, where, window, place: placeFrom(reader, first) };
}

function aggregateHint(reader: TextReader, hasWindow: boolean): string | undefined {
  if (isKeyword(reader, 'where')) return hasWindow ? '`where` stands before the window' : undefined;
  if (hasWindow && startsWindow(reader)) return 'an aggregate has one window; put the other as a condition into `where`';
  if (isSymbol(reader, ',')) return 'an aggregate takes one source: count(orders where … in the last 7 days)';
  return afterConditionHint(reader);
}

/** Null if there is no such source: noted, and nothing is consumed. */
function parseSource(reader: TextReader): Source | null {
  const token = peek(reader);
  if (token.kind !== 'word') return stopAt(reader, `a source (${SOURCES.map((name) => `\`${name}\``).join(', ')})`, 'write count(orders)');
  switch (token.keyword) {
    case 'orders':
    case 'items':
      take(reader);
      return { kind: token.keyword };
    case 'events': {
      take(reader);
      const name = peek(reader);
      if (name.kind !== 'string') return { kind: 'events', event: null };
      take(reader);
      return { kind: 'events', event: name.value };
    }
    default: {
      const near = suggestName(token.text, SOURCES);
      const hint = near === null ? `the sources are ${SOURCES.join(', ')}` : `did you mean \`${near}\`?`;
      note(reader, 'unknown_source', `unknown source \`${token.text}\``, placeOf(reader, token), hint);
      return null;
    }
  }
}

/** Skips a bracket and all that is in it, whatever that is. */
function skipBrackets(reader: TextReader): void {
  const open = peek(reader);
  let depth = 0;
  do {
    const token = peek(reader);
    if (token.kind === 'end' || token.kind === 'bad') stopAt(reader, '`)`');
    if (isSymbol(reader, '(')) depth += 1;
    if (isSymbol(reader, ')')) depth -= 1;
    if (depth + reader.brackets > LIMITS.brackets.atMost)
      throw new ParseStop(limitExceeded('brackets', `more than ${LIMITS.brackets.atMost} levels`, placeOf(reader, open)));
    take(reader);
  } while (depth > 0);
}
