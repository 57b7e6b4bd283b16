// In charge of finding where a text stops being JSON (V8 says so only for some mistakes). Not of reading JSON.

type Wanted = 'value' | 'first element' | 'first name' | 'name' | 'colon' | 'comma' | 'end';

const BLANKS = /[ \t\n\r]*/y;
const TOKEN =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\]:,]/y;

/** The offset of the first character that is not allowed where it is; the length of the text if it ends too early. */
export function findJsonError(text: string): number {
  const open: ('{' | '[')[] = [];
  let wanted: Wanted = 'value';
  let place = 0;
  for (;;) {
    BLANKS.lastIndex = place;
    BLANKS.test(text);
    place = BLANKS.lastIndex;
    if (place >= text.length) return place;
    TOKEN.lastIndex = place;
    const token = TOKEN.exec(text)?.[0];
    const next: Wanted | undefined = token === undefined ? undefined : follow(token, wanted, open);
    if (next === undefined) return place;
    wanted = next;
    place = TOKEN.lastIndex;
  }
}

/** What must follow the token; undefined: it is not allowed here. Keeps track of open brackets. */
function follow(token: string, wanted: Wanted, open: ('{' | '[')[]): Wanted | undefined {
  const isClosing = token === '}' || token === ']';
  if (isClosing) {
    const matches = open.at(-1) === (token === '}' ? '{' : '[');
    const allowed = wanted === 'comma' || (token === '}' ? wanted === 'first name' : wanted === 'first element');
    if (!matches || !allowed) return undefined;
    open.pop();
    return open.length === 0 ? 'end' : 'comma';
  }
  switch (wanted) {
    case 'colon':
      return token === ':' ? 'value' : undefined;
    case 'comma':
      return token !== ',' ? undefined : open.at(-1) === '{' ? 'name' : 'value';
    case 'name':
    case 'first name':
      return token.startsWith('"') ? 'colon' : undefined;
    case 'value':
    case 'first element':
      if (token === '{' || token === '[') {
        open.push(token);
        return token === '{' ? 'first name' : 'first element';
      }
      if (token === ',' || token === ':') return undefined;
      return open.length === 0 ? 'end' : 'comma';
    case 'end':
      return undefined;
  }
}
