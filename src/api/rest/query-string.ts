// In charge of reading the part of a URL after `?`: strictly, so that a broken escape is refused and not passed on as text.
import { AppError } from '../../errors.ts';

const MALFORMED = Symbol('malformed');

/**
 * Never throws, since Fastify calls it outside of any handler; `requireWellFormed` complains later. A name given twice becomes a list,
 * which every parameter's schema then refuses.
 */
export function parseQueryString(text: string): Record<string, unknown> {
  const query: Record<string | symbol, unknown> = Object.create(null);
  for (const part of text.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    try {
      const name = decode(at < 0 ? part : part.slice(0, at));
      const value = decode(at < 0 ? '' : part.slice(at + 1));
      const earlier = query[name];
      query[name] = earlier === undefined ? value : Array.isArray(earlier) ? [...earlier, value] : [earlier, value];
    } catch {
      query[MALFORMED] = part;
    }
  }
  return query;
}

export function requireWellFormed(query: object): void {
  const part: unknown = Reflect.get(query, MALFORMED);
  if (typeof part === 'string')
    throw new AppError('invalid_request', `The query part \`${part.slice(0, 200)}\` is not correctly percent-encoded UTF-8.`);
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}
