// Leaving a rule that is not saved: inside the page, by the browser's history, and by loading the page anew.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built } from '../api/service.ts';
import { findViolations } from './accessible.ts';
import { type Browsing, CHROMIUM, startBrowsing } from './browser.ts';

describe.skipIf(CHROMIUM === undefined)('leaving the rule editor (skipped where there is no Chromium)', () => {
  let browsing: Browsing;

  beforeAll(async () => {
    browsing = await startBrowsing();
    await browsing.service.call('POST', '/v1/segments', {
      key: 'de',
      name: 'Germans',
      kind: 'rule',
      rule: 'country = "DE"',
      publish: true,
    });
    await built(browsing.service, 'de');
  });

  afterAll(() => browsing.close());

  test('what is unsaved is not left unasked', async () => {
    const page = await browsing.open();
    await page.getByRole('link', { name: 'Germans' }).click();
    await page.getByRole('link', { name: 'Edit the rule' }).click();
    await page.getByLabel('Value', { exact: true }).waitFor();
    await page.goBack(); // nothing is written yet: nobody is asked
    await page.getByRole('heading', { name: 'Size over time' }).waitFor();
    await page.goForward();
    await page.getByLabel('Value', { exact: true }).fill('FR');
    const dialog = page.getByRole('dialog', { name: 'Leave without saving?' });
    for (const leave of [() => page.getByRole('link', { name: 'Runs' }).click(), () => page.goBack()]) {
      await leave();
      await dialog.waitFor();
      expect(await findViolations(page)).toEqual([]);
      await expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe('Stay here');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await page.waitForURL(/tab=rule/);
      expect(await page.getByLabel('Value', { exact: true }).inputValue()).toBe('FR');
    }
    await page.getByRole('button', { name: 'Sign out' }).click();
    await dialog.getByRole('button', { name: 'Stay here' }).click();
    await page.goBack();
    await dialog.getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('heading', { name: 'Size over time' }).waitFor();
    await page.goBack(); // the history is as it was before anybody was asked
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(browsing.faults).toEqual([]);
    await page.close();
  });

  // Not by closing the tab: Chromium closes it unasked if its own process has not heard yet that the page listens.
  test('loading the page anew over it asks', async () => {
    const page = await browsing.open('new-segment');
    const name = page.getByRole('textbox', { name: 'Name' });
    const reload = async () => {
      const asked = page.waitForEvent('dialog');
      await page.evaluate('void setTimeout(() => location.reload(), 0)');
      return await asked;
    };
    await name.fill('Half');
    const first = await reload();
    expect(first.type()).toBe('beforeunload');
    await first.dismiss();
    expect(await name.inputValue()).toBe('Half');
    const loaded = page.waitForEvent('load');
    await (await reload()).accept();
    await loaded;
    expect(await name.inputValue()).toBe('');
    await page.close();
  });

  test('what was saved is left unasked', async () => {
    const page = await browsing.open('segments/de?tab=rule');
    await page.getByLabel('Value', { exact: true }).fill('NL');
    await page.getByText('The rule is right.').waitFor();
    await page.getByRole('button', { name: 'Save as draft' }).click();
    await page.getByRole('article', { name: 'Version 2' }).waitFor();
    await page.getByRole('link', { name: 'Runs' }).click();
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    await page.close();
  });
});
