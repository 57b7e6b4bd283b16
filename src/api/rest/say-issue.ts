// In charge of the sentence that says what a schema finds wrong with a value, in the words of this API and not of the library that checks. Not
// of where in the request it is (check-request.ts).
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;
type Bound = { readonly origin: string; readonly inclusive?: boolean | undefined };

/** The library's own messages begin like this; those of our schemas begin with a verb (`is a whole number`) or a noun. */
const NOT_OURS = /^(Invalid|Too (big|small))\b/;
const OF_THE_VALUE = /^(is|has|lies|begins|names)\b/;

const NOUNS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: '`true` or `false`',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: '`null`',
};
const FORMATS: Readonly<Record<string, string>> = { date: 'This is a date such as 2026-01-31.', uuid: 'This is a UUID.' };
/** The names of what is counted, in the singular and the plural. */
const COUNTED: Readonly<Record<string, readonly [string, string]>> = {
  string: ['character', 'characters'],
  array: ['element', 'elements'],
};

export function sayIssue(issue: Issue): string {
  const { message } = issue;
  if (!NOT_OURS.test(message)) return sentence(OF_THE_VALUE.test(message) ? `this ${message}` : message);
  switch (issue.code) {
    case 'invalid_type':
      return wanted([issue.expected]);
    case 'too_big':
      return sayBound(issue, Number(issue.maximum), 'at most', 'less than', 'taken');
    case 'too_small':
      return sayBound(issue, Number(issue.minimum), 'at least', 'more than', 'needed');
    case 'invalid_value':
      return `This is ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map((value) => `\`${String(value)}\``).join(', ')}.`;
    case 'invalid_format':
      return FORMATS[issue.format] ?? 'This does not have the form that is wanted here.';
    case 'invalid_union':
      return sayUnion(issue.errors);
    default:
      return sentence(message);
  }
}

function sayBound({ origin, inclusive = true }: Bound, bound: number, within: string, beyond: string, done: string): string {
  const counted = COUNTED[origin];
  if (counted === undefined) return `This is ${inclusive ? within : beyond} ${bound}.`;
  const [one, several] = counted;
  return sentence(`${within} ${bound} ${bound === 1 ? `${one} is` : `${several} are`} ${done} here`);
}

/** If the value has the type of one of the forms, what is wrong with it as that form; otherwise which types are possible. */
function sayUnion(branches: readonly (readonly Issue[])[]): string {
  const firsts = branches.flatMap(([first]) => (first === undefined ? [] : [first]));
  const meant = firsts.find((issue) => issue.path.length > 0 || issue.code !== 'invalid_type');
  if (meant !== undefined) return meant.path.length === 0 ? sayIssue(meant) : 'This has none of the forms that are taken here.';
  return wanted(firsts.flatMap((issue) => (issue.code === 'invalid_type' ? [issue.expected] : [])));
}

function wanted(types: readonly string[]): string {
  const nouns = [...new Set(types.map((type) => NOUNS[type] ?? type))];
  return sentence(`${nouns.join(' or ')} is wanted here`);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
