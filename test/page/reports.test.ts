// Reports on the page: a real browser, the real service.
import fs from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/base/durations.ts';
import { built } from '../api/service.ts';
import { findViolations } from './accessible.ts';
import { type Browsing, CHROMIUM, startBrowsing } from './browser.ts';

const HOSTILE = `<img src=x onerror=alert(1)> ‮${'x'.repeat(150)}`;

const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();

/** 40 customers: 30 in Germany, 20 of them and 5 others by e-mail; each with an order, every second with one more. */
const CUSTOMERS = Array.from({ length: 40 }, (_, index) => ({
  id: `c${index}`,
  country: index < 30 ? 'DE' : 'CN',
  source: index >= 10 && index < 35 ? 'mail' : 'shop',
}));
const ORDERS = CUSTOMERS.flatMap(({ id }, index) =>
  [40, 5].slice(0, 1 + (index % 2)).map((days) => ({
    id: `${id}-${days}`,
    customerId: id,
    status: 'paid',
    total: '20.00',
    placedAt: ago(days),
    items: [{ productId: `p${index % 3}`, name: `Lamp ${index % 3}`, category: 'Light', quantity: '1', unitPrice: '20.00' }],
  })),
);

describe.skipIf(CHROMIUM === undefined)('reports on the page (skipped where there is no Chromium)', () => {
  let browsing: Browsing;

  beforeAll(async () => {
    browsing = await startBrowsing();
    const { service } = browsing;
    await service.call('POST', '/v1/customers', { data: CUSTOMERS });
    expect((await service.call('POST', '/v1/orders', { data: ORDERS })).body.errors ?? []).toEqual([]);
    const events = CUSTOMERS.slice(0, 20).map(({ id }) => ({ id: `e-${id}`, customerId: id, name: 'visit', occurredAt: ago(2) }));
    await service.call('POST', '/v1/events', { data: events });
    const segments = [
      ['de', 'Germans', 'country = "DE"'],
      ['mail', HOSTILE, 'source = "mail"'],
      ['nobody', 'Nobody', 'country = "FR"'],
    ] as const;
    for (const [key, name, rule] of segments) {
      await service.call('POST', '/v1/segments', { key, name, kind: 'rule', rule, publish: true });
      await built(service, key);
    }
    await service.call('POST', '/v1/groups', { key: 'kinds', name: 'Kinds', segments: ['de', 'nobody'] });
    await built(service, 'de');
    await built(service, 'nobody');
  });

  afterAll(async () => {
    await browsing.close();
    expect(browsing.faults).toEqual([]);
  });

  test('a segment is shown against everybody', async () => {
    const page = await browsing.open('segments/de');
    await page.getByText('30 members of 40 customers (75%)').waitFor();
    await page.getByRole('listitem').filter({ hasText: 'Germany' }).getByText('1.3 times as many').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Value', exact: true }).click();
    await page.getByRole('definition').filter({ hasText: 'everybody: 60' }).first().waitFor();
    await page.getByText('By revenue to date').waitFor();
    await page.waitForURL(/part=value/);
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Goods' }).click();
    await page.getByRole('row', { name: /^Lamp 0/ }).waitFor();
    await page.getByLabel('Period').selectOption('Last 30 days');
    await page.getByRole('row', { name: /^Lamp 1 €?.*100\.00/ }).waitFor();
    await page.getByRole('button', { name: 'Engagement' }).click();
    await page.getByRole('listitem').filter({ hasText: 'visit' }).getByText('66.7%').waitFor();
    await page.getByRole('button', { name: 'Groups' }).click();
    await page.getByRole('heading', { name: 'Kinds' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.close();
  });

  test('the report comes as a file', async () => {
    const page = await browsing.open('segments/de');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download CSV' }).click()]);
    expect(download.suggestedFilename()).toBe('de-report.csv');
    expect((await fs.readFile(await download.path(), 'utf8')).split(/\r?\n/).length).toBeGreaterThan(20);
    await page.close();
  });

  test('chosen segments are overlapped and compared', async () => {
    const page = await browsing.open('reports');
    await page.getByText('Choose two segments or more').waitFor();
    await page.getByRole('checkbox', { name: 'Germans' }).check();
    await page.getByRole('checkbox', { name: /img src/ }).check();
    await page.getByRole('cell', { name: '20 57.1%' }).first().waitFor();
    await page.getByText('35 customers are in at least one').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('link', { name: 'Comparison' }).click();
    await page.getByRole('row', { name: 'Members 30 25 40' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.close();
  });

  test('cohorts and grid show who ordered again', async () => {
    const page = await browsing.open('reports?tab=cohorts');
    await page.getByLabel('Periods').selectOption('Weeks');
    await page.getByRole('cell', { name: '50%' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('link', { name: 'Value grid' }).click();
    await page.getByRole('columnheader', { name: 'Ordered once' }).waitFor();
    await page.getByRole('cell', { name: '20 customers 33.3% of revenue' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.close();
  });

  test('recency and frequency show what is answered', async () => {
    const { service } = browsing;
    const { body: rfm } = await service.call('GET', '/v1/reports/rfm?recency=30&frequency=2');
    const of = (recency: number) => rfm.cells.filter((cell: { recency: number }) => cell.recency === recency);
    const page = await browsing.open('reports?tab=rfm&recency=30&frequency=2');
    await page.getByRole('row', { name: `0–29 days ago – ${of(2)[0].customers} US$800.00 20 US$800.00` }).waitFor();
    await page.getByRole('row', { name: '30 days ago and longer 20 US$400.00 – 20 US$400.00' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByText(/^Options/).click();
    await page.getByLabel('Bounds of orders').fill('2, 1');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('frequency: Ascends.').waitFor();
    await page.getByRole('button', { name: 'Back to the usual' }).click();
    await page.getByText('All combinations of the three').waitFor();
    expect(page.url()).not.toContain('frequency');
    await page.close();
  });

  test('new and returning revenue is what is answered', async () => {
    const { service } = browsing;
    const page = await browsing.open('reports?tab=revenue');
    const { body } = await service.call('GET', '/v1/reports/new-and-returning');
    const sum = (kind: 'new' | 'returning') =>
      body.periods.reduce((total: number, period: Record<typeof kind, { revenue: string }>) => total + Number(period[kind].revenue), 0);
    await page
      .getByRole('definition')
      .filter({ hasText: `US$${sum('new').toFixed(2)}` })
      .waitFor();
    await page
      .getByRole('definition')
      .filter({ hasText: `US$${sum('returning').toFixed(2)}` })
      .waitFor();
    await page.getByRole('img', { name: /^Revenue of new and of returning customers/ }).waitFor();
    await page.getByText('As a table').click();
    await page.getByRole('columnheader', { name: 'Share of new' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.close();
  });

  test('an eleventh segment is not taken, and said', async () => {
    const keys = Array.from({ length: 10 }, (_, index) => `more-${index}`);
    for (const key of keys) {
      const made = await browsing.service.call('POST', '/v1/segments', { key, name: key, kind: 'manual' });
      expect(made.status, made.text).toBe(201);
    }
    const page = await browsing.open(`reports?tab=comparison&segments=${keys.slice(0, 9).join(',')}&statuses=paid`);
    await page.getByRole('checkbox', { name: 'more-9' }).check();
    await page.getByText('10 are chosen, and no more can be.').waitFor();
    expect(await page.getByRole('checkbox', { name: 'Germans' }).isDisabled()).toBe(true);
    await page.getByText('only orders that are paid').waitFor();
    await page.goto(`${browsing.url}/#/reports?tab=comparison&segments=${keys.join(',')},de`);
    await page.getByText('The place names 11 segments').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.close();
  });

  test('a key that may not see says so', async () => {
    const { body } = await browsing.service.call('POST', '/v1/keys', { name: 'looker', scopes: ['segments:read'] });
    const page = await browsing.open('', { isSignedOut: true });
    await page.getByLabel('Key').fill(body.secret ?? body.key);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    for (const tab of ['rfm', 'revenue', 'flows', 'outcome&segment=de']) {
      await page.goto(`${browsing.url}/#/reports?tab=${tab}`);
      await page.getByText('The key may not see this.').waitFor();
    }
    await page.close();
  });

  test('a narrow window speaks Chinese', async () => {
    const narrow = { locale: 'zh-CN', viewport: { width: 390, height: 800 } };
    const page = await browsing.open('reports?segments=de,mail', narrow);
    await page.getByRole('heading', { name: '两两重叠' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.goto(`${browsing.url}/#/segments/de?part=value`);
    await page.getByRole('heading', { name: '生命周期' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.goto(`${browsing.url}/#/segments/nobody`);
    await page.getByText('此分群中没有成员。').waitFor();
    await page.close();
  });

  test('grids and bars fit a narrow dark window', async () => {
    const narrow = { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 800 } } as const;
    const page = await browsing.open('reports', narrow);
    for (const [tab, text] of [
      ['rfm', '最近与频次'],
      ['revenue', '新客与回头客的销售额'],
    ] as const) {
      await page.goto(`${browsing.url}/#/reports?tab=${tab}`);
      await page
        .getByText(text)
        .or(page.getByRole('img', { name: text }))
        .first()
        .waitFor();
      expect(await findViolations(page)).toEqual([]);
    }
    await page.close();
  });
});
