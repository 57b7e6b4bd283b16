// What keeps Strata running, in a real browser: runs, webhooks, keys and the audit.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built } from '../api/service.ts';
import { findViolations } from './accessible.ts';
import { type Browsing, CHROMIUM, startBrowsing } from './browser.ts';

const CHINESE = { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } } as const;

describe.skipIf(CHROMIUM === undefined)('operations on the page (skipped where there is no Chromium)', () => {
  let browsing: Browsing;
  let receiver: http.Server;
  let status = 200;
  const received: { readonly data?: { readonly changes?: readonly unknown[] } }[] = [];
  const call = (method: string, path: string, body?: unknown) => browsing.service.call(method, path, body);

  beforeAll(async () => {
    browsing = await startBrowsing({ webhookAllow: ['127.0.0.0/8'] });
    receiver = http.createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      received.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(status).end('taken <b>');
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    await call('POST', '/v1/segments', { key: 'de', name: 'Germans', kind: 'rule', rule: 'country = "DE"', publish: true });
    await built(browsing.service, 'de');
    await call('PUT', '/v1/customers/ada', { country: 'DE' });
  });

  afterAll(async () => {
    await browsing.close();
    receiver.close();
  });

  test('runs show with their progress', async () => {
    const page = await browsing.open('runs');
    await page.getByRole('row', { name: /de version 1 · definition Done/ }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByLabel('Segment').selectOption('Germans');
    await page.waitForURL(/segment=de/);
    expect(browsing.faults).toEqual([]);
  });

  test('a run is stopped', async () => {
    const page = await browsing.open();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    const run = { id: '7', segment: 'de', version: 1, cause: 'refresh', status: 'running', done: 300_000, total: 1_000_000, changes: 12 };
    const more = { rate: 50_000, secondsLeft: 14, failure: null, queuedAt: '2026-01-01T00:00:00.000Z', startedAt: null, finishedAt: null };
    let isStopped = false;
    await page.route('**/v1/runs?**', (route) =>
      route.fulfill({ json: { data: [{ ...run, ...more, status: isStopped ? 'cancelled' : 'running' }], next: null } }),
    );
    await page.route('**/v1/runs/7/cancel', (route) => {
      isStopped = true;
      return route.fulfill({ json: { ...run, ...more } });
    });
    await page.getByRole('link', { name: 'Runs' }).click();
    await page.getByText('300,000 of 1,000,000 · 50,000 a second · 14 s left').waitFor();
    expect(await page.getByRole('progressbar', { name: 'de' }).getAttribute('aria-valuenow')).toBe('30');
    await page.getByRole('button', { name: 'Stop: de' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stopped').waitFor();
  });

  test('a webhook is made; its secret shows once', async () => {
    const page = await browsing.open('webhooks');
    await page.getByText('No webhooks yet.').waitFor();
    await page.getByRole('button', { name: 'New webhook' }).click();
    const dialog = page.getByRole('dialog', { name: 'New webhook' });
    await dialog.getByLabel('URL').fill('http://192.0.2.1/hook');
    await dialog.getByLabel('Description').fill('Mail <tool>');
    await dialog.getByLabel('Germans').check();
    await dialog.getByRole('button', { name: 'New webhook' }).click();
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('URL').fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`);
    expect(await findViolations(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'New webhook' }).click();
    await page.getByText(/^whsec_/).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByText(/whsec_/).waitFor({ state: 'detached' });
    await page.getByText('Mail <tool>').waitFor();
    expect((await call('GET', '/v1/webhooks')).body.data[0]).toMatchObject({ segments: ['de'], types: ['segment.membership.changed'] });
  });

  test('it is changed; what others changed stays', async () => {
    const page = await openWebhook();
    await page.getByRole('button', { name: 'Edit' }).click();
    const dialog = page.getByRole('dialog', { name: 'Edit' });
    expect(await dialog.getByLabel('Germans').isChecked()).toBe(true);
    const { id } = (await call('GET', '/v1/webhooks')).body.data[0];
    await call('PATCH', `/v1/webhooks/${id}`, { description: 'Somebody else' });
    await dialog.getByLabel('run.finished').check();
    await dialog.getByLabel('Changes', { exact: true }).selectOption('entries only');
    await dialog.getByLabel('Changes in one message').fill('501');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('Changes in one message').fill('50');
    expect(await findViolations(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' }); // it is saved; the view behind may have read the other's change long before
    await page.getByRole('heading', { name: 'Somebody else' }).waitFor();
    const types = ['segment.membership.changed', 'run.finished'];
    const changed = { description: 'Somebody else', segments: ['de'], changeTypes: ['entered'], batchSize: 50, types };
    expect((await call('GET', `/v1/webhooks/${id}`)).body).toMatchObject(changed);
    await call('PATCH', `/v1/webhooks/${id}`, { changeTypes: null, types: [types[0]] });
  });

  test('it is tested, and answers are shown', async () => {
    const page = await openWebhook();
    await page.getByRole('button', { name: 'Send a test' }).click();
    const tested = page.getByRole('status').filter({ hasText: 'The test:' });
    await tested.getByText('200', { exact: true }).waitFor();
    status = 500;
    await page.getByRole('button', { name: 'Send a test' }).click();
    await tested.getByText('500', { exact: true }).waitFor();
    status = 200;
    const deliveries = page.getByRole('region', { name: 'Deliveries' });
    await deliveries.getByLabel('Show').selectOption('Failed');
    const failed = deliveries.getByRole('listitem').filter({ hasText: '500' });
    await failed.locator('summary').click();
    await failed.getByText('taken <b>').waitFor();
    expect(await findViolations(page)).toEqual([]);
    expect(browsing.faults).toEqual([]);
  });

  test('it is paused, resumed, replayed and rotated', async () => {
    const page = await openWebhook();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    const before = received.length;
    await page.getByRole('button', { name: 'Replay' }).click();
    await page.getByRole('dialog').getByLabel('From').fill('0');
    await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    await expect.poll(() => received.slice(before).flatMap(({ data }) => data?.changes ?? []).length).toBe(1);
    await page.getByRole('button', { name: 'New secret' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'New secret' }).click();
    await page.getByText(/^whsec_/).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Secret before, until').waitFor();
  });

  test('a webhook is deleted, in Chinese', async () => {
    const page = await openWebhook(CHINESE);
    await page.getByRole('heading', { name: '投递记录' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: '删除' }).click();
    await page.getByRole('dialog').getByRole('button', { name: '删除' }).click();
    await page.getByText('还没有 Webhook。').waitFor();
    expect((await call('GET', '/v1/webhooks')).body.data).toEqual([]);
  });

  test('a key is made, rotated and revoked', async () => {
    const page = await browsing.open('keys');
    await page.getByRole('button', { name: 'New key' }).click();
    const dialog = page.getByRole('dialog', { name: 'New key' });
    await dialog.getByLabel('Name').fill('shop');
    await dialog.getByLabel(/^segments:read/).check();
    await dialog.getByLabel('Germans').check();
    await dialog.getByLabel('Expires').fill('2090-01-01T12:00');
    await dialog.getByRole('button', { name: 'New key' }).click();
    const secret = await page.getByText(/^strata_/).textContent();
    await page.getByRole('button', { name: 'Close' }).click();
    await expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe('New key');
    await page.getByRole('row', { name: /shop .*only de/ }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    const asShop = { authorization: `Bearer ${secret}` };
    expect((await browsing.service.call('GET', '/v1/segments', undefined, asShop)).status).toBe(200);
    await page.getByRole('button', { name: 'Rotate: shop' }).click();
    await page.getByRole('dialog').getByLabel(/Hours/).fill('0');
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    await page.getByText(/^strata_/).waitFor();
    await page.keyboard.press('Escape');
    expect((await browsing.service.call('GET', '/v1/segments', undefined, asShop)).status).toBe(401);
    await page.getByRole('button', { name: 'Revoke: shop' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('row', { name: /shop .*Revoked/ }).waitFor();
    expect(browsing.faults).toEqual([]);
  });

  test('the audit is filtered, before and after', async () => {
    await call('PATCH', '/v1/segments/de', { name: 'From <b>Germany' });
    const entries = async () => (await call('GET', '/v1/audit?action=updateSegment')).body.data; // it stands there a moment later
    await expect.poll(async () => (await entries()).length).toBe(1);
    const page = await browsing.open('audit');
    await page.getByLabel('Action').fill('updateSegment');
    await page.getByRole('button', { name: 'Search' }).click();
    const entry = page.getByRole('listitem').filter({ hasText: 'segments/de' });
    await expect.poll(() => page.getByRole('listitem').count()).toBe(1);
    await entry.locator('summary').click();
    await entry.getByRole('row', { name: /name Germans From <b>Germany/ }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    expect(page.url()).toContain('action=updateSegment');
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('createSegment').waitFor();
  });

  test('a key that may not is told so', async () => {
    const { body } = await call('POST', '/v1/keys', { name: 'reader', scopes: ['segments:read'] });
    const page = await browsing.open('', { isSignedOut: true, ...CHINESE });
    await page.getByLabel('密钥').fill(body.secret);
    await page.getByRole('button', { name: '登录' }).click();
    for (const name of ['审计', '密钥', 'Webhook', '客户']) {
      await page.getByRole('link', { name }).click();
      await page.getByText('此密钥无权查看。').waitFor();
    }
    expect(await findViolations(page)).toEqual([]);
    expect(browsing.faults).toEqual([]);
  });

  async function openWebhook(options = {}): Promise<Page> {
    const { id } = (await call('GET', '/v1/webhooks')).body.data[0];
    return browsing.open(`webhooks/${id}`, options);
  }
});
