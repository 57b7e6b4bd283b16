// In charge of bringing the demo's shop and segments into a running Strata, over HTTP alone. Doing it twice changes nothing.
import type { Clock } from '../base/clock.ts';
import { type ApiClient, ApiRefusal } from './api-client.ts';
import { DEMO_SEGMENTS, type DemoSegment } from './demo-segments.ts';
import type { DemoShop } from './demo-shop.ts';
import type { SizedSegment } from './demo-table.ts';

const POLL_MS = 50;
const PAGE = 1000;

export interface Filled {
  readonly segments: readonly (SizedSegment & DemoSegment)[];
  /** entries and exits that the rows caused */
  readonly changes: number;
  /** one of the customers in the demo's at-risk segment; null: it is empty */
  readonly atRisk: string | null;
}

/** `say` is called with what is being done. */
export async function fillDemo(api: ApiClient, shop: DemoShop, clock: Clock, say: (text: string) => void): Promise<Filled> {
  let changes = 0;
  for (const kind of ['customers', 'orders', 'events'] as const) {
    const rows = shop[kind];
    const startMs = clock.nowMs();
    const answer = await api.importRows(kind, rows);
    if (answer['rejected'] !== 0) throw new Error(`rows of the demo were rejected: ${JSON.stringify(answer['errors']).slice(0, 1000)}`);
    changes += Number(answer['changes']);
    const seconds = (clock.nowMs() - startMs) / 1000;
    say(`imported ${rows.length.toLocaleString('en').padStart(6)} ${kind.padEnd(9)}  ${seconds.toFixed(1).padStart(5)} s`);
  }
  const startMs = clock.nowMs();
  for (const segment of DEMO_SEGMENTS) await define(api, segment);
  await waitUntilBuilt(api, clock);
  say(
    `defined  ${String(DEMO_SEGMENTS.length).padStart(6)} ${'segments'.padEnd(9)}  ${((clock.nowMs() - startMs) / 1000).toFixed(1).padStart(5)} s`,
  );
  const segments = [];
  let atRisk: string | null = null;
  for (const segment of DEMO_SEGMENTS) {
    const members = await listMembers(api, segment.key);
    segments.push({ ...segment, members: members.length });
    if (segment.key === 'at-risk') atRisk = members[0] ?? null;
  }
  return { segments, changes, atRisk };
}

/** Creates the segment, or publishes a new version if it has another rule. */
async function define(api: ApiClient, { key, name, rule }: DemoSegment): Promise<void> {
  try {
    await api.call('POST', '/v1/segments', { key, name, kind: 'rule', rule, publish: true });
  } catch (error) {
    if (!(error instanceof ApiRefusal && error.code === 'already_exists')) throw error;
    const { version } = await api.call('GET', `/v1/segments/${key}`);
    const published = version === null ? undefined : await api.call('GET', `/v1/segments/${key}/versions/${version}`);
    if (published?.['text'] !== rule) await api.call('POST', `/v1/segments/${key}/versions`, { rule, publish: true });
  }
}

async function waitUntilBuilt(api: ApiClient, clock: Clock): Promise<void> {
  for (;;) {
    const { data } = (await api.call('GET', `/v1/segments?limit=${PAGE}`)) as {
      data: readonly { key: string; status: string; failure: string | null; run: { status: string } | null }[];
    };
    const own = data.filter(({ key }) => DEMO_SEGMENTS.some((segment) => segment.key === key));
    const failed = own.find(({ status }) => status === 'failed');
    if (failed !== undefined) throw new Error(`segment ${failed.key} failed: ${failed.failure}`);
    if (own.every(({ status, run }) => status !== 'building' && run?.status !== 'queued' && run?.status !== 'running')) return;
    await clock.sleep(POLL_MS);
  }
}

async function listMembers(api: ApiClient, key: string): Promise<readonly string[]> {
  const members: string[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const query: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
    const page = (await api.call('GET', `/v1/segments/${key}/members?limit=${PAGE}${query}`)) as {
      data: readonly { customerId: string }[];
      next: string | null;
    };
    members.push(...page.data.map(({ customerId }) => customerId));
    after = page.next;
  }
  return members;
}
