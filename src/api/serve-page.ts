// In charge of handing out the page (src/dashboard, built into dist/dashboard) at `/`. Not of what it shows: it is a caller like any other.
import fs from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../errors.ts';

const BUILT = path.join(import.meta.dirname, '..', '..', 'dist', 'dashboard');

/**
 * Nothing from outside, nothing inline, no frame around it, and no sink that makes text to markup. Styles are set by script on elements that
 * exist, which `style-src 'self'` allows.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;

/** The names of assets are hashes of what they hold: kept for ever. The page itself is asked for each time. */
export async function servePage(app: FastifyInstance, folder = BUILT): Promise<void> {
  const config = { public: true, cors: false as const };
  if (!fs.existsSync(path.join(folder, 'index.html'))) {
    app.get('/', { config }, async () => {
      throw new AppError('not_found', 'The page is not built here: `npm run page` builds it.');
    });
    return;
  }
  await app.register(fastifyStatic, { root: folder, serve: false });
  app.get('/', { config }, async (_request, reply) =>
    reply.headers(HEADERS).header('cache-control', 'no-cache').sendFile('index.html', { cacheControl: false }),
  );
  app.get<{ Params: { name: string } }>('/assets/:name', { config }, async ({ params }, reply) => {
    if (!fs.existsSync(path.join(folder, 'assets', path.basename(params.name))))
      throw new AppError('not_found', 'There is no such file of the page.');
    return reply
      .headers(HEADERS)
      .header('cache-control', 'public, max-age=31536000, immutable')
      .sendFile(`assets/${path.basename(params.name)}`, { cacheControl: false });
  });
}
