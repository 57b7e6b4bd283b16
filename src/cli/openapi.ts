// In charge of `strata openapi`: writes openapi.yaml from the routes, or with `check` says whether the committed one is current.
import { readFile, writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { apiDocument } from '../api/rest/routes.ts';

const FILE = new URL('../../openapi.yaml', import.meta.url);

function openapiYaml(): string {
  const head = '# Made by `npm run openapi` from the routes in src/api/rest. Do not edit.\n';
  return head + stringify(apiDocument(), { lineWidth: 0, aliasDuplicateObjects: false });
}

export async function writeOpenapi(): Promise<void> {
  await writeFile(FILE, openapiYaml());
}

/** false: the committed file is missing or does not match the routes */
export async function isOpenapiCurrent(): Promise<boolean> {
  try {
    return (await readFile(FILE, 'utf8')) === openapiYaml();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
