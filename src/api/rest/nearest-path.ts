// In charge of guessing which call was meant by a path that does not exist, or that takes another method, for the refusal to say so. Nothing is
// decided by it.
import { nearestName } from '../../base/nearest-name.ts';
import type { Method, Route } from './route.ts';

/** Longer paths are not mistyped ones, and are not looked at. */
const LONGEST = 1024;
/** What other APIs put in front: `/api/v1/segments`, `/v2/segments`. */
const IN_FRONT = /^(api|rest|v\d+)$/i;

type Known = Pick<Route, 'method' | 'path'>;

/** The path of the route that it comes nearest to, with its own ids, one that takes the method if there is one; undefined: none is near. */
export function nearestPath(method: string, path: string, routes: readonly Known[]): string | undefined {
  if (path.length > LONGEST) return undefined;
  const asked = partsOf(path);
  const near = routes.flatMap((route) => {
    const found = compare(asked, partsOf(route.path));
    const wrong = found === undefined ? 0 : found.mistyped + (route.method === method ? 0 : 0.5);
    return found === undefined ? [] : [{ wrong, path: `${route.path.startsWith('/v1/') ? '/v1' : ''}/${found.parts.join('/')}` }];
  });
  near.sort((one, other) => one.wrong - other.wrong);
  const best = near[0]?.path;
  return best === path ? undefined : best; // the path is there, and only the method is another
}

/** The calls with this method whose path is one part longer than, or shorter than, this one: of one thing where the path is of all. */
export function siblingsOf(method: string, path: string, routes: readonly Known[]): readonly string[] {
  const parts = path.split('/');
  return routes.flatMap((route) => {
    const others = route.path.split('/');
    const [longer, shorter] = others.length > parts.length ? [others, parts] : [parts, others];
    const isSibling =
      longer.length === shorter.length + 1 && longer.at(-1)?.startsWith(':') && shorter.every((part, at) => part === longer[at]);
    return route.method === (method as Method) && isSibling === true ? [`${method} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`] : [];
  });
}

/** Without slashes at the end or twice, and without what stands in front. */
function partsOf(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  const from = parts.findIndex((part) => !IN_FRONT.test(part));
  return from === -1 ? [] : parts.slice(from);
}

interface Fit {
  readonly mistyped: number;
  readonly parts: readonly string[];
}

/** How many parts have to be spelt differently or are missing, and the path with them; undefined: it is not this route. */
function compare(asked: readonly string[], known: readonly string[]): Fit | undefined {
  if (asked.length !== known.length - 1 || known.some((part) => part.startsWith(':'))) return spell(asked, known);
  const [missing = '', ...others] = known; // as of /v1/overlap, which is a report
  const rest = spell(asked, others);
  return rest === undefined ? undefined : { mistyped: rest.mistyped + 1, parts: [missing, ...rest.parts] };
}

function spell(asked: readonly string[], known: readonly string[]): Fit | undefined {
  if (asked.length !== known.length || asked.length === 0) return undefined;
  let mistyped = 0;
  const parts: string[] = [];
  for (const [at, part] of asked.entries()) {
    const wanted = known[at] ?? '';
    if (wanted.startsWith(':')) parts.push(part);
    else if (nearestName(part, [wanted]) === undefined) return undefined;
    else {
      mistyped += part === wanted ? 0 : 1;
      parts.push(wanted);
    }
  }
  return { mistyped, parts };
}
