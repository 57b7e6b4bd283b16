// In charge of the list of all routes, in the order of the document. A new resource is one line here.
import packageJson from '../../../package.json' with { type: 'json' };
import { healthRoutes } from './health.ts';
import type { JsonSchema } from './json-schema.ts';
import { openapiDocument, openapiRoute } from './openapi.ts';
import type { Route } from './route.ts';

export const ROUTES: readonly Route[] = [...healthRoutes, openapiRoute(() => apiDocument())];

let document: JsonSchema | undefined;

/** Made once: the table never changes while the process runs. */
export function apiDocument(): JsonSchema {
  document ??= openapiDocument(ROUTES, packageJson.version);
  return document;
}
