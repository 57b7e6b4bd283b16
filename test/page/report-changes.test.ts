// Flows and outcomes on the page: a real browser, the real service, whose clock has run for two months. What is shown is what the API answers.
import fs from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { DAY_MS } from '../../src/base/durations.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';
import { findViolations } from './accessible.ts';
import { type Browsing, CHROMIUM, startBrowsing } from './browser.ts';

const HOSTILE = `<img src=x onerror=alert(1)> ‮${'x'.repeat(150)}`;
const NOW_MS = Date.now();
const ago = (days: number) => new Date(NOW_MS - days * DAY_MS).toISOString();

/** 60 customers: 40 were high value, of whom 10 fell to low; the others low, of whom 5 rose. Three in four of those who began high ordered. */
const CUSTOMERS = Array.from({ length: 60 }, (_, index) => ({ id: `c${index}`, tags: [index < 40 ? 'high' : 'low'] }));
const MOVED = CUSTOMERS.filter((_, index) => index >= 30 && index < 45).map(({ id, tags: [tag] }) => ({
  id,
  tags: [tag === 'high' ? 'low' : 'high'],
}));
const ORDERS = CUSTOMERS.flatMap(({ id }, index) =>
  index % 4 === 0 && index < 40
    ? []
    : index < 40 || index % 5 === 0
      ? [45, 30].slice(0, 1 + (index % 2)).map((days) => ({
          id: `${id}-${days}`,
          customerId: id,
          status: index % 8 === 1 ? 'cancelled' : 'paid',
          total: '20.00',
          placedAt: ago(days),
        }))
      : [],
);

describe.skipIf(CHROMIUM === undefined)('flows and outcomes on the page (skipped where there is no Chromium)', () => {
  let browsing: Browsing;

  const settle = async () => {
    const { strata } = browsing.service;
    await finishRuns(strata);
    await publishChanges(strata);
  };
  const report = async (path: string) => {
    const answer = await browsing.service.call('GET', `/v1/reports/${path}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.body;
  };

  beforeAll(async () => {
    const clock = new TestClock(NOW_MS - 70 * DAY_MS);
    browsing = await startBrowsing({ clock, background: false });
    const { service } = browsing;
    await service.call('POST', '/v1/customers', { data: CUSTOMERS });
    for (const [key, name] of [
      ['high', 'High value'],
      ['low', HOSTILE],
    ])
      await service.call('POST', '/v1/segments', { key, name, kind: 'rule', rule: `tags has ("${key}")`, publish: true });
    await settle();
    await service.call('POST', '/v1/groups', { key: 'tiers', name: 'Tiers', segments: ['high', 'low'] });
    await settle();
    clock.set(NOW_MS - 40 * DAY_MS);
    await service.call('POST', '/v1/customers', { data: MOVED });
    await settle();
    clock.set(NOW_MS);
    expect((await service.call('POST', '/v1/orders', { data: ORDERS })).status).toBe(200);
    await settle();
  });

  afterAll(async () => {
    await browsing.close();
    expect(browsing.faults).toEqual([]);
  });

  test('a group shows who moved between two instants', async () => {
    const { flows } = await report(`flows?group=tiers&from=${ago(60)}`);
    const moved = flows.filter(({ from, to }: { from: string; to: string }) => from !== to);
    expect(moved.map(({ customers }: { customers: number }) => customers)).toEqual([10, 5]);
    const page = await browsing.open(`reports?tab=flows&from=${ago(60)}`);
    await page.getByRole('definition').filter({ hasText: /^45$/ }).waitFor();
    await page.getByRole('definition').filter({ hasText: /^15$/ }).waitFor();
    await page.getByRole('img', { name: /^Flows between segments from/ }).waitFor();
    await page.getByText('As a table').click();
    await page.getByRole('row', { name: 'High value 30 75% 10 25%' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByLabel('After').fill(ago(50).slice(0, 16));
    await page.getByRole('definition').filter({ hasText: /^60$/ }).waitFor();
    await page.waitForURL(/to=/);
    await page.getByLabel('Leave out who stayed').check();
    await page.getByText('Nobody moved.').waitFor();
    await page.close();
  });

  test('chosen segments flow, and come as a file', async () => {
    const page = await browsing.open(`reports?tab=flows&from=${ago(60)}`);
    await page.getByLabel('Segments', { exact: true }).selectOption('Chosen ones');
    await page.getByRole('checkbox', { name: /img src/ }).uncheck();
    await page.getByText('Went out').waitFor();
    await page.getByRole('definition').filter({ hasText: /^10$/ }).waitFor();
    await page.waitForURL(/segments=high/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download CSV' }).click()]);
    const lines = (await fs.readFile(await download.path(), 'utf8')).trim().split(/\r?\n/);
    expect(lines).toContain('high,,10,0.25');
    await page.close();
  });

  test('an outcome is told with its intervals', async () => {
    const { conversion, revenuePerCustomer } = await report(`outcome?segment=high&at=${ago(60)}&days=30`);
    expect([conversion.members.count, conversion.compared.count]).toEqual([30, 4]);
    const percent = (share: number) => new Intl.NumberFormat('en-GB', { style: 'percent', maximumFractionDigits: 1 }).format(share);
    const page = await browsing.open(`reports?tab=outcome&at=${ago(60)}&days=30`);
    await page.getByText('Choose a segment to see what came of its members.').waitFor();
    await page.getByLabel('Segment', { exact: true }).selectOption('High value');
    await page.getByText('Within 30 days 30 of 40 members (75%) ordered. Of all others it was 4 of 20 (20%).').waitFor();
    await page.getByText('this describes, and does not prove').waitFor();
    const { low, high } = conversion.members;
    await page
      .getByText(`${percent(low)} to ${percent(high)}`)
      .first()
      .waitFor();
    await page.getByText('+55 points').first().waitFor();
    await page.getByText('More than chance explains.').first().waitFor();
    await page
      .getByText(`US$${Number(revenuePerCustomer.members.amount).toFixed(2)}`)
      .first()
      .waitFor();
    await page.getByRole('img', { name: 'Customers with an order in each of 4 weeks' }).waitFor();
    await page.getByText('As a table').click();
    await page.getByRole('row', { name: /^3 / }).waitFor();
    await page.getByRole('row', { name: /High value 100% 75% 0% 25%/ }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.close();
  });

  test('a hold-out and options stay in the place', async () => {
    const page = await browsing.open(`reports?tab=outcome&segment=high&at=${ago(60)}`);
    await page.getByLabel('Beside', { exact: true }).selectOption('A hold-out by bucket');
    await page.getByText('Name the salt of the bucket').waitFor();
    await page.getByLabel('Salt of the bucket').fill('spring');
    await page.keyboard.press('Enter');
    await page.getByText('Chance alone has parted treated and hold-out').waitFor();
    await page.getByText('Options', { exact: true }).click();
    await page.getByLabel('Confidence').selectOption('80%');
    await page.getByRole('checkbox', { name: 'paid' }).check();
    await page.getByText('80% interval').first().waitFor();
    await page.getByText('only orders that are paid').waitFor();
    const { customers, orders } = await report(
      `outcome?segment=high&at=${ago(60)}&against=bucket&salt=spring&below=50&confidence=0.8&statuses=paid`,
    );
    await page
      .getByRole('definition')
      .filter({ hasText: `${customers.members}hold-out: ${customers.compared}` })
      .waitFor();
    await page
      .getByRole('definition')
      .filter({ hasText: `${orders.members}hold-out: ${orders.compared}` })
      .waitFor();
    expect(await findViolations(page)).toEqual([]);
    const shared = await browsing.open(page.url().split('#/')[1] ?? '');
    await shared.getByText('80% interval').first().waitFor();
    await shared.close();
    await page.getByRole('button', { name: 'Back to the usual' }).click();
    await page.getByText('95% interval').first().waitFor();
    await page.close();
  });

  test('what cannot be answered is said in words', async () => {
    const page = await browsing.open('reports?tab=flows&to=2099-01-01T00:00:00.000Z');
    await page.getByRole('alert').getByText('The instant lies in the future').waitFor();
    await page.goto(`${browsing.url}/#/reports?tab=outcome&segment=high&who=entered&from=${ago(20)}&to=${ago(10)}`);
    await page.getByText('Nobody entered in that period.').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.close();
  });

  test('a narrow dark window speaks Chinese', async () => {
    const narrow = { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } } as const;
    const page = await browsing.open(`reports?tab=outcome&segment=high&at=${ago(60)}&days=30`, narrow);
    await page.getByText('30 天内，40 名成员中有 30 名（75%）下单。').waitFor();
    await page.getByRole('heading', { name: '分群变化' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.goto(`${browsing.url}/#/reports?tab=flows&from=${ago(60)}`);
    await page.getByText('转到另一分群').waitFor();
    await page.getByText('以表格显示').click();
    expect(await findViolations(page)).toEqual([]);
    await page.close();
  });
});
