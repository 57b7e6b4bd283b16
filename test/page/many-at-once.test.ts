// What the page does for many at once: a template of several segments, and a move of all members for whom a rule holds.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built } from '../api/service.ts';
import { findViolations } from './accessible.ts';
import { type Browsing, CHROMIUM, startBrowsing } from './browser.ts';

describe.skipIf(CHROMIUM === undefined)('many at once on the page (skipped where there is no Chromium)', () => {
  let browsing: Browsing;

  beforeAll(async () => {
    browsing = await startBrowsing();
    const { service } = browsing;
    const customers = Array.from({ length: 20 }, (_, index) => ({ id: `c${index}`, country: index < 12 ? 'DE' : 'GB', tags: ['vip'] }));
    await service.call('POST', '/v1/customers', { data: customers });
    await service.call('POST', '/v1/segments', {
      key: 'all',
      name: 'Everybody',
      kind: 'rule',
      rule: 'tags has any ("vip")',
      publish: true,
    });
    await built(service, 'all');
    await service.call('POST', '/v1/segments', { key: 'list', name: 'A list <b>', kind: 'manual' });
    for (let index = 0; index < 25; index += 1)
      await service.call('POST', '/v1/segments', { key: `other-${index}`, name: `Other ${index}`, kind: 'manual' });
  });

  afterAll(() => browsing.close());

  test('a template of several is made at once', async () => {
    const page = await browsing.open('new-segment');
    await page.getByRole('button', { name: 'From a template' }).click();
    await page.getByRole('button', { name: /^Lifecycle 6 segments/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Lifecycle' });
    await dialog.getByLabel(/without an order for so long somebody is at risk/).fill('45');
    await dialog.getByText('count(orders) >= 1 and count(orders in the last 45 days) = 0').waitFor();
    await dialog.getByText('holds for 20').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Make all 6' }).click();
    await dialog.getByText('6 segments were made. Their first runs fill them.').waitFor();
    await dialog.getByRole('link', { name: 'The group “Lifecycle”' }).click();
    await page.getByRole('heading', { name: /Lifecycle/ }).waitFor();
    const { body } = await browsing.service.call('GET', '/v1/groups/lifecycle');
    expect(body.otherwise).toBe('lifecycle-prospect');
    expect(body.segments.length).toBe(5);
    expect(browsing.faults).toEqual([]);
  });

  test('made again, in Chinese, with other keys', async () => {
    const page = await browsing.open('new-segment', { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } });
    await page.getByRole('button', { name: '从模板开始' }).click();
    await page.getByRole('button', { name: /生命周期/ }).click();
    const dialog = page.getByRole('dialog', { name: '生命周期' });
    await dialog.getByText(/以下标识已被占用：lifecycle-lost/).waitFor();
    expect(await dialog.getByRole('button', { name: '全部创建（6 个）' }).isDisabled()).toBe(true);
    await dialog.getByLabel('标识前缀').fill('zh-');
    expect(await findViolations(page)).toEqual([]);
    await dialog.getByRole('button', { name: '全部创建（6 个）' }).click();
    await dialog.getByText('已创建 6 个分群').waitFor();
    const { body } = await browsing.service.call('GET', '/v1/segments/zh-lifecycle-loyal');
    expect(body).toMatchObject({ name: '忠诚' });
    expect(browsing.faults).toEqual([]);
  });

  test('what is refused halfway can go on', async () => {
    const page = await browsing.open('new-segment');
    await page.getByRole('button', { name: 'From a template' }).click();
    await page.getByRole('button', { name: /Test and control/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Test and control' });
    await dialog.getByText('holds for').first().waitFor();
    let isRefused = true;
    await page.route('**/v1/segments', async (route) => {
      const isControl = route.request().postData()?.includes('"control-group"') ?? false;
      if (!isControl || !isRefused) return route.continue();
      isRefused = false;
      return route.fulfill({ status: 503, json: { code: 'unavailable', detail: 'Not right now.' } });
    });
    await dialog.getByRole('button', { name: 'Make all 2' }).click();
    await dialog.getByText('Not right now.').waitFor();
    await dialog.getByText('Made', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Make the others' }).click();
    await dialog.getByText('2 segments were made.').waitFor();
    expect((await browsing.service.call('GET', '/v1/segments/control-group')).status).toBe(200);
  });

  test('members that a rule holds for move', async () => {
    const { service } = browsing;
    const page = await browsing.open('segments/all?tab=members');
    await page.getByRole('button', { name: 'Move members …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Move members' });
    await dialog.getByText('All 20 members move.').waitFor();
    await dialog.getByRole('searchbox', { name: /Find a segment/ }).fill('a list');
    await dialog.getByLabel('To', { exact: true }).selectOption('A list <b>');
    await dialog.getByRole('textbox', { name: 'Rule' }).fill('contry = "GB"');
    await dialog.getByRole('button', { name: 'Use country' }).waitFor();
    expect(await dialog.getByRole('button', { name: 'Move', exact: true }).isDisabled()).toBe(true);
    await dialog.getByRole('textbox', { name: 'Rule' }).fill('country = "GB" -- of the islands');
    await dialog.getByText('8 of 20 members move.').waitFor();
    await dialog.getByLabel('Reason').fill('spring');
    expect(await findViolations(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Move', exact: true }).click();
    await page.getByText(/^Done · 20 of about 20 customers · 16 changes/).waitFor();
    expect((await service.call('GET', '/v1/segments/list')).body.memberCount).toBe(8);
    expect((await service.call('GET', '/v1/segments/all')).body.memberCount).toBe(12);
    await page.reload();
    await page.getByRole('link', { name: 'All its runs' }).click();
    await page.getByRole('row', { name: /list .*move Done/ }).waitFor();
    expect(page.url()).toContain('segment=list');
    expect(browsing.faults).toEqual([]);
  });
});
