// In charge of a valid request for every operation of the API, about things of a known shop. Operations that are valid only after others are
// marked: for the kept shop they come in stories (stories.ts).

import type { Route } from '../../src/api/rest/route.ts';
import { ROUTES } from '../../src/api/rest/routes.ts';
import type { SeededRandom } from '../../src/base/seeded-random.ts';
import type { Draft, DraftBody } from './draft.ts';
import { type KnownShop, ValidValues } from './known-shop.ts';

type Parts = Partial<Pick<Draft, 'params' | 'query' | 'headers' | 'body'>>;

interface Making {
  readonly shop: KnownShop;
  readonly random: SeededRandom;
  readonly valid: ValidValues;
}

type Make = (making: Making) => Parts;

export const ROUTE_OF: ReadonlyMap<string, Route> = new Map(ROUTES.map((route) => [route.operationId, route]));

const json = (value: unknown): DraftBody => ({ kind: 'json', value });
const PAST = '2026-06-01T00:00:00Z';

const customer = ({ shop, random }: Making) => random.pick(shop.customers);
const segment = ({ shop, random }: Making) => random.pick([...shop.rules, ...shop.hands]);
const pages = ({ random }: Making): (readonly [string, string])[] =>
  random.chance(0.5) ? [['limit', String(random.pick([1, 2, 100, 1000]))]] : [];
/** Sometimes of a write that an answer told of. */
const fresh = ({ shop, random }: Making): Record<string, string> => {
  const token = random.chance(0.1) ? shop.made.tokens.at(-1) : undefined;
  return token === undefined ? {} : { 'strata-token': token };
};
const ofCustomer: Make = (making) => ({ params: { customerId: customer(making) }, headers: fresh(making) });
const ofSegment: Make = (making) => ({ params: { key: segment(making) }, headers: fresh(making) });
const listed: Make = (making) => ({ query: pages(making), headers: fresh(making) });
const both =
  (...makes: readonly Make[]): Make =>
  (making) => {
    const parts = makes.map((make) => make(making));
    return {
      params: Object.assign({}, ...parts.map((part) => part.params ?? {})),
      query: parts.flatMap((part) => [...(part.query ?? [])]),
      headers: Object.assign({}, ...parts.map((part) => part.headers ?? {})),
      body: parts.find((part) => part.body !== undefined)?.body ?? { kind: 'none' },
    };
  };
const asked =
  (...pairs: readonly (readonly [string, string])[]): Make =>
  ({ random }) => ({ query: pairs.filter(() => random.chance(0.4)) });
const rows = (making: Making, row: () => Record<string, unknown>) =>
  json({ data: Array.from({ length: making.random.integer(1, 8) }, row) });
const byHand: Make = (making) => ({
  params: { key: making.random.pick(making.shop.hands), customerId: customer(making) },
  body: making.random.chance(0.5) ? { kind: 'none' } : json({ reason: making.valid.text() }),
});
const version: Make = ({ shop, random }) => ({ params: { key: random.pick(shop.rules), number: '1' } });
const rule: Make = ({ valid }) => ({ body: json({ rule: valid.rule() }) });
const keyed: Make = ({ shop }) => ({ params: { keyId: shop.made.keyId } });
const hooked: Make = ({ shop }) => ({ params: { webhookId: shop.made.webhookId } });
const grouped: Make = ({ shop }) => ({ params: { key: shop.group } });
const several: Make = (making) => ({ query: [['segments', `${segment(making)},${segment(making)}`]] });
const some = ({ random, shop }: Making) => `${shop.name}-${random.integer(1, 60)}`;
const nothing: Make = () => ({});

const DRAFTS: Readonly<Record<string, Make>> = {
  putCustomer: (making) => ({ ...ofCustomer(making), body: json(making.valid.customer()) }),
  putCustomers: (making) => ({ body: rows(making, () => ({ id: customer(making), ...making.valid.customer() })) }),
  listCustomers: both(listed, asked(['email', 'a@example.com'])),
  getCustomer: ofCustomer,
  eraseCustomer: ofCustomer,
  getErasure: ({ shop }) => ({ params: { receiptId: shop.made.receiptId } }),
  checkErasure: (making) => ({ body: json({ id: customer(making) }) }),
  putOrder: (making) => ({ params: { orderId: making.random.pick(making.shop.orders) }, body: json(making.valid.order(customer(making))) }),
  putOrders: (making) => ({
    body: rows(making, () => ({ id: making.random.pick(making.shop.orders), ...making.valid.order(customer(making)) })),
  }),
  getOrder: ({ shop, random }) => ({ params: { orderId: random.pick(shop.orders) } }),
  deleteOrder: ({ shop, random }) => ({ params: { orderId: random.pick(shop.orders) } }),
  listOrders: both(ofCustomer, listed),
  appendEvents: (making) => ({ body: rows(making, () => making.valid.event(customer(making))) }),
  listEvents: both(ofCustomer, listed, asked(['name', 'kept_viewed'])),
  importFile: (making) => {
    const { random } = making;
    if (random.chance(0.5)) {
      const lines = Array.from({ length: random.integer(1, 20) }, () =>
        JSON.stringify({ id: customer(making), ...making.valid.customer() }),
      );
      return { params: { kind: 'customers' }, body: { kind: 'bytes', bytes: Buffer.from(lines.join('\n')), type: 'application/x-ndjson' } };
    }
    const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const lines = Array.from(
      { length: random.integer(0, 20) },
      () => `${cell(random.pick(making.shop.orders))},${cell(customer(making))},2,1.50`,
    );
    const bytes = Buffer.from(`id,customerId,items.quantity,items.unitPrice\n${lines.join('\n')}`);
    return {
      params: { kind: 'orders' },
      query: [['default.status', 'paid']],
      body: { kind: 'bytes', bytes, type: 'text/csv; charset=utf-8' },
    };
  },
  declareAttribute: ({ shop, valid }) => ({
    params: { name: `${shop.name}_tier` },
    body: json({ type: 'string', description: valid.text() }),
  }),
  declareProperty: ({ shop, valid }) => ({
    params: { event: `${shop.name}_viewed`, name: `${shop.name}_path` },
    body: json({ type: 'string', description: valid.text() }),
  }),
  checkRule: rule,
  previewRule: (making) => ({
    body: json({ rule: making.valid.rule(), ...(making.random.chance(0.3) ? { at: PAST } : {}), sample: making.random.pick([0, 3]) }),
  }),
  createSegment: (making) => ({
    body: json({
      key: some(making),
      name: making.valid.text(),
      kind: 'rule',
      rule: making.valid.rule(),
      publish: making.random.chance(0.5),
    }),
  }),
  listSegments: listed,
  getSegment: ofSegment,
  updateSegment: (making) => ({
    ...ofSegment(making),
    body: json({ name: making.valid.text(), description: null, reviewAt: making.valid.instant() }),
  }),
  refreshSegment: ({ shop, random }) => ({ params: { key: random.pick(shop.rules) } }),
  addVersion: (making) => ({
    params: { key: making.random.pick(making.shop.rules) },
    body: json({ rule: making.valid.rule(), note: making.valid.text() }),
  }),
  listVersions: both(({ shop, random }) => ({ params: { key: random.pick(shop.rules) } }), listed),
  getVersion: version,
  publishVersion: version,
  diffVersion: both(version, asked(['against', '1'])),
  getImpact: both(version, asked(['against', '1'], ['sample', '2'])),
  getRuleImpact: (making) => ({
    params: { key: making.random.pick(making.shop.rules) },
    body: json({ rule: making.valid.rule(), sample: 2 }),
  }),
  pauseSegment: ofSegment,
  resumeSegment: ofSegment,
  archiveSegment: ofSegment,
  getTemplate: () => ({ params: { key: 'lifecycle' } }),
  listMembers: both(ofSegment, listed, asked(['snapshot', 'true'])),
  exportMembers: ofSegment,
  getCustomerSegments: both(ofCustomer, asked(['unknown', 'empty'])),
  checkMemberships: (making) => ({
    body: json({ customerIds: [customer(making), 'nobody'], segments: [segment(making)], unknown: 'empty' }),
  }),
  explainMembership: (making) => ({ params: { customerId: customer(making), key: making.random.pick(making.shop.rules) } }),
  pinIn: byHand,
  pinOut: byHand,
  releasePin: byHand,
  listPins: both(ofSegment, listed, asked(['include', 'true'])),
  moveMembers: (making) => ({
    query: [['partial', 'true']],
    body: json({ customerIds: [customer(making)], from: making.shop.hands[0], to: making.shop.hands[1], reason: making.valid.text() }),
  }),
  createGroup: (making) => ({
    body: json({ key: some(making), name: making.valid.text(), segments: [making.shop.rules[0], making.shop.rules[1]] }),
  }),
  listGroups: listed,
  getGroup: grouped,
  changeGroup: (making) => ({
    ...grouped(making),
    body: json({ name: making.valid.text(), segments: making.random.shuffle([making.shop.rules[2], making.shop.rules[3]]) }),
  }),
  deleteGroup: grouped,
  listGroupVersions: both(grouped, listed),
  getCustomerHistory: both(ofCustomer, listed, asked(['type', 'entered'], ['cause', 'data'], ['from', PAST])),
  getSegmentHistory: both(ofSegment, listed, asked(['type', 'exited'], ['to', '2100-01-01T00:00:00Z'])),
  getSegmentSize: both(ofSegment, () => ({ query: [['at', new Date(Date.UTC(2026, 5, 1)).toISOString()]] })),
  listSegmentSizes: both(ofSegment, asked(['resolution', 'hour'])),
  getSegmentReport: both(ofSegment, asked(['by', 'city,tags'], ['statuses', 'paid'], ['days', '7'], ['most', '3'])),
  exportSegmentReport: both(ofSegment, asked(['parts', 'profile,goods'])),
  getComparison: both(several, asked(['by', 'country'])),
  exportComparison: several,
  getOverlap: both(several, asked(['most', '5'])),
  exportOverlap: several,
  getFlows: both(several, () => ({ query: [['from', PAST]] })),
  exportFlows: both(several, () => ({ query: [['from', PAST]] })),
  getSizes: both(several, asked(['resolution', 'week'])),
  exportSizes: several,
  getOutcome: (making) => ({
    query: [
      ['segment', segment(making)],
      ['at', PAST],
      ['days', '1'],
    ],
  }),
  exportOutcome: (making) => ({
    query: [
      ['segment', segment(making)],
      ['from', PAST],
      ['to', '2026-06-02T00:00:00Z'],
      ['against', 'bucket'],
      ['salt', 'spring'],
      ['below', '90'],
    ],
  }),
  getValueGrid: asked(['value', '10,20.5'], ['cycle', '30'], ['bands', '4']),
  exportValueGrid: asked(['statuses', 'paid']),
  getRfm: asked(['scores', '3'], ['recency', '30,60'], ['at', PAST]),
  exportRfm: asked(['monetary', '100']),
  getCohorts: asked(['unit', 'week'], ['from', PAST]),
  exportCohorts: asked(['unit', 'quarter']),
  getNewAndReturning: asked(['unit', 'day'], ['statuses', 'paid,shipped']),
  exportNewAndReturning: asked(['unit', 'year']),
  listChanges: both(listed, asked(['wait', '0']), (making) => ({ query: making.random.chance(0.3) ? [['segment', segment(making)]] : [] })),
  streamChanges: (making) => ({ query: making.random.chance(0.5) ? [['customer', customer(making)]] : [] }),
  listRuns: listed,
  getRun: ({ shop }) => ({ params: { runId: shop.made.runId } }),
  cancelRun: ({ shop }) => ({ params: { runId: shop.made.runId } }),
  createWebhook: ({ valid }) => ({
    body: json({ url: 'http://127.0.0.1:9/hook', types: ['segment.membership.changed'], description: valid.text() }),
  }),
  listWebhooks: listed,
  getWebhook: hooked,
  changeWebhook: (making) => ({ ...hooked(making), body: json({ description: making.valid.text(), status: 'paused', batchSize: 10 }) }),
  deleteWebhook: hooked,
  testWebhook: hooked,
  listDeliveries: both(hooked, listed, asked(['succeeded', 'true'])),
  replayWebhook: (making) => ({ ...hooked(making), body: json({ from: 0 }) }),
  rotateWebhookSecret: (making) => ({ ...hooked(making), body: json({ overlapHours: 1 }) }),
  listAudit: both(listed, asked(['outcome', 'written'], ['actor', 'admin'], ['from', PAST])),
  createKey: (making) => ({ body: json({ name: `${some(making)} ${making.random.integer(0, 1e9)}`, scopes: ['members:read'] }) }),
  listKeys: listed,
  getKey: keyed,
  rotateKey: (making) => ({ ...keyed(making), body: json({ graceSeconds: making.random.integer(0, 100) }) }),
  revokeKey: keyed,
  createCustomerToken: (making) => ({ body: json({ customerId: customer(making), segments: [segment(making)], minutes: 5 }) }),
  createStreamToken: () => ({ body: json({ minutes: 5 }) }),
};

/** Right only after what came before, or once. */
export const IN_STORIES: ReadonlySet<string> = new Set([
  'eraseCustomer',
  'deleteOrder',
  'createSegment',
  'refreshSegment',
  'publishVersion',
  'pauseSegment',
  'resumeSegment',
  'archiveSegment',
  'createGroup',
  'changeGroup',
  'deleteGroup',
  'cancelRun',
  'createWebhook',
  'deleteWebhook',
  'testWebhook',
  'createKey',
  'rotateKey',
  'revokeKey',
  'getErasure',
]);

export const OPERATIONS: readonly string[] = [...ROUTE_OF.keys()];

/** Throws for an operation that has no draft: a new route needs one here. */
export function draftOf(operationId: string, shop: KnownShop, random: SeededRandom): Draft {
  const route = ROUTE_OF.get(operationId);
  const isBare = route !== undefined && route.params === undefined && route.body === undefined;
  const make = DRAFTS[operationId] ?? (isBare ? nothing : undefined);
  if (route === undefined || make === undefined) throw new Error(`there is no draft for ${operationId}: add one to drafts.ts`);
  const { params = {}, query = [], headers = {}, body = { kind: 'none' } } = make({ shop, random, valid: new ValidValues(random) });
  return { route, params, query, headers, body };
}
