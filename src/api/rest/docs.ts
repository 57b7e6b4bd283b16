// In charge of serving the reference page: made once, with a policy under which it can load and run nothing. How it looks is
// reference-page.ts.
import { hash } from 'node:crypto';
import { z } from 'zod';
import type { JsonSchema } from './json-schema.ts';
import { renderReference } from './reference-page.ts';
import { REFERENCE_STYLE } from './reference-style.ts';
import { type Route, route } from './route.ts';

const POLICY = [
  `default-src 'none'`,
  `style-src 'sha256-${hash('sha256', REFERENCE_STYLE, 'base64')}'`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ');

/** Shows the document of a table that includes this route itself. */
export function docsRoute(document: () => JsonSchema): Route {
  let page: string | undefined;
  return route({
    method: 'GET',
    path: '/docs',
    operationId: 'getReference',
    tag: 'service',
    public: true,
    summary: 'This description, as a page to read',
    media: 'text/html',
    answers: { 200: z.string() },
    handle: async ({ reply }) => {
      page ??= renderReference(document());
      reply.type('text/html; charset=utf-8').header('content-security-policy', POLICY).header('referrer-policy', 'no-referrer');
      return page;
    },
  });
}
