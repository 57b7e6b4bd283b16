// In charge of one example of every operation: a small shop that sells lamps, in an order in which each request gets the answer shown.
// test/api/examples.test.ts plays it against a fresh service; openapi.ts and the reference page show it. Answers are recorded, not
// written (example-answers.yaml): `vitest run test/api/examples.test.ts -u` records them again.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface ExampleRequest {
  /** of several with the same id, the first is shown */
  readonly operationId: string;
  /** here and below `{getRun.id}` stands for a value from that operation's answer */
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** an object is sent as JSON; a text as it is, with `contentType` */
  readonly body?: unknown;
  readonly contentType?: string;
}

export interface ExampleAnswer {
  readonly status: number;
  /** an object if it is JSON, otherwise the text */
  readonly body: unknown;
}

const REGULARS = { key: 'regulars' };
const ADA = { customerId: 'ada' };
const WEBHOOK = { webhookId: '{createWebhook.id}' };
const KEY = { keyId: '{createKey.id}' };

export const EXAMPLE_REQUESTS: readonly ExampleRequest[] = [
  // the shop opens
  { operationId: 'getHealth' },
  { operationId: 'getReadiness' },
  { operationId: 'declareAttribute', params: { name: 'tier' }, body: { type: 'string', description: 'Of the loyalty programme' } },
  { operationId: 'declareProperty', params: { event: 'cart_abandoned', name: 'value' }, body: { type: 'number' } },
  { operationId: 'listAttributes' },

  // facts
  {
    operationId: 'putCustomer',
    params: ADA,
    body: { email: 'ada@example.com', country: 'DE', tags: ['newsletter'], consent: { email: true }, attributes: { tier: 'gold' } },
  },
  {
    operationId: 'putCustomers',
    body: {
      data: [
        { id: 'ben', country: 'GB' },
        { id: 'cleo', country: 'DE' },
        { id: 'dora', country: 'GB' },
      ],
    },
  },
  {
    operationId: 'putOrder',
    params: { orderId: '1001' },
    body: {
      customerId: 'ada',
      status: 'paid',
      placedAt: '2026-06-02T10:15:00.000Z',
      items: [
        { sku: 'lamp-1', name: 'Lamp', category: 'Lamps', quantity: 1, unitPrice: '39.90' },
        { sku: 'bulb-4', name: 'Bulb', category: 'Bulbs', quantity: 4, unitPrice: '2.50' },
      ],
    },
  },
  {
    operationId: 'putOrders',
    query: { partial: 'true' },
    body: {
      data: [
        { id: '1002', customerId: 'ada', status: 'paid', total: '18.00', placedAt: '2026-06-10T17:40:00.000Z' },
        { id: '1003', customerId: 'ben', status: 'paid', total: '39.90', placedAt: '2026-06-11T09:05:00.000Z' },
        { id: '1004', customerId: 'ben', status: 'paid', total: 'much' },
      ],
    },
  },
  {
    operationId: 'appendEvents',
    body: {
      data: [{ id: 'e-1', customerId: 'cleo', name: 'cart_abandoned', occurredAt: '2026-06-14T20:00:00.000Z', properties: { value: 129 } }],
    },
  },
  {
    operationId: 'importFile',
    params: { kind: 'orders' },
    query: { 'map.id': 'Invoice', 'map.customerId': 'Customer', 'map.placedAt': 'Date', 'map.total': 'Total', 'default.status': 'paid' },
    contentType: 'text/csv',
    body: 'Invoice,Customer,Date,Total\n1005,cleo,2026-06-12 11:20:00,64.00\n1006,,2026-06-12 11:45:00,12.00\n',
  },
  { operationId: 'getCustomer', params: ADA },
  { operationId: 'listCustomers', query: { limit: '2' } },
  { operationId: 'getOrder', params: { orderId: '1001' } },
  { operationId: 'listOrders', params: ADA, query: { limit: '1' } },
  { operationId: 'listEvents', params: { customerId: 'cleo' }, query: { name: 'cart_abandoned' } },
  { operationId: 'getCatalog' },

  // rules, before they are segments
  { operationId: 'getRuleSchema' },
  { operationId: 'checkRule', body: { rule: 'count(orders where status = "paid" in the last 30 days) >= 2' } },
  { operationId: 'previewRule', body: { rule: 'sum(orders.total) > 40', sample: 2 } },
  { operationId: 'listTemplates' },
  { operationId: 'getTemplate', params: { key: 'win-back' }, query: { 'param.days': '120' } },

  // segments
  {
    operationId: 'createSegment',
    body: {
      key: 'regulars',
      name: 'Regulars',
      kind: 'rule',
      rule: 'count(orders where status = "paid" in the last 30 days) >= 2',
      publish: true,
    },
  },
  { operationId: 'listSegments', query: { limit: '10' } },
  { operationId: 'getSegment', params: REGULARS },
  { operationId: 'updateSegment', params: REGULARS, body: { description: 'Bought twice within a month', color: '#16a34a' } },
  { operationId: 'refreshSegment', params: REGULARS },
  { operationId: 'listRuns', query: { segment: 'regulars', limit: '1' } },
  { operationId: 'getRun', params: { runId: '{refreshSegment.run.id}' } },
  {
    operationId: 'addVersion',
    params: REGULARS,
    body: { rule: 'count(orders where status = "paid" in the last 60 days) >= 1', note: 'One order is enough' },
  },
  { operationId: 'listVersions', params: REGULARS },
  { operationId: 'getVersion', params: { key: 'regulars', number: '2' } },
  { operationId: 'diffVersion', params: { key: 'regulars', number: '2' }, query: { against: '1' } },
  { operationId: 'getImpact', params: { key: 'regulars', number: '2' }, query: { sample: '2' } },
  { operationId: 'getRuleImpact', params: REGULARS, body: { rule: 'sum(orders.total) > 50', sample: 2 } },
  { operationId: 'publishVersion', params: { key: 'regulars', number: '2' } },
  { operationId: 'cancelRun', params: { runId: '{publishVersion.run.id}' } },
  { operationId: 'pauseSegment', params: REGULARS },
  { operationId: 'resumeSegment', params: REGULARS },

  // who is in, and why
  { operationId: 'listMembers', params: REGULARS },
  { operationId: 'exportMembers', params: REGULARS },
  { operationId: 'getCustomerSegments', params: ADA },
  { operationId: 'checkMemberships', body: { customerIds: ['ada', 'somebody'], segments: ['regulars'], unknown: 'empty' } },
  { operationId: 'explainMembership', params: { customerId: 'ada', key: 'regulars' } },

  // by hand
  {
    operationId: 'pinIn',
    params: { key: 'regulars', customerId: 'dora' },
    body: { reason: 'Friend of the house', until: '2030-01-01T00:00:00Z' },
  },
  { operationId: 'pinOut', params: { key: 'regulars', customerId: 'ben' }, body: { reason: 'Sells on' } },
  { operationId: 'listPins', params: REGULARS },
  { operationId: 'releasePin', params: { key: 'regulars', customerId: 'ben' } },
  { operationId: 'createSegment', body: { key: 'others', name: 'Others', kind: 'manual' } },
  { operationId: 'createGroup', body: { key: 'stages', name: 'Stages', segments: ['regulars', 'others'], otherwise: 'others' } },
  { operationId: 'listGroups' },
  { operationId: 'getGroup', params: { key: 'stages' } },
  { operationId: 'moveMembers', body: { customerIds: ['cleo'], from: 'regulars', to: 'others', reason: 'Asked for it' } },
  {
    operationId: 'changeGroup',
    params: { key: 'stages' },
    body: { name: 'Stages of a customer', segments: ['regulars', 'others'], otherwise: 'others' },
  },
  { operationId: 'listGroupVersions', params: { key: 'stages' } },
  { operationId: 'deleteGroup', params: { key: 'stages' } },

  // the past, and the feed
  { operationId: 'getCustomerHistory', params: ADA, query: { limit: '1' } },
  { operationId: 'getSegmentHistory', params: REGULARS, query: { limit: '2', cause: 'pin' } },
  { operationId: 'getSegmentSize', params: REGULARS, query: { at: '2026-06-15T12:00:00Z' } },
  { operationId: 'listSegmentSizes', params: REGULARS, query: { from: '2026-06-15T00:00:00Z', to: '2026-06-16T00:00:00Z' } },
  // in figures
  { operationId: 'getSegmentReport', params: REGULARS, query: { parts: 'value', statuses: 'paid', days: '1' } },
  { operationId: 'exportSegmentReport', params: REGULARS, query: { parts: 'profile', by: 'country', days: '1' } },
  { operationId: 'getComparison', query: { segments: 'regulars,others', by: 'country', days: '1' } },
  { operationId: 'exportComparison', query: { segments: 'regulars,others', by: 'country', days: '1' } },
  { operationId: 'getOverlap', query: { segments: 'regulars,others' } },
  { operationId: 'exportOverlap', query: { segments: 'regulars,others' } },
  { operationId: 'getFlows', query: { segments: 'regulars,others', from: '2026-06-15T12:00:00Z' } },
  { operationId: 'exportFlows', query: { segments: 'regulars,others', from: '2026-06-15T12:00:00Z' } },
  { operationId: 'getSizes', query: { segments: 'regulars,others', from: '2026-06-15T00:00:00Z', to: '2026-06-16T00:00:00Z' } },
  { operationId: 'exportSizes', query: { segments: 'regulars,others', from: '2026-06-15T00:00:00Z', to: '2026-06-16T00:00:00Z' } },
  { operationId: 'getOutcome', query: { segment: 'regulars', at: '2026-06-01T12:00:00Z', days: '14', statuses: 'paid' } },
  {
    operationId: 'exportOutcome',
    query: {
      segment: 'regulars',
      from: '2026-06-01T00:00:00Z',
      to: '2026-06-08T00:00:00Z',
      against: 'bucket',
      salt: 'spring',
      below: '90',
    },
  },
  { operationId: 'getValueGrid', query: { value: '100', cycle: '30,90', statuses: 'paid' } },
  { operationId: 'exportValueGrid', query: { value: '100', cycle: '30' } },
  { operationId: 'getRfm', query: { scores: '5' } },
  { operationId: 'exportRfm', query: { recency: '30,90', frequency: '2,5', monetary: '100,500' } },
  { operationId: 'getCohorts', query: { unit: 'month', from: '2026-05-01T00:00:00Z' } },
  { operationId: 'exportCohorts', query: { unit: 'quarter', from: '2026-01-01T00:00:00Z' } },
  { operationId: 'getNewAndReturning', query: { unit: 'month', from: '2026-05-01T00:00:00Z' } },
  { operationId: 'exportNewAndReturning', query: { unit: 'week', from: '2026-06-01T00:00:00Z' } },
  { operationId: 'listChanges', query: { segment: 'regulars', limit: '2' } },
  { operationId: 'streamChanges', query: { segment: 'regulars' } },

  // who is told
  {
    operationId: 'createWebhook',
    body: { url: 'https://hooks.example.com/strata', types: ['segment.membership.changed'], segments: ['regulars'] },
  },
  { operationId: 'listWebhooks' },
  { operationId: 'getWebhook', params: WEBHOOK },
  { operationId: 'testWebhook', params: WEBHOOK },
  { operationId: 'listDeliveries', params: WEBHOOK },
  { operationId: 'changeWebhook', params: WEBHOOK, body: { status: 'paused' } },
  { operationId: 'replayWebhook', params: WEBHOOK, body: { from: 0 } },
  { operationId: 'rotateWebhookSecret', params: WEBHOOK, body: { overlapHours: 24 } },
  { operationId: 'deleteWebhook', params: WEBHOOK },

  // who may
  { operationId: 'createKey', body: { name: 'storefront', scopes: ['members:read'], segments: ['regulars'] } },
  { operationId: 'listKeys' },
  { operationId: 'getKey', params: KEY },
  { operationId: 'rotateKey', params: KEY, body: { graceSeconds: 3600 } },
  { operationId: 'revokeKey', params: KEY },
  { operationId: 'createCustomerToken', body: { customerId: 'ada', segments: ['regulars'], minutes: 15 } },
  { operationId: 'createStreamToken', body: { segments: ['regulars'], minutes: 60 } },

  // and what is left
  { operationId: 'deleteOrder', params: { orderId: '1003' } },
  { operationId: 'eraseCustomer', params: { customerId: 'ben' } },
  { operationId: 'getErasure', params: { receiptId: '{eraseCustomer.receiptId}' } },
  { operationId: 'checkErasure', body: { id: 'ben' } },
  { operationId: 'archiveSegment', params: REGULARS },
  { operationId: 'listAudit', query: { action: 'archiveSegment' } },
  { operationId: 'getAuditHead' },
  { operationId: 'getMetrics' },
  { operationId: 'getOpenapi' },
  { operationId: 'getReference' },
];

let answers: Readonly<Record<string, ExampleAnswer>> | undefined;

/** With the ids of the recorded answers. undefined: the operation is new. */
export function exampleRequest(operationId: string): ExampleRequest | undefined {
  const request = EXAMPLE_REQUESTS.find((each) => each.operationId === operationId);
  return request === undefined ? undefined : fillIn(request, (operation) => exampleAnswer(operation)?.body);
}

export function exampleAnswer(operationId: string): ExampleAnswer | undefined {
  answers ??= parse(readFileSync(new URL('example-answers.yaml', import.meta.url), 'utf8')) as Record<string, ExampleAnswer>;
  return answers?.[operationId];
}

/** Puts values from answers where a request refers to them. */
export function fillIn(request: ExampleRequest, answered: (operationId: string) => unknown): ExampleRequest {
  const lookUp = (_: string, operationId: string, path: string) => {
    let value = answered(operationId);
    for (const name of path.split('.')) value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
    return String(value);
  };
  const params = Object.entries(request.params ?? {}).map(([name, value]) => [name, value.replace(/^\{(\w+)\.([\w.]+)\}$/, lookUp)]);
  return request.params === undefined ? request : { ...request, params: Object.fromEntries(params) };
}
