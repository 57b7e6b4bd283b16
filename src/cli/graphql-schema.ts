// In charge of `strata graphql-schema`: writes schema.graphql from the routes, or with `check` says whether the committed one is current.
import { readFile, writeFile } from 'node:fs/promises';
import { buildGraphqlSchema, printGraphqlSchema } from '../api/graphql/schema.ts';
import { ROUTES } from '../api/rest/routes.ts';

const FILE = new URL('../../schema.graphql', import.meta.url);

export async function writeGraphqlSchema(): Promise<void> {
  await writeFile(FILE, printGraphqlSchema(buildGraphqlSchema(ROUTES)));
}

/** false: the committed file is missing or does not match the routes */
export async function isGraphqlSchemaCurrent(): Promise<boolean> {
  try {
    return (await readFile(FILE, 'utf8')) === printGraphqlSchema(buildGraphqlSchema(ROUTES));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
