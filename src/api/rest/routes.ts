// In charge of the list of all routes, in the order of the document. A new resource is one line here.
import packageJson from '../../../package.json' with { type: 'json' };
import { auditRoutes } from './audit.ts';
import { catalogRoutes } from './catalog.ts';
import { changeRoutes } from './changes.ts';
import { customerTokenRoutes } from './customer-tokens.ts';
import { customerRoutes } from './customers.ts';
import { docsRoute } from './docs.ts';
import { erasureRoutes } from './erasures.ts';
import { eventRoutes } from './events.ts';
import { explanationRoutes } from './explanation.ts';
import { groupRoutes } from './groups.ts';
import { healthRoutes } from './health.ts';
import { historyRoutes } from './history.ts';
import { importRoutes } from './imports.ts';
import type { JsonSchema } from './json-schema.ts';
import { keyRoutes } from './keys.ts';
import { lifecycleRoutes } from './lifecycle.ts';
import { memberRoutes } from './members.ts';
import { metricsRoutes } from './metrics.ts';
import { moveRoutes } from './moves.ts';
import { openapiDocument, openapiRoute } from './openapi.ts';
import { orderRoutes } from './orders.ts';
import { pinRoutes } from './pins.ts';
import { baseRoutes } from './reports-base.ts';
import { manySegmentsRoutes } from './reports-many.ts';
import { outcomeRoutes } from './reports-outcome.ts';
import { segmentReportRoutes } from './reports-segment.ts';
import type { Route } from './route.ts';
import { ruleRoutes } from './rules.ts';
import { runRoutes } from './runs.ts';
import { segmentRoutes } from './segments.ts';
import { templateRoutes } from './templates.ts';
import { webhookRoutes } from './webhooks.ts';

export const ROUTES: readonly Route[] = [
  ...customerRoutes,
  ...erasureRoutes,
  ...orderRoutes,
  ...eventRoutes,
  ...importRoutes,
  ...catalogRoutes,
  ...ruleRoutes,
  ...segmentRoutes,
  ...lifecycleRoutes,
  ...templateRoutes,
  ...memberRoutes,
  ...explanationRoutes,
  ...pinRoutes,
  ...moveRoutes,
  ...groupRoutes,
  ...historyRoutes,
  ...changeRoutes,
  ...segmentReportRoutes,
  ...manySegmentsRoutes,
  ...outcomeRoutes,
  ...baseRoutes,
  ...runRoutes,
  ...webhookRoutes,
  ...auditRoutes,
  ...keyRoutes,
  ...customerTokenRoutes,
  ...healthRoutes,
  ...metricsRoutes,
  openapiRoute(() => apiDocument()),
  docsRoute(() => apiDocument()),
];

let document: JsonSchema | undefined;

/** Made once: the table never changes while the process runs. */
export function apiDocument(): JsonSchema {
  document ??= openapiDocument(ROUTES, packageJson.version);
  return document;
}
