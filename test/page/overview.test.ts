// The first view, and the way in: a real browser, the real service.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, built } from '../api/service.ts';
import { findViolations } from './accessible.ts';
import { type Browsing, CHROMIUM, startBrowsing } from './browser.ts';

describe.skipIf(CHROMIUM === undefined)('the page (skipped where there is no Chromium)', () => {
  let browsing: Browsing;

  beforeAll(async () => {
    browsing = await startBrowsing();
    const { service } = browsing;
    await service.call('POST', '/v1/segments', { key: 'de', name: 'Germans <b>&', kind: 'rule', rule: 'country = "DE"', publish: true });
    await built(service, 'de');
    await service.call('PUT', '/v1/customers/ada', { country: 'DE' });
  });

  afterAll(() => browsing.close());

  test('a wrong key is refused', async () => {
    const page = await browsing.open('', { isSignedOut: true });
    await page.getByLabel('Key').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('This key is not known').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByLabel('Key').fill(ADMIN_KEY);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(page.url()).not.toContain(ADMIN_KEY);
    expect(await page.evaluate('[sessionStorage.length, Object.keys(localStorage)]')).toEqual([1, []]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Key').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  });

  test('segments show, and changes as they happen', async () => {
    const page = await browsing.open();
    await page.getByRole('row', { name: /Germans <b>& 1 Active/ }).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await browsing.service.call('PUT', '/v1/customers/ben', { country: 'DE' });
    await page.getByRole('row', { name: /Germans <b>& 2 Active/ }).waitFor();
    await page.getByRole('link', { name: 'ben' }).waitFor();
    expect(browsing.faults).toEqual([]);
  });

  test('trends stand beside sizes', async () => {
    const page = await browsing.open();
    await page.getByRole('columnheader', { name: '30 days' }).waitFor();
    const points = await page.getByRole('row').nth(1).locator('polyline').getAttribute('points');
    expect(points?.split(' ').length).toBe(30); // nobody for 29 days, and today's members
    expect(points).toMatch(/^2\.0,26\.0 .* 118\.0,2\.0$/);
    await page.getByRole('row').nth(1).getByText('+2 −0').waitFor();
  });

  test('it speaks Chinese, dark and narrow too', async () => {
    const page = await browsing.open('', { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } });
    await page.getByRole('heading', { name: '概览' }).waitFor();
    await page.getByRole('row', { name: /启用/ }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    expect(browsing.faults).toEqual([]);
  });

  test('a part that does not come is told', async () => {
    const page = await browsing.open();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.route('**/*.js', (route) => route.abort());
    await page.getByRole('link', { name: 'Runs' }).click();
    await page.getByText('The service cannot be reached.').waitFor();
    await page.unroute('**/*.js');
    await page.getByRole('main').getByRole('button').click(); // loads the page again
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
  });
});
