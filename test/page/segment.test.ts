// The page of one segment: a real browser, the real service.
import fs from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built } from '../api/service.ts';
import { findViolations } from './accessible.ts';
import { type Browsing, CHROMIUM, startBrowsing } from './browser.ts';

const HOSTILE = `<img src=x onerror=alert(1)> ‮${'x'.repeat(150)}`;

describe.skipIf(CHROMIUM === undefined)('the page of a segment (skipped where there is no Chromium)', () => {
  let browsing: Browsing;

  beforeAll(async () => {
    browsing = await startBrowsing();
    const { service } = browsing;
    const customers = Array.from({ length: 60 }, (_, index) => ({
      id: `c${String(index).padStart(3, '0')}`,
      country: index < 55 ? 'DE' : 'GB',
    }));
    await service.call('POST', '/v1/customers', { data: customers });
    await service.call('POST', '/v1/segments', { key: 'de', name: 'Germans', kind: 'rule', rule: 'country = "DE"', publish: true });
    await service.call('POST', '/v1/segments', { key: 'gb', name: HOSTILE, kind: 'rule', rule: 'country = "GB"', publish: true });
    await service.call('POST', '/v1/segments', { key: 'hand', name: 'By hand', kind: 'manual' });
    await built(service, 'de');
    await built(service, 'gb');
    await service.call('POST', '/v1/segments', { key: 'both', name: 'Both', kind: 'rule', rule: 'in segment "gb"', publish: true });
    await built(service, 'both');
  });

  afterAll(() => browsing.close());

  test('its overview shows size, course and rule', async () => {
    const page = await browsing.open('segments/de');
    await page.getByRole('heading', { name: 'Germans Active' }).waitFor();
    await page.getByRole('definition').getByText('55', { exact: true }).waitFor();
    await page.getByRole('img', { name: /from 0 to 55 members/ }).waitFor();
    await page.getByRole('img', { name: '55 entered and 0 left in this time' }).waitFor();
    await page.getByText('country = "DE"').waitFor();
    await page.getByText('As a table').click();
    await page.getByRole('row', { name: /55 55 0/ }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.close();
  });

  test('members are paged, found, pinned, released', async () => {
    const page = await browsing.open('segments/de?tab=members');
    await page.getByText('Page 1', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText('Page 2', { exact: true }).waitFor();
    await expect.poll(() => page.getByRole('row').count()).toBe(6);
    await page.getByRole('searchbox', { name: 'Customer id' }).fill('c059');
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.getByText('c059 is not a member.').waitFor();
    await page.getByRole('button', { name: 'Pin in c059' }).click();
    await page.getByRole('dialog', { name: 'Decide by hand' }).waitFor();
    await page.getByLabel('Reason').fill('moved house');
    await page.getByLabel('Until').fill('2099-01-31T12:00');
    await page.getByRole('dialog').getByRole('button', { name: 'Pin in' }).click();
    await page.getByText('c059 is a member.').waitFor();
    await page.getByLabel('Show').selectOption('Pins');
    await page.getByRole('row', { name: /c059 pinned in 31 Jan 2099.*moved house/ }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('row', { name: /c059/ }).getByRole('button', { name: 'Release c059' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
    await page.getByText('c059 is not a member.').waitFor();
    await page.getByText('Nobody is pinned.').waitFor();
    await page.close();
  });

  test('all members come as one file', async () => {
    const page = await browsing.open('segments/gb?tab=members');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download CSV' }).click()]);
    expect(download.suggestedFilename()).toBe('gb.csv');
    const lines = (await fs.readFile(await download.path(), 'utf8')).trim().split(/\r?\n/);
    expect(lines.length).toBe(6);
    expect(lines[0]).toContain('customerId,since,source');
    await page.close();
  });

  test('a long file streams to the disk', async () => {
    const page = await openAsLong();
    await page.evaluate(
      'window.showSaveFilePicker = async ({ suggestedName }) => (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true })',
    );
    await page.getByRole('button', { name: 'Download CSV' }).click();
    const kept =
      "(async () => (await (await (await navigator.storage.getDirectory()).getFileHandle('gb.csv', { create: true })).getFile()).text())()";
    await expect
      .poll(
        async () =>
          String(await page.evaluate(kept))
            .trim()
            .split(/\r?\n/).length,
      )
      .toBe(6);
    await page.getByRole('button', { name: 'Download CSV' }).waitFor();
    await page.close();
  });

  test('elsewhere its size is told before', async () => {
    const page = await openAsLong();
    await page.evaluate('window.showSaveFilePicker = undefined');
    await page.getByRole('button', { name: 'Download CSV' }).click();
    const dialog = page.getByRole('dialog', { name: 'Download CSV' });
    await dialog.getByText('1,000,000 lines, about 64 MB.').waitFor();
    await dialog.getByText('It takes up to 500 MB in this way.').waitFor();
    expect(await findViolations(page)).toEqual([]);
    const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Download CSV' }).click()]);
    expect(download.suggestedFilename()).toBe('gb.csv');
    expect(browsing.faults).toEqual([]);
    await page.close();
  });

  test('history is filtered by what the place says', async () => {
    const page = await browsing.open('segments/de?tab=history&cause=unpin');
    await page.getByRole('row', { name: /c059 left/ }).waitFor();
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    expect(await findViolations(page)).toEqual([]);
    await page.getByLabel('To', { exact: true }).fill('2020-01-01');
    await page.getByText('No changes match.').waitFor();
    await page.waitForURL(/to=2020-01-01/);
    await page.close();
  });

  test('a version is compared, weighed and published', async () => {
    const { service } = browsing;
    await service.call('POST', '/v1/segments/gb/versions', { rule: 'country = "GB" or id = "c000"', note: 'with Ada' });
    const page = await browsing.open('segments/gb?tab=versions');
    const card = page.getByRole('article', { name: 'Version 2' });
    await card.getByText('with Ada').waitFor();
    await card.getByRole('button', { name: 'Compare with' }).click();
    await page.getByRole('dialog').getByText('id = "c000"').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await card.getByRole('button', { name: 'Publish' }).click();
    const dialog = page.getByRole('dialog', { name: 'Publish version 2' });
    await dialog.getByText('2 changes in the feed').waitFor();
    await dialog.getByRole('link', { name: 'Both' }).waitFor();
    await dialog.getByRole('link', { name: 'c000' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    // somebody else edits while the figures are looked at
    await service.call('PATCH', '/v1/segments/gb', { description: 'Of the islands' });
    await dialog.getByRole('button', { name: 'Publish' }).click();
    await dialog.getByText('The segment has changed since you opened this.').waitFor();
    await dialog.getByText('2 changes in the feed').waitFor();
    await dialog.getByRole('button', { name: 'Publish' }).click();
    await card.getByText('in force').waitFor();
    await page.getByText('Of the islands').waitFor();
    await built(service, 'gb');
    await page.getByRole('article', { name: 'Version 1' }).getByRole('button', { name: 'Roll back to it' }).waitFor();
    await page.close();
  });

  test('an edit never overwrites another unseen', async () => {
    const { service } = browsing;
    const page = await browsing.open('segments/de');
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('From Germany');
    await page.getByLabel('Review on').fill('2020-05-01');
    expect(await findViolations(page)).toEqual([]);
    await service.call('PATCH', '/v1/segments/de', { icon: 'D' });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Somebody has changed this segment').waitFor();
    await page.getByRole('button', { name: 'Read it again, then save mine' }).click();
    await page.getByRole('heading', { name: 'From Germany Active' }).waitFor();
    await page.getByText('due', { exact: true }).waitFor();
    await page.close();
  });

  test('what others stand on is not archived', async () => {
    const page = await browsing.open('segments/gb');
    await page.getByRole('button', { name: 'Archive' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Archive' }).click();
    await page.getByText('Other segments stand on this one:').waitFor();
    await page.getByRole('dialog').getByRole('link', { name: 'both' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.goto(`${browsing.url}/#/segments/both`);
    await page.getByRole('heading', { name: 'Both Active' }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('heading', { name: 'Both Paused' }).waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('heading', { name: 'Both Active' }).waitFor();
    await page.close();
  });

  test('a manual segment takes members by hand', async () => {
    const page = await browsing.open('segments/hand?tab=members');
    await page.getByText('Nobody is in this segment.').waitFor();
    await page.getByRole('button', { name: 'Add a customer' }).click();
    await page.getByRole('dialog').getByLabel('Customer id').fill('nobody');
    await page.getByRole('dialog').getByRole('button', { name: 'Add a customer' }).click();
    await page.getByRole('dialog').getByRole('alert').waitFor();
    await page.getByRole('dialog').getByLabel('Customer id').fill('c007');
    await page.getByRole('dialog').getByRole('button', { name: 'Add a customer' }).click();
    await page.getByRole('row', { name: /c007 .* by hand/ }).waitFor();
    await page.close();
  });

  test('it speaks Chinese, dark and narrow too', async () => {
    const page = await browsing.open('segments/gb', { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } });
    await page.getByRole('heading', { name: '规模变化' }).waitFor();
    await page.getByRole('img', { name: /成员数从 0 变为 \d/ }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    expect(browsing.faults).toEqual([]);
    await page.close();
  });

  test('each part fits a narrow window', async () => {
    const page = await browsing.open('segments/gb', { locale: 'zh-CN', viewport: { width: 390, height: 844 } });
    for (const [tab, text] of [
      ['成员', '下载 CSV'],
      ['历史', '进入和离开'],
      ['版本', '当前生效'],
      ['编辑规则', '规则正确。'],
    ] as const) {
      await page.getByRole('link', { name: tab, exact: true }).click();
      await page.getByText(text).first().waitFor({ state: 'attached' });
      expect(await findViolations(page)).toEqual([]);
    }
    expect(browsing.faults).toEqual([]);
    await page.close();
  });

  test('what a key may not see is said', async () => {
    const { body } = await browsing.service.call('POST', '/v1/keys', { name: 'looker', scopes: ['segments:read'] });
    const page = await browsing.open('', { isSignedOut: true });
    await page.getByLabel('Key').fill(body.secret ?? body.key);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.goto(`${browsing.url}/#/segments/de?tab=members`);
    await page.getByText('The key may not see this.').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('dialog').getByText('segments:write').waitFor();
    await page.close();
  });

  test('a segment that is not there says so', async () => {
    const page = await browsing.open('segments/none');
    await page.getByText('There is no such segment.').waitFor();
    expect(browsing.faults).toEqual([]);
    await page.close();
  });

  /** The members of a segment that says it has a million. */
  async function openAsLong(): Promise<Page> {
    const page = await browsing.open();
    await page.route('**/v1/segments/gb', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), memberCount: 1_000_000 } });
    });
    await page.goto(`${browsing.url}/#/segments/gb?tab=members`);
    return page;
  }
});
