#!/usr/bin/env node
// In charge of being started by whatever Node there is: says plainly when it is too old, and lets TypeScript run also where Node alone
// refuses it (in node_modules, where an installed package lies). Everything else is strata.ts. Plain JavaScript, so that any Node reads it.
import { readFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

const LEAST_NODE_MAJOR = 24;

if (Number.parseInt(process.versions.node, 10) < LEAST_NODE_MAJOR) {
  console.error(
    `Strata needs Node ${LEAST_NODE_MAJOR} or newer, and this is Node ${process.versions.node}. In a clone, npm start brings its own (after npm ci); else install a newer Node.`,
  );
  process.exit(1);
}

nodeModule.enableCompileCache?.(); // a later start neither strips nor compiles again what has not changed

const source = new URL('../', import.meta.url).href;
if (source.includes('/node_modules/')) {
  silenceStrippingWarning();
  nodeModule.registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith(source) || !url.endsWith('.ts')) return nextLoad(url, context);
      const text = readFileSync(fileURLToPath(url), 'utf8');
      return { format: 'module', shortCircuit: true, source: nodeModule.stripTypeScriptTypes(text, { sourceUrl: url }) };
    },
  });
}

const { runCommand } = await import(new URL('strata.ts', import.meta.url).href);
await runCommand(process.argv.slice(2));

/** Node calls the function experimental at its first use; the version is pinned to one where it works, and the line only worries people. */
function silenceStrippingWarning() {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    if (String(warning).includes('stripTypeScriptTypes')) return;
    emitWarning.call(process, warning, ...rest);
  };
}
