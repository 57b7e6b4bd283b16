// Builds the page into dist/dashboard; run by `npm ci` (prepare) and `npm run page`. Plain JavaScript: npm may run it with any Node. Where the
// tools are not installed (`--omit=dev`) nothing is built, and says so: an image brings the page along, made in an earlier stage.
import { fileURLToPath } from 'node:url';

let build;
try {
  ({ build } = await import('vite'));
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  console.log('The page is not built: vite is not installed (npm ci without --omit=dev brings it).');
}
await build?.({ configFile: fileURLToPath(new URL('vite-config.ts', import.meta.url)), logLevel: 'warn' });
