// How the page is built: from this folder into dist/dashboard, which the service serves at `/`. Nothing is loaded from outside.
import path from 'node:path';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  build: {
    outDir: path.join(import.meta.dirname, '..', '..', 'dist', 'dashboard'),
    emptyOutDir: true,
    target: 'es2023',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // those that know light-dark() by themselves
    assetsInlineLimit: 0, // the Content-Security-Policy allows no data: scripts, and an icon is no reason to
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: 'automatic' } },
  server: { proxy: { '/v1': 'http://127.0.0.1:3000', '/graphql': 'http://127.0.0.1:3000' } },
});
