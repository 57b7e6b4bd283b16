// Leaving a rule that is not saved: inside the page, by the browser's history, and with the tab.
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
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Stay here');
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

  test('closing the tab over it asks', async () => {
    const page = await browsing.open('new-segment');
    await page.getByRole('textbox', { name: 'Name' }).fill('Half');
    const asked = page.waitForEvent('dialog');
    void page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.accept();
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
