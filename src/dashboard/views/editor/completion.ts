// In charge of what could be written at a place of a rule's text. It looks at words, not grammar: the service says what is right, this only
// offers.
import type { CatalogEntry, Scope, Vocabulary } from './rule-json.ts';

export interface Suggestion {
  readonly insert: string;
  /** what it is: a type, a function … */
  readonly detail: string;
}

export interface Completion {
  /** what the choice replaces */
  readonly from: number;
  readonly to: number;
  readonly items: readonly Suggestion[];
}

const MOST = 12;
const FUNCTIONS = ['count', 'sum', 'avg', 'min', 'max', 'first', 'last', 'distinct'];
const SOURCES: readonly Scope[] = ['orders', 'items', 'events'];
const WINDOWS = [
  'in the last 30 days',
  'in this month',
  'in last month',
  'since 30 days ago',
  'before 30 days ago',
  'between 60 days ago and 30 days ago',
];
const STARTS = ['in segment ""', 'not', 'everyone', 'bucket("")', 'days_between('];
const WORDS: Readonly<Record<string, readonly string[]>> = {
  between: ['between'],
  in: ['in (', 'not in ('],
  contains: ['contains ""', 'not contains ""'],
  starts_with: ['starts with ""'],
  ends_with: ['ends with ""'],
  has_any: ['has any (', 'not has any ('],
  has_all: ['has all ('],
  missing: ['is missing', 'is not missing'],
  within: ['in the last 30 days', 'in this month'],
  anniversary: ['anniversary in the next 7 days'],
};
const COMPARISONS = ['=', '!=', '<', '<=', '>', '>='];
const JOINTS = ['and', 'or', 'not', 'where', ',', '('];
const TOKEN = /--[^\n]*|"(?:[^"\\]|\\.)*"?|\d[\w.:+-]*|[\p{L}_][\p{L}\d_]*(?:\.(?:[\p{L}\d_]+|"(?:[^"\\]|\\.)*"?))*\.?|<=|>=|!=|\S/gu;

interface Token {
  readonly text: string;
  readonly start: number;
}

/** → null if nothing fits */
export function complete(text: string, caret: number, vocabulary: Vocabulary): Completion | null {
  const tokens = [...text.slice(0, caret).matchAll(TOKEN)].map((match): Token => ({ text: match[0], start: match.index }));
  const last = tokens.at(-1);
  if (last?.text.startsWith('--')) return null;
  const current = last !== undefined && last.start + last.text.length === caret && isOpen(last.text) ? last : null;
  const before = current === null ? tokens : tokens.slice(0, -1);
  const prefix = current?.text ?? '';
  const items = prefix.startsWith('"') ? quoted(before, vocabulary) : choices(before, prefix, vocabulary);
  if (items.some(({ insert }) => insert.toLowerCase() === prefix.toLowerCase())) return null; // it is written already
  const found = filter(items, prefix);
  if (found.length === 0) return null;
  const from = current?.start ?? caret;
  const to = caret + (prefix.startsWith('"') && text[caret] === '"' ? 1 : 0); // the quotation mark that is there already
  return { from, to, items: found };
}

/** A word, or a string that is not finished yet: more of it may come. */
function isOpen(token: string): boolean {
  return /^[\p{L}_]/u.test(token) || (token.startsWith('"') && (token.length === 1 || !/[^\\]"$/.test(token)));
}

function filter(items: readonly Suggestion[], prefix: string): readonly Suggestion[] {
  const wanted = prefix.replace(/^"/, '').toLowerCase();
  const plain = (item: Suggestion) => item.insert.replace(/^"/, '').toLowerCase();
  const fitting = items.filter((item) => plain(item).includes(wanted));
  const begins = (item: Suggestion) => (plain(item).startsWith(wanted) ? 0 : 1);
  return fitting.toSorted((a, b) => begins(a) - begins(b)).slice(0, MOST);
}

function choices(before: readonly Token[], prefix: string, vocabulary: Vocabulary): readonly Suggestion[] {
  const frame = findFrame(before);
  const last = before.at(-1)?.text.toLowerCase() ?? '';
  if (last === 'segment' || (last === 'events' && frame !== null)) return quoted(before, vocabulary);
  if (frame !== null && frame.source === null) return sources(frame.function, prefix, vocabulary);
  const asked = comparedField(before, vocabulary);
  if (asked !== null) return valuesOf(asked);
  const scope: Scope = frame?.source ?? 'customers';
  if (last === '' || JOINTS.includes(last)) {
    if (frame !== null && !frame.isFiltered) return say(['where', ...WINDOWS], '');
    return starts(scope, frame?.event ?? null, vocabulary);
  }
  return follows(before, frame, vocabulary);
}

/** What a condition can begin with. */
function starts(scope: Scope, event: string | null, { entries }: Vocabulary): readonly Suggestion[] {
  const fields = entries.filter((entry) => entry.scope === scope && (event === null || entry.event === null || entry.event === event));
  const named = unique(fields.map(({ path, type }) => ({ insert: path, detail: type })));
  return scope === 'customers'
    ? [
        ...named,
        ...say(
          FUNCTIONS.map((name) => `${name}(`),
          'function',
        ),
        ...say(STARTS, ''),
      ]
    : [...named, ...say(['not'], '')];
}

/** What can come after a whole operand or a whole condition. */
function follows(before: readonly Token[], frame: Frame | null, vocabulary: Vocabulary): readonly Suggestion[] {
  const field = fieldOf(before.at(-1)?.text ?? '', frame?.source ?? 'customers', vocabulary);
  const isSource = frame !== null && before.length - 1 <= frame.sourceEnd;
  const operators = field === null ? [] : field.operators.flatMap((name) => WORDS[name] ?? [name]);
  const comparisons = before.at(-1)?.text === ')' ? COMPARISONS : [];
  const windows = frame === null ? [] : isSource ? ['where', ...WINDOWS] : WINDOWS;
  return [...say(operators, 'operator'), ...say(comparisons, 'operator'), ...say(windows, ''), ...(isSource ? [] : say(['and', 'or'], ''))];
}

interface Frame {
  readonly function: string;
  readonly source: Scope | null;
  readonly event: string | null;
  readonly isFiltered: boolean;
  /** index of the last token that names the source */
  readonly sourceEnd: number;
}

/** The innermost aggregate whose bracket is open. */
function findFrame(tokens: readonly Token[]): Frame | null {
  const open: number[] = [];
  tokens.forEach(({ text }, index) => {
    if (text === '(') open.push(index);
    if (text === ')') open.pop();
  });
  const at = open.findLast((index) => FUNCTIONS.includes(tokens[index - 1]?.text.toLowerCase() ?? ''));
  if (at === undefined) return null;
  const name = tokens[at + 1]?.text ?? '';
  const source = SOURCES.find((each) => name === each || name.startsWith(`${each}.`)) ?? null;
  const event = source === 'events' && tokens[at + 2]?.text.startsWith('"') ? (tokens[at + 2]?.text ?? null) : null;
  const isFiltered = tokens.slice(at).some(({ text }) => text.toLowerCase() === 'where');
  const named = event === null ? null : event.replace(/^"|"$/g, '');
  return { function: tokens[at - 1]?.text ?? '', source, event: named, isFiltered, sourceEnd: at + (event === null ? 1 : 2) };
}

function sources(name: string, prefix: string, { entries }: Vocabulary): readonly Suggestion[] {
  const source = SOURCES.find((each) => prefix.startsWith(`${each}.`));
  const isCount = name.toLowerCase() === 'count';
  if (source === undefined)
    return say(
      SOURCES.map((each) => (isCount || each === 'events' ? each : `${each}.`)),
      'source',
    );
  return unique(entries.filter(({ scope }) => scope === source).map(({ path, type }) => ({ insert: `${source}.${path}`, detail: type })));
}

/** The field whose value is wanted here: after a comparison, or in its list. */
function comparedField(before: readonly Token[], vocabulary: Vocabulary): CatalogEntry | null {
  const words = before.map(({ text }) => text.toLowerCase());
  let at = words.length - 1;
  while (at >= 0 && (words[at] === ',' || words[at] === '(' || words[at]?.startsWith('"') || /^\d/.test(words[at] ?? ''))) at -= 1;
  const isList = at < words.length - 1;
  const operators = isList ? ['in', 'has', 'any', 'all'] : [...COMPARISONS, 'contains', 'with', 'between'];
  if (!operators.includes(words[at] ?? '') || (isList && words.at(-1) !== ',' && words.at(-1) !== '(')) return null;
  while (at >= 0 && (operators.includes(words[at] ?? '') || ['not', 'starts', 'ends', 'has'].includes(words[at] ?? ''))) at -= 1;
  const scope = findFrame(before)?.source ?? 'customers';
  return fieldOf(before[at]?.text ?? '', scope, vocabulary);
}

function fieldOf(path: string, scope: Scope, { entries }: Vocabulary): CatalogEntry | null {
  return entries.find((entry) => entry.scope === scope && entry.path === path) ?? null;
}

function valuesOf({ type, values }: CatalogEntry): readonly Suggestion[] {
  if (type === 'boolean') return say(['true', 'false'], '');
  if (type === 'date' || type === 'timestamp') return say(['30 days ago', 'today', 'now'], '');
  return type === 'number' ? say(values, '') : say(values.map(quote), '');
}

/** What a string that begins here could be. */
function quoted(before: readonly Token[], vocabulary: Vocabulary): readonly Suggestion[] {
  const last = before.at(-1)?.text.toLowerCase();
  if (last === 'segment') return vocabulary.segments.map(({ key, name }) => ({ insert: quote(key), detail: name }));
  if (last === 'events') {
    const events = new Set(vocabulary.entries.flatMap(({ event }) => (event === null ? [] : [event])));
    return say([...events].map(quote), 'event');
  }
  const field = comparedField(before, vocabulary);
  return field === null || field.type === 'number' || field.type === 'boolean' ? [] : say(field.values.map(quote), '');
}

function quote(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function say(words: readonly string[], detail: string): readonly Suggestion[] {
  return words.map((insert) => ({ insert, detail }));
}

function unique(items: readonly Suggestion[]): readonly Suggestion[] {
  return [...new Map(items.map((item) => [item.insert, item])).values()];
}
