// In charge of a request before it is sent: a route with its parts, which can still be spoilt. Not of sending it.
import type { Route } from '../../src/api/rest/route.ts';

export type DraftBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly type: string | null };

export interface Draft {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  /** in order; a name may come twice */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: DraftBody;
}

/** As it goes over the wire. `path`: with the query, already encoded. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  /** whether the path is the route's own */
  readonly isOfRoute: boolean;
}

export const ADMIN_KEY = 'a-key-for-hostile-input';

const encode = (text: string) => encodeURIComponent(text.toWellFormed());

export function toSent({ route, params, query, headers, body }: Draft): Sent {
  const path = route.path.replaceAll(/:([A-Za-z]+)/g, (_, name: string) => encode(params[name] ?? ''));
  const asked = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  const type = body.kind === 'json' ? 'application/json' : body.kind === 'bytes' ? body.type : null;
  const bytes = body.kind === 'json' ? Buffer.from(JSON.stringify(body.value) ?? '') : body.kind === 'bytes' ? body.bytes : null;
  return {
    method: route.method,
    path: asked === '' ? path : `${path}?${asked}`,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(type === null ? {} : { 'content-type': type }), ...headers },
    body: bytes,
    isOfRoute: !Object.keys(params).some((name) => params[name] === ''),
  };
}
