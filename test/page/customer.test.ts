// Customers in a real browser: found, explained, moved, pinned, erased; shown only as far as the key may.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/base/durations.ts';
import { built } from '../api/service.ts';
import { findViolations } from './accessible.ts';
import { type Browsing, CHROMIUM, startBrowsing } from './browser.ts';

const HOSTILE = `<img src=x onerror=alert(1)> \u202e${'é'.repeat(90)} 🦊`;

describe.skipIf(CHROMIUM === undefined)('customers on the page (skipped where there is no Chromium)', () => {
  let browsing: Browsing;
  const call = (method: string, path: string, body?: unknown) => browsing.service.call(method, path, body);

  beforeAll(async () => {
    browsing = await startBrowsing();
    for (const [key, name, rule] of [
      ['recent', 'Recent buyers', 'count(orders in the last 30 days) >= 1'],
      ['loyal', 'Loyal', 'count(orders) >= 4 or sum(orders.total) > 500'],
      ['german', 'Germans', 'country = "DE"'],
    ] as const) {
      await call('POST', '/v1/segments', { key, name, kind: 'rule', rule, publish: true });
      await built(browsing.service, key);
    }
    await call('POST', '/v1/segments', { key: 'guests', name: 'Guests', kind: 'manual', publish: true });
    const ada = { email: 'ada@example.com', firstName: 'Ada', lastName: 'Lovelace', country: 'DE', attributes: { tier: 'gold' } };
    await call('PUT', '/v1/customers/ada', ada);
    await call('PUT', '/v1/customers/wang', { email: 'wang@example.com', firstName: '丽', lastName: '王', country: 'CN' });
    await call('PUT', `/v1/customers/${encodeURIComponent(HOSTILE)}`, { firstName: HOSTILE, tags: [HOSTILE] });
    const placedAt = new Date(Date.now() - 20 * DAY_MS).toISOString();
    await call('PUT', '/v1/orders/o-1', {
      customerId: 'ada',
      total: '120.50',
      status: 'paid',
      placedAt,
      items: [{ name: 'Lamp', quantity: 1 }],
    });
    const events = Array.from({ length: 60 }, (_, index) => ({
      id: `e-${index}`,
      customerId: 'ada',
      name: 'page_view',
      properties: { index },
    }));
    await call('POST', '/v1/events', { data: events });
  });

  afterAll(() => browsing.close());

  test('one is found by email', async () => {
    const page = await browsing.open('customers');
    await page.getByRole('searchbox', { name: 'Id or email' }).fill('ada@example.com');
    await page.getByRole('button', { name: 'Search' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    await page.getByRole('link', { name: 'Ada Lovelace' }).click();
    await page.getByRole('heading', { name: 'Ada Lovelace', level: 1 }).waitFor();
    await page.getByText('gold').waitFor();
    expect(await findViolations(page)).toEqual([]);
    expect(browsing.faults).toEqual([]);
  });

  test('reasons, next change and what is missing', async () => {
    const page = await browsing.open('customers/ada');
    const recent = page.getByRole('listitem').filter({ hasText: 'Recent buyers' }).first();
    await recent.getByText('is 1', { exact: true }).waitFor();
    await recent.getByText(/Leaves in 10 days/).waitFor();
    const loyal = page.getByRole('listitem').filter({ hasText: 'One of these is enough' }).first();
    await loyal.getByText('1 of 4 orders').waitFor();
    await loyal.getByText(/379\.50? short of 500/).waitFor();
  });

  test('the timeline merges and is paged', async () => {
    const page = await browsing.open('customers/ada');
    const line = page.getByRole('region', { name: 'What happened' });
    await expect.poll(() => line.getByRole('listitem').count()).toBe(25);
    const more = line.getByRole('button', { name: 'Show more' });
    while ((await more.count()) > 0) {
      const before = await line.getByRole('listitem').count();
      await more.click();
      await line.getByRole('listitem').nth(before).waitFor();
    }
    await line.getByText('o-1').waitFor();
    expect(await line.getByRole('listitem').count()).toBe(60 + 1 + 2);
    const times = await page.evaluate<string[]>('[...document.querySelectorAll(".timeline time")].map(({ dateTime }) => dateTime)');
    expect(times.length).toBe(60 + 1 + 2);
    expect(times).toEqual([...times].sort().reverse());
    await line.getByLabel('Show').selectOption('Orders');
    await expect.poll(() => line.getByRole('listitem').count()).toBe(1);
    await line.getByText('120.50').waitFor();
  });

  test('a move has a reason and an end', async () => {
    const page = await browsing.open('customers/ada');
    await page.getByRole('link', { name: 'Germans' }).waitFor();
    await page.getByRole('button', { name: 'Move …', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Move a customer' });
    await dialog.getByLabel('From').selectOption('Germans');
    await dialog.getByLabel('To', { exact: true }).selectOption('Loyal');
    await dialog.getByLabel('Reason').fill('she called');
    await dialog.getByLabel('Until').fill('2090-01-01T12:00');
    expect(await findViolations(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Move', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Release pin: Loyal' }).waitFor();
    const { body } = await call('GET', '/v1/segments/loyal/pins');
    expect(body.data[0]).toMatchObject({ customerId: 'ada', include: true, reason: 'she called', until: expect.stringMatching(/^2090/) });
    await page.getByRole('button', { name: 'Release pin: Loyal' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Release pin' }).click();
    await page.getByRole('button', { name: 'Pin in: Loyal' }).waitFor();
    expect((await call('GET', '/v1/segments/loyal/pins')).body.data).toEqual([]);
  });

  test('a refusal stands in the dialog', async () => {
    const page = await browsing.open('customers/wang');
    await page.getByRole('button', { name: 'Pin in: Guests' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Until').fill('2001-01-01T12:00');
    await dialog.getByRole('button', { name: 'Pin in' }).click();
    await dialog.getByRole('alert').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await expect.poll(() => page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('Pin in: Guests');
  });

  test('five hundred segments are no 500 calls', async () => {
    const page = await browsing.open();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    const { data } = (await call('GET', '/v1/segments?limit=1000')).body;
    const more = Array.from({ length: 500 }, (_, index) => ({ ...data[0], key: `s-${index}`, name: `Segment ${index}` }));
    await page.route('**/v1/segments?limit=1000', (route) => route.fulfill({ json: { data: [...data, ...more], next: null } }));
    let asked = 0;
    await page.route('**/explanation', async (route) => {
      asked += 1;
      await route.fulfill({ json: (await call('GET', '/v1/customers/ada/segments/loyal/explanation')).body });
    });
    await page.getByRole('link', { name: 'Customers' }).click();
    await page.getByRole('link', { name: 'Ada Lovelace' }).click();
    await page.getByRole('button', { name: /Show more \(49\d\)/ }).waitFor();
    await page.getByRole('searchbox').fill('segment 499');
    await page.getByRole('link', { name: 'Segment 499' }).waitFor();
    expect(asked).toBeLessThan(20);
  });

  test('names are text, whatever they hold', async () => {
    const page = await browsing.open(`customers/${encodeURIComponent(HOSTILE)}`, { viewport: { width: 390, height: 844 } });
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(HOSTILE);
    await page.getByRole('region', { name: 'Profile' }).waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    expect(await findViolations(page)).toEqual([]);
    expect(browsing.faults).toEqual([]);
  });

  test('a key without pii sees less', async () => {
    const { body } = await call('POST', '/v1/keys', { name: 'analyst', scopes: ['segments:read', 'members:read'] });
    const page = await browsing.open('', { isSignedOut: true });
    await page.getByLabel('Key').fill(body.secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: 'Customers' }).click();
    await page.getByRole('link', { name: 'ada', exact: true }).click();
    await page.getByText('may not see personal fields').waitFor();
    expect(await page.getByText('Lovelace').count()).toBe(0);
    await page.goto(`${browsing.url}/#/customers?email=ada%40example.com`);
    await page.getByText('The key may not see this.').waitFor();
  });

  test('unknown ones are said to be', async () => {
    const page = await browsing.open('customers/nobody');
    await page.getByText('This customer is not known here.').waitFor();
  });

  test('erasure asks for the id, in Chinese', async () => {
    const page = await browsing.open('customers/wang', { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } });
    await page.getByRole('heading', { name: '王丽' }).waitFor();
    await page.getByText('当前为 0，要求 >= 1，还差 1').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: '删除数据…' }).click();
    const erase = page.getByRole('button', { name: '永久删除' });
    expect(await erase.isDisabled()).toBe(true);
    await page.getByLabel('输入客户 ID 以确认').fill('wang');
    await erase.click();
    await page.getByRole('heading', { name: '已删除' }).waitFor();
    await page.getByText('凭证编号').waitFor();
    expect((await call('GET', '/v1/customers/wang')).status).toBe(404);
    expect(browsing.faults).toEqual([]);
  });
});
