// Every route of the table with every scope, and with everything that is not a valid key or no longer one. A route without a line here fails.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN } from '../../src/access/caller.ts';
import { SCOPES, type Scope } from '../../src/access/scopes.ts';
import type { Route } from '../../src/api/rest/route.ts';
import { ROUTES } from '../../src/api/rest/routes.ts';
import { TestClock } from '../../src/base/clock.ts';
import { type Answer, type Service, startService } from '../api/service.ts';
import { type BadCredentials, makeBadCredentials, makeKey } from './bad-credentials.ts';

type Access = 'public' | readonly Scope[];

/** Who may, by operation; `admin` always may. */
const EXPECTED: Readonly<Record<string, Access>> = {
  ...all(['ingest'], 'putCustomer putCustomers eraseCustomer putOrder putOrders deleteOrder appendEvents importFile'),
  ...all(['ingest', 'members:read'], 'getErasure checkErasure'),
  ...all(['members:read'], 'listCustomers getCustomer getOrder listOrders listEvents listMembers exportMembers getCustomerSegments'),
  ...all(['members:read'], 'checkMemberships explainMembership listPins getCustomerHistory getSegmentHistory listChanges streamChanges'),
  ...all(['members:read'], 'createCustomerToken createStreamToken'),
  ...all(['members:read'], 'getSegmentReport exportSegmentReport getComparison exportComparison getOverlap'),
  ...all(['members:read'], 'exportOverlap getFlows exportFlows getSizes exportSizes'),
  ...all(['members:read'], 'getOutcome exportOutcome getValueGrid exportValueGrid getRfm exportRfm'),
  ...all(['members:read'], 'getCohorts exportCohorts getNewAndReturning exportNewAndReturning'),
  ...all(['members:write'], 'pinIn pinOut releasePin moveMembers'),
  ...all(
    ['segments:read'],
    'getCatalog listAttributes checkRule previewRule getRuleSchema listSegments getSegment listVersions getVersion',
  ),
  ...all(['segments:read'], 'diffVersion getImpact getRuleImpact listTemplates getTemplate listGroups getGroup listGroupVersions'),
  ...all(['segments:read'], 'getSegmentSize listSegmentSizes listRuns getRun'),
  ...all(['segments:write'], 'declareAttribute declareProperty createSegment updateSegment refreshSegment addVersion publishVersion'),
  ...all(['segments:write'], 'pauseSegment resumeSegment archiveSegment createGroup changeGroup deleteGroup cancelRun'),
  ...all(['webhooks'], 'createWebhook listWebhooks getWebhook changeWebhook deleteWebhook testWebhook listDeliveries replayWebhook'),
  ...all(['webhooks'], 'rotateWebhookSecret'),
  ...all(['audit'], 'listAudit getAuditHead'),
  ...all(['keys'], 'createKey listKeys getKey rotateKey revokeKey'),
  ...all(['metrics'], 'getMetrics'),
  ...all('public', 'getHealth getReadiness getOpenapi getReference'),
};

/** Where tokens of browsers open something. */
const TOKENS: Readonly<Record<string, readonly string[]>> = {
  getCustomerSegments: ['customer'],
  listChanges: ['customer', 'stream'],
  streamChanges: ['customer', 'stream'],
};

function all(access: Access, names: string): Readonly<Record<string, Access>> {
  return Object.fromEntries(names.split(' ').map((name) => [name, access]));
}

const START_MS = Date.parse('2026-06-15T12:00:00.000Z');
const FILLED: Readonly<Record<string, string>> = {
  customerId: 'me',
  key: 'some',
  number: '1',
  runId: '1',
  kind: 'orders',
  orderId: 'o',
  name: 'n',
  event: 'e',
  keyId: '000000000000',
  receiptId: 'r',
  webhookId: 'w',
};

let service: Service;
let secrets: ReadonlyMap<Scope, string>;
let bad: BadCredentials;

beforeAll(async () => {
  const clock = new TestClock(START_MS);
  service = await startService({
    clock,
    background: false,
    accessLimits: { failedKeysPerMinute: 1_000_000, tokenRequestsPerSecond: 10_000 },
  });
  secrets = new Map(
    await Promise.all(Object.keys(SCOPES).map(async (scope) => [scope as Scope, await makeKey(service, `for ${scope}`, [scope])] as const)),
  );
  bad = await makeBadCredentials(service, clock);
});
afterAll(() => service.close());

/** With a parameter that no route takes, so that whoever passes is refused before anything happens. */
async function ask(route: Route, authorization: string | undefined, method: string = route.method): Promise<Answer> {
  const path = route.path.replaceAll(/:([A-Za-z]+)/g, (_all, name: string) => FILLED[name] ?? `unfilled-${name}`);
  expect(path).not.toContain('unfilled');
  const answer = await service.app.inject({
    method: method as 'GET',
    url: `${path}?nonsense=1`,
    headers: authorization === undefined ? {} : { authorization },
  });
  return {
    status: answer.statusCode,
    headers: answer.headers,
    text: answer.body,
    body: answer.body === '' ? undefined : JSON.parse(answer.body),
  };
}

/** Past the gate: refused for what was asked, not for who asks. */
const PASSED = [400, 404, 415, 422];

test('every route has its line here', () => {
  expect(Object.keys(EXPECTED).sort()).toEqual(ROUTES.map((route) => route.operationId).sort());
});

describe.each(ROUTES.map((route) => [route.operationId, route] as const))('%s', (operationId, route) => {
  const access: Access = EXPECTED[operationId] ?? [];

  test('opens for its scopes alone', async () => {
    for (const [scope, secret] of secrets) {
      const { status, body } = await ask(route, `Bearer ${secret}`);
      const opens = access === 'public' || access.includes(scope) || scope === 'admin';
      if (opens) expect([scope, PASSED.includes(status) ? 'passed' : status]).toEqual([scope, 'passed']);
      else expect([scope, status, body.code]).toEqual([scope, 403, 'forbidden']);
      if (!opens) for (const lacking of access) expect(body.detail).toContain(`\`${lacking}\``);
    }
  });

  test('stays shut for what is no key', async () => {
    for (const [title, authorization] of bad) {
      const { status, body } = await ask(route, authorization);
      if (access === 'public') expect([title, PASSED.includes(status)]).toEqual([title, true]);
      else expect([title, status, body.code]).toEqual([title, 401, 'unauthenticated']);
    }
  });

  test('opens for tokens where it says so', async () => {
    for (const kind of ['customer', 'stream'] as const) {
      const common = { segments: null, minutes: 1 };
      const { token } = await service.strata.tokens.mint(
        kind === 'customer' ? { kind, customerId: 'me', ...common } : { kind, ...common },
        ADMIN,
      );
      const { status, body } = await ask(route, `Bearer ${token}`);
      if (access === 'public' || TOKENS[operationId]?.includes(kind) === true)
        expect([kind, PASSED.includes(status)]).toEqual([kind, true]);
      else expect([kind, status, body.code]).toEqual([kind, 403, 'forbidden']);
    }
  });

  test('answers other methods no further', async () => {
    const taken = ROUTES.filter(({ path }) => path === route.path).map(({ method }) => method as string);
    for (const method of ['GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD']) {
      if (taken.includes(method)) continue;
      const { status } = await ask(route, undefined, method);
      const isHeadOfGet = method === 'HEAD' && taken.includes('GET');
      expect([method, status]).toEqual([method, access === 'public' ? (isHeadOfGet ? 400 : 405) : 401]);
    }
    const preflight = await ask(route, undefined, 'OPTIONS');
    expect([preflight.status, preflight.text, preflight.headers['access-control-allow-origin']]).toEqual([204, '', undefined]);
  });
});
