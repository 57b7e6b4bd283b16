// In charge of the scopes that a key can have: what each allows. Which of them a route or field needs is stated there.

export const SCOPES = {
  ingest: 'Write customers, orders and events, import files of them, erase',
  'segments:read': 'Read segments, groups, versions, runs, sizes and the catalog; check and preview rules',
  'segments:write': 'Create, change, publish, pause and archive segments and groups; declare attributes',
  'members:read': 'Read customers, orders and events; members, explanations, histories and the feed; mint tokens for browsers',
  'members:write': 'Pin and move customers',
  'pii:read': 'See personal fields, and ask by them',
  webhooks: 'Manage webhooks, and read their deliveries',
  keys: 'Manage keys',
  audit: 'Read the audit',
  metrics: 'Read /metrics',
  admin: 'Everything',
} as const;

export type Scope = keyof typeof SCOPES;
