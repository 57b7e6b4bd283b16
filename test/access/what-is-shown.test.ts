// What keys see that may not see everything: every route is called with a key for named segments, and with one without personal data. A route
// without a line here fails.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SCOPES } from '../../src/access/scopes.ts';
import { ROUTES } from '../../src/api/rest/routes.ts';
import { TestClock } from '../../src/base/clock.ts';
import { type Answer, type Service, startService } from '../api/service.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';

type Request = readonly [path: string, body?: unknown];

const PERSON = {
  email: 'ada@example.com',
  phone: '+4412345',
  firstName: 'Adaline',
  lastName: 'Lovelace',
  birthday: '1990-06-20',
  postalCode: 'AB1 2CD',
  country: 'GB',
  attributes: { tier: 'goldtier' },
};
const PERSONAL_VALUES = ['ada@example.com', '+4412345', 'Adaline', 'Lovelace', '1990-06-20', 'AB1 2CD', 'goldtier', '06-20'];

/** `shown` is the restricted key's, `secretive` is not; `mixed` is its too, and its rule names both. */
const SHOWN = ['shown', 'mixed', 'by-person', 'manual'];

/** Harmless requests that a key with all scopes is answered; those that change something come in an order that lets each come about. */
const REQUESTS: Readonly<Record<string, readonly Request[]>> = {
  putCustomer: [['/v1/customers/ada', {}]],
  putCustomers: [['/v1/customers', { data: [{ id: 'ada' }] }]],
  listCustomers: [['/v1/customers']],
  getCustomer: [['/v1/customers/ada']],
  getErasure: [],
  checkErasure: [['/v1/erasures/check', { id: 'ada' }]],
  putOrder: [['/v1/orders/o1', { customerId: 'ada', total: 5 }]],
  putOrders: [['/v1/orders', { data: [{ id: 'o2', customerId: 'ada', total: 5 }] }]],
  getOrder: [['/v1/orders/o1']],
  listOrders: [['/v1/customers/ada/orders']],
  appendEvents: [['/v1/events', { data: [{ id: 'e1', customerId: 'ada', name: 'seen' }] }]],
  listEvents: [['/v1/customers/ada/events']],
  importFile: [],
  getCatalog: [['/v1/catalog']],
  listAttributes: [['/v1/attributes']],
  declareAttribute: [['/v1/attributes/tier', { type: 'number' }]],
  declareProperty: [['/v1/events/seen/properties/page', { type: 'string' }]],
  checkRule: [['/v1/rules/check', { rule: 'in segment "shown" and country = "GB"' }]],
  previewRule: [['/v1/rules/preview', { rule: 'in segment "shown" and country = "GB"', sample: 5 }]],
  getRuleSchema: [['/v1/rules/schema']],
  createSegment: [],
  listSegments: [['/v1/segments']],
  getSegment: [['/v1/segments/shown']],
  updateSegment: [['/v1/segments/shown', { name: 'Shown' }]],
  refreshSegment: [['/v1/segments/shown/refresh']],
  addVersion: [['/v1/segments/shown/versions', { rule: 'country = "GB" and count(orders) >= 0', publish: false }]],
  listVersions: [['/v1/segments/shown/versions']],
  getVersion: [['/v1/segments/shown/versions/1']],
  publishVersion: [['/v1/segments/shown/versions/1/publish']],
  diffVersion: [['/v1/segments/shown/versions/1/diff']],
  getImpact: [['/v1/segments/shown/versions/1/impact']],
  getRuleImpact: [['/v1/segments/shown/impact', { rule: 'country = "FR"' }]],
  pauseSegment: [['/v1/segments/by-person/pause']],
  resumeSegment: [['/v1/segments/by-person/resume']],
  archiveSegment: [],
  listTemplates: [['/v1/templates']],
  getTemplate: [],
  listMembers: [['/v1/segments/shown/members']],
  exportMembers: [['/v1/segments/shown/members.csv']],
  getCustomerSegments: [['/v1/customers/ada/segments'], ['/v1/customers/ada/segments?at=2026-06-15T12:00:00Z']],
  checkMemberships: [['/v1/memberships/check', { customerIds: ['ada'], segments: ['shown'] }]],
  explainMembership: [['/v1/customers/ada/segments/by-person/explanation'], ['/v1/customers/bob/segments/by-person/explanation']],
  pinIn: [['/v1/segments/shown/members/ada']],
  listPins: [['/v1/segments/shown/pins']],
  releasePin: [['/v1/segments/shown/pins/ada']],
  pinOut: [['/v1/segments/manual/members/ada']],
  moveMembers: [],
  createGroup: [['/v1/groups', { key: 'own', name: 'Own', segments: ['by-person'] }]],
  listGroups: [['/v1/groups']],
  getGroup: [['/v1/groups/pair']],
  listGroupVersions: [['/v1/groups/pair/versions']],
  changeGroup: [['/v1/groups/own', { name: 'Owned', segments: ['by-person'] }]],
  deleteGroup: [['/v1/groups/own']],
  getCustomerHistory: [['/v1/customers/ada/history']],
  getSegmentHistory: [['/v1/segments/shown/history']],
  getSegmentSize: [['/v1/segments/shown/size?at=2026-06-15T12:00:00Z']],
  listSegmentSizes: [['/v1/segments/shown/sizes']],
  getSegmentReport: [['/v1/segments/shown/report']],
  exportSegmentReport: [['/v1/segments/shown/report.csv']],
  getComparison: [['/v1/reports/comparison?segments=shown,mixed']],
  exportComparison: [['/v1/reports/comparison.csv?segments=shown,mixed']],
  getOverlap: [['/v1/reports/overlap?segments=shown,mixed']],
  exportOverlap: [['/v1/reports/overlap.csv?segments=shown,mixed']],
  getFlows: [['/v1/reports/flows?segments=shown,mixed&from=2026-06-15T12:00:00Z']],
  exportFlows: [['/v1/reports/flows.csv?segments=shown,mixed&from=2026-06-15T12:00:00Z']],
  getSizes: [['/v1/reports/sizes?segments=shown,mixed']],
  exportSizes: [['/v1/reports/sizes.csv?segments=shown,mixed']],
  getOutcome: [['/v1/reports/outcome?segment=shown&at=2026-06-01T12:00:00Z']],
  exportOutcome: [['/v1/reports/outcome.csv?segment=shown&at=2026-06-01T12:00:00Z&against=segment&with=mixed']],
  getValueGrid: [['/v1/reports/value-grid?segment=shown']],
  exportValueGrid: [['/v1/reports/value-grid.csv?segment=shown']],
  getRfm: [['/v1/reports/rfm?segment=shown']],
  exportRfm: [['/v1/reports/rfm.csv?segment=shown']],
  getCohorts: [['/v1/reports/cohorts?segment=shown']],
  exportCohorts: [['/v1/reports/cohorts.csv?segment=shown']],
  getNewAndReturning: [['/v1/reports/new-and-returning?segment=shown']],
  exportNewAndReturning: [['/v1/reports/new-and-returning.csv?segment=shown']],
  listChanges: [['/v1/changes']],
  streamChanges: [], // test/api/change-stream.test.ts; it takes what listChanges takes
  listRuns: [['/v1/runs']],
  getRun: [],
  cancelRun: [],
  createWebhook: [],
  listWebhooks: [['/v1/webhooks']],
  getWebhook: [],
  changeWebhook: [],
  deleteWebhook: [],
  testWebhook: [],
  listDeliveries: [],
  replayWebhook: [],
  rotateWebhookSecret: [],
  listAudit: [['/v1/audit']],
  getAuditHead: [['/v1/audit/head']],
  createKey: [],
  listKeys: [['/v1/keys']],
  getKey: [],
  rotateKey: [],
  revokeKey: [],
  createCustomerToken: [['/v1/customer-tokens', { customerId: 'ada', minutes: 1 }]],
  createStreamToken: [['/v1/stream-tokens', { minutes: 1 }]],
  getHealth: [['/healthz']],
  getReadiness: [['/readyz']],
  getMetrics: [['/metrics']],
  getOpenapi: [],
  getReference: [],
  deleteOrder: [['/v1/orders/o1']],
  eraseCustomer: [],
};

/** What a key of named segments is refused. */
const NAMING_OTHERS: readonly (readonly [operationId: string, path: string, body?: unknown])[] = [
  ['checkRule', '/v1/rules/check', { rule: 'not in segment "secretive"' }],
  ['checkRule', '/v1/rules/check', { rule: { segment: 'secretive' } }],
  ['checkRule', '/v1/rules/check', { rule: 'in segment "there-is-none"' }],
  ['previewRule', '/v1/rules/preview', { rule: 'country = "GB" and (in segment "shown" or in segment "secretive")' }],
  ['getRuleImpact', '/v1/segments/shown/impact', { rule: 'in segment "secretive"' }],
  ['createSegment', '/v1/segments', { key: 'new', name: 'New', kind: 'manual' }],
  ['createSegment', '/v1/segments', { key: 'secretive', name: 'New', kind: 'manual' }],
  ['addVersion', '/v1/segments/shown/versions', { rule: 'in segment "secretive"', publish: false }],
  ['moveMembers', '/v1/moves', { customerIds: ['ada'], from: 'secretive', to: 'manual' }],
  ['moveMembers', '/v1/moves', { customerIds: ['ada'], from: 'manual', to: 'secretive' }],
  ['moveMembers', '/v1/moves', { from: 'shown', to: 'manual', where: 'in segment "secretive"' }],
  ['moveMembers', '/v1/moves', { customerIds: ['ada'], from: 'shown', to: 'manual', replace: true }],
  ['pinIn', '/v1/segments/shown/members/ada', { replace: true }],
  ['checkMemberships', '/v1/memberships/check', { customerIds: ['ada'], segments: ['shown', 'secretive'] }],
  ['explainMembership', '/v1/customers/ada/segments/secretive/explanation'],
  ['getCustomerHistory', '/v1/customers/ada/history?segment=secretive'],
  ['listChanges', '/v1/changes?segment=secretive'],
  ['listChanges', '/v1/changes?segment=shown,secretive'],
  ['getComparison', '/v1/reports/comparison?segments=shown,secretive'],
  ['getOverlap', '/v1/reports/overlap?segments=shown,secretive'],
  ['getFlows', '/v1/reports/flows?segments=shown,secretive&from=2026-06-15T12:00:00Z'],
  ['getFlows', '/v1/reports/flows?group=pair&from=2026-06-15T12:00:00Z'],
  ['getSizes', '/v1/reports/sizes?segments=secretive'],
  ['getOutcome', '/v1/reports/outcome?segment=secretive&at=2026-06-01T12:00:00Z'],
  ['getOutcome', '/v1/reports/outcome?segment=shown&at=2026-06-01T12:00:00Z&against=segment&with=secretive'],
  ['getOutcome', '/v1/reports/outcome?segment=shown&at=2026-06-01T12:00:00Z&afterwards=shown,secretive'],
  ['getValueGrid', '/v1/reports/value-grid'],
  ['getRfm', '/v1/reports/rfm'],
  ['getRfm', '/v1/reports/rfm?segment=secretive'],
  ['getCohorts', '/v1/reports/cohorts'],
  ['getNewAndReturning', '/v1/reports/new-and-returning'],
  ['listRuns', '/v1/runs?segment=secretive'],
  ['createGroup', '/v1/groups', { key: 'g', name: 'G', segments: ['shown', 'secretive'] }],
  ['createGroup', '/v1/groups', { key: 'g', name: 'G', segments: ['shown'], otherwise: 'secretive' }],
  ['changeGroup', '/v1/groups/pair', { name: 'G', segments: ['manual'] }],
  ['deleteGroup', '/v1/groups/pair'],
  ['createWebhook', '/v1/webhooks', { url: 'https://example.com/hook', types: ['segment.membership.changed'] }],
  ['createWebhook', '/v1/webhooks', { url: 'https://example.com/hook', types: ['segment.membership.changed'], segments: ['secretive'] }],
  ['createKey', '/v1/keys', { name: 'x', scopes: ['ingest'], segments: ['secretive'] }],
  ['createKey', '/v1/keys', { name: 'x', scopes: ['ingest'] }],
  ['createCustomerToken', '/v1/customer-tokens', { customerId: 'ada', minutes: 1, segments: ['secretive'] }],
  ['createStreamToken', '/v1/stream-tokens', { minutes: 1, segments: ['secretive'] }],
  ['listAudit', '/v1/audit'],
  ['getAuditHead', '/v1/audit/head'],
];

/** What a key without `pii:read` is refused. */
const ASKING_BY_PERSON: readonly (readonly [operationId: string, path: string, body?: unknown])[] = [
  ['listCustomers', '/v1/customers?email=ada@example.com'],
  ...[
    'email starts with "a"',
    'phone is missing',
    'first_name = "Adaline"',
    'last_name in ("Lovelace")',
    'birthday > 1990-01-01',
    'age >= 18',
    'birthday anniversary today',
    'postal_code contains "AB"',
    'attributes.tier = "goldtier"',
    'country = "GB" and not (count(orders) > 3 or email = "x")',
    { op: '=', left: { field: 'email' }, right: 'x' },
  ].flatMap((rule): [string, string, unknown][] => [
    ['previewRule', '/v1/rules/preview', { rule }],
    ['createSegment', '/v1/segments', { key: 'asked', name: 'Asked', kind: 'rule', rule, publish: false }],
  ]),
  ['checkRule', '/v1/rules/check', { rule: 'email = "x"' }],
  ['getRuleImpact', '/v1/segments/shown/impact', { rule: 'email = "x"' }],
  ['addVersion', '/v1/segments/shown/versions', { rule: 'email = "x"', publish: false }],
  ['moveMembers', '/v1/moves', { from: 'shown', to: 'manual', where: 'email = "x"' }],
];

let service: Service;
let restricted: string;
let impersonal: string;

beforeAll(async () => {
  const clock = new TestClock(Date.parse('2026-06-15T12:00:00.000Z'));
  service = await startService({ clock, background: false });
  await service.call('PUT', '/v1/customers/ada', PERSON);
  await service.call('PUT', '/v1/customers/bob', { ...PERSON, firstName: 'Bobby', birthday: '1990-06-21', country: 'FR' });
  const define = (key: string, rule: string) => service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
  for (const [key, rule] of [
    ['shown', 'country = "GB"'],
    ['secretive', 'country = "GB"'],
    ['mixed', 'in segment "shown" and in segment "secretive"'],
    ['by-person', 'birthday anniversary in the next 20 days and first_name = "Adaline" and attributes.tier = "goldtier"'],
    ['foreign-dependent', 'in segment "shown"'],
  ] as const) {
    const made = await define(key, rule);
    if (made.status !== 201) throw new Error(made.text);
  }
  for (const key of ['manual', 'secretive-manual']) await service.call('POST', '/v1/segments', { key, name: key, kind: 'manual' });
  await service.call('POST', '/v1/groups', { key: 'pair', name: 'Pair', segments: ['manual', 'secretive-manual'] });
  await service.call('POST', '/v1/groups', { key: 'foreign', name: 'Foreign', segments: ['secretive'] });
  await settle();
  await service.call('PUT', '/v1/segments/manual/members/ada');
  const scopes = Object.keys(SCOPES).filter((scope) => scope !== 'admin');
  const make = async (name: string, more: object) =>
    (await service.call('POST', '/v1/keys', { name, scopes, ...more })).body.secret as string;
  restricted = await make('restricted', { segments: SHOWN });
  impersonal = await make('impersonal', { scopes: scopes.filter((scope) => scope !== 'pii:read') });
});
afterAll(() => service.close());

/** Runs and the feed, by hand. */
async function settle(): Promise<void> {
  const { strata } = service;
  await finishRuns(strata);
  await publishChanges(strata);
}

async function ask(secret: string, operationId: string, [path, body]: Request): Promise<Answer> {
  const route = ROUTES.find((each) => each.operationId === operationId);
  if (route === undefined) throw new Error(`there is no ${operationId}`);
  return service.call(route.method, path, body, { authorization: `Bearer ${secret}` });
}

test('every route has its line here', () => {
  expect(Object.keys(REQUESTS).sort()).toEqual(ROUTES.map((route) => route.operationId).sort());
});

describe('a key of named segments', () => {
  test.each(Object.entries(REQUESTS).filter(([, requests]) => requests.length > 0))('%s shows no other', async (operationId, requests) => {
    for (const request of requests) {
      const { status, text } = await ask(restricted, operationId, request);
      const isRefused = operationId === 'listAudit' || operationId === 'getAuditHead' || operationId === 'declareAttribute';
      expect([operationId, status, status < 300 || isRefused]).toEqual([operationId, status, true]);
      const told = operationId === 'getVersion' || operationId === 'listVersions' ? '' : text;
      expect(told).not.toMatch(/secretive|foreign/);
      if (status === 202) await settle();
    }
  });

  test.each(NAMING_OTHERS.map((each) => [each[0], each] as const))(
    '%s of others is refused',
    async (_title, [operationId, path, asked]) => {
      const { status, body } = await ask(restricted, operationId, [path, asked]);
      expect([path, status, body.code]).toEqual([path, 403, 'forbidden']);
    },
  );

  test.each(ROUTES.filter(({ path }) => path.includes('/segments/:key')).map(({ operationId, path }) => [operationId, path]))(
    '%s is refused of others and nobody’s',
    async (operationId, path) => {
      for (const key of ['secretive', 'there-is-none']) {
        const filled = path.replace(':key', key).replace(':customerId', 'ada').replace(':number', '1');
        const route = ROUTES.find((each) => each.operationId === operationId);
        const query = operationId === 'getSegmentSize' ? '?at=2026-06-15T12:00:00Z' : '';
        const body = route?.body === undefined || route.body.kind === 'stream' ? undefined : bodyOf(operationId);
        const { status, body: told } = await ask(restricted, operationId, [`${filled}${query}`, body]);
        expect([operationId, status, told.code]).toEqual([operationId, 403, 'forbidden']);
      }
    },
  );

  test('what has a number is not found', async () => {
    const runs = (await service.call('GET', '/v1/runs')).body.data as { id: string; segment: string }[];
    const other = runs.find(({ segment }) => segment === 'secretive');
    const own = runs.find(({ segment }) => segment === 'shown');
    expect((await ask(restricted, 'getRun', [`/v1/runs/${own?.id}`])).status).toBe(200);
    expect((await ask(restricted, 'getRun', [`/v1/runs/${other?.id}`])).status).toBe(404);
    expect((await ask(restricted, 'cancelRun', [`/v1/runs/${other?.id}/cancel`])).status).toBe(404);
    expect((await ask(restricted, 'getGroup', ['/v1/groups/foreign'])).status).toBe(404);
  });

  test('does not name other segments in the way', async () => {
    await service.call('PUT', '/v1/customers/cyd', { country: 'GB' });
    await service.call('PUT', '/v1/segments/secretive-manual/members/cyd');
    const pin: Request = ['/v1/segments/manual/members/cyd', {}];
    const move = { customerIds: ['cyd'], from: 'shown', to: 'manual' };
    const refused = [await ask(restricted, 'pinIn', pin), await ask(restricted, 'moveMembers', ['/v1/moves', move])];
    const partly = await ask(restricted, 'moveMembers', ['/v1/moves?partial=true', move]);
    await service.call('POST', '/v1/segments/secretive-manual/pause');
    await service.strata.programs.reload();
    const held = [await ask(restricted, 'pinIn', pin), await ask(restricted, 'moveMembers', ['/v1/moves', move])];
    await service.call('POST', '/v1/segments/secretive-manual/resume');
    const paused = await ask(restricted, 'pauseSegment', ['/v1/segments/shown/pause', undefined]);
    const answers = [...refused, partly, ...held, paused];
    expect(answers.map(({ status, body }) => [status, body.code ?? body.skipped[0].code])).toEqual([
      [409, 'pinned_elsewhere'],
      [409, 'pinned_elsewhere'],
      [200, 'pinned_elsewhere'],
      [409, 'conflict'],
      [409, 'conflict'],
      [409, 'in_use'],
    ]);
    for (const { text } of answers) expect(text).not.toMatch(/secretive|foreign/);
    expect(paused.body.errors).toContainEqual(expect.objectContaining({ code: 'in_use', segment: 'mixed' }));
    await service.call('DELETE', '/v1/customers/cyd');
  });

  test('is told of cycles among its own alone', async () => {
    for (const [key, rule] of [
      ['secretive-bridge', 'in segment "shown"'],
      ['outer', 'in segment "secretive-bridge"'],
    ]) {
      await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
      await settle();
    }
    const making = { name: 'cyclic', scopes: ['segments:read', 'segments:write'], segments: ['shown', 'outer', 'mixed'] };
    const { secret } = (await service.call('POST', '/v1/keys', making)).body;
    const version = (rule: string): Request => ['/v1/segments/shown/versions', { rule, publish: true }];
    const others = [
      await ask(secret, 'addVersion', version('in segment "outer"')),
      await ask(secret, 'createGroup', ['/v1/groups', { key: 'ring', name: 'Ring', segments: ['shown', 'outer'] }]),
    ];
    expect(others.map(({ status, body }) => [status, body.errors[0].code, body.errors[0].pointer])).toEqual([
      [422, 'cycle', '/rule'],
      [409, 'cycle', '/segments'],
    ]);
    for (const { text } of others) expect(text).not.toMatch(/secretive|bridge/);
    const own = await ask(secret, 'addVersion', version('in segment "mixed"'));
    expect(own.body.errors).toMatchObject([{ code: 'cycle', cycle: ['shown', 'mixed', 'shown'] }]);
    for (const key of ['outer', 'secretive-bridge']) {
      await service.call('DELETE', `/v1/segments/${key}`);
      await settle();
    }
  });

  test('sees its part of groups and explanations', async () => {
    const group = (await ask(restricted, 'getGroup', ['/v1/groups/pair'])).body;
    expect(group.segments).toEqual(['manual']);
    const { tree } = (await ask(restricted, 'explainMembership', ['/v1/customers/ada/segments/mixed/explanation'])).body;
    expect(tree.parts.map(({ holds, segment }: { holds: unknown; segment: unknown }) => [holds, segment !== null])).toEqual([
      [true, true],
      [null, false],
    ]);
  });
});

function bodyOf(operationId: string): unknown {
  const [first] = REQUESTS[operationId] ?? [];
  return first?.[1];
}

describe('a key without personal data', () => {
  test.each(Object.entries(REQUESTS).filter(([, requests]) => requests.length > 0))('%s shows none', async (operationId, requests) => {
    for (const request of requests) {
      const { status, text } = await ask(impersonal, operationId, request);
      expect([operationId, status, status < 500 && status !== 403]).toEqual([operationId, status, true]);
      for (const value of PERSONAL_VALUES) {
        if (operationId === 'explainMembership') break; // the rule's own text holds some: below
        expect([operationId, value, text.includes(value)]).toEqual([operationId, value, false]);
      }
      if (status === 202) await settle();
    }
  });

  test.each(ASKING_BY_PERSON.map((each) => [each[0], each] as const))('%s by it is refused', async (_title, [operationId, path, asked]) => {
    const { status, body } = await ask(impersonal, operationId, [path, asked]);
    expect([status, body.code, body.detail]).toEqual([403, 'forbidden', expect.stringContaining('`pii:read`')]);
  });

  test('explains without values and birthdays', async () => {
    for (const id of ['ada', 'bob']) {
      const path = `/v1/customers/${id}/segments/by-person/explanation`;
      const full = await service.call('GET', path);
      const { body, text } = await ask(impersonal, 'explainMembership', [path]);
      expect(full.text).toContain(id === 'ada' ? '1990-06-20' : '1990-06-21');
      expect(text).not.toMatch(/1990-06-2|"value":"Bobby"|2026-06-2/);
      expect(body.member).toBe(full.body.member);
      expect(body.tree.parts.map(({ holds, seen }: { holds: unknown; seen: unknown }) => [typeof holds, seen])).toEqual(
        Array.from({ length: 3 }, () => ['boolean', null]),
      );
    }
  });

  test('has no sample without members:read', async () => {
    const secret = (await service.call('POST', '/v1/keys', { name: 'rules', scopes: ['segments:read', 'pii:read'] })).body.secret;
    const preview = (more: object) => ask(secret, 'previewRule', ['/v1/rules/preview', { rule: 'everyone', ...more }]);
    expect((await preview({})).body).toMatchObject({ population: 2, sample: [] });
    expect((await preview({ sample: 1 })).status).toBe(403);
  });
});
