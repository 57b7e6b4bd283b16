// The rule editor, in both its faces: a real browser, the real service.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built } from '../api/service.ts';
import { findViolations } from './accessible.ts';
import { type Browsing, CHROMIUM, startBrowsing } from './browser.ts';

describe.skipIf(CHROMIUM === undefined)('the rule editor (skipped where there is no Chromium)', () => {
  let browsing: Browsing;
  const ruleOf = (page: Page) => page.getByRole('textbox', { name: 'Rule', exact: true });

  beforeAll(async () => {
    browsing = await startBrowsing();
    const { service } = browsing;
    const customers = Array.from({ length: 20 }, (_, index) => ({ id: `c${index}`, country: index < 12 ? 'DE' : 'GB', tags: ['vip'] }));
    await service.call('POST', '/v1/customers', { data: customers });
    const orders = customers
      .slice(0, 5)
      .map(({ id }) => ({ id: `o-${id}`, customerId: id, status: 'paid', total: '20.00', placedAt: new Date().toISOString() }));
    await service.call('POST', '/v1/orders', { data: orders });
    const rule = 'count(orders) / 2 >= 0.5 -- half an order';
    await service.call('POST', '/v1/segments', { key: 'odd', name: 'Odd', kind: 'rule', rule, publish: true });
    await service.call('POST', '/v1/segments', { key: 'de', name: 'Germans', kind: 'rule', rule: 'country = "DE"', publish: true });
    await built(service, 'odd');
    await built(service, 'de');
  });

  afterAll(() => browsing.close());

  test('mistakes show under their place and mend', async () => {
    const page = await browsing.open('new-segment');
    await page.getByRole('button', { name: 'Text', exact: true }).click();
    await ruleOf(page).fill('tags has any ("😀")\n and contry = "DE"\n and gendr = "x"');
    await page.getByText('Things to put right: 2').waitFor();
    await page.getByRole('button', { name: 'line 2, column 6' }).waitFor();
    expect(await page.locator('.mistake-line mark').allTextContents()).toEqual(['contry', 'gendr']);
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'line 3, column 6' }).click();
    expect(
      await page.evaluate(
        'getSelection().toString() || document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)',
      ),
    ).toBe('gendr');
    await page.getByRole('button', { name: 'Use country' }).click();
    await page.getByText('Things to put right: 1').waitFor();
    await page.getByRole('button', { name: 'Use gender' }).click();
    await page.getByText('The rule is right.').waitFor();
    expect(await ruleOf(page).inputValue()).toBe('tags has any ("😀")\n and country = "DE"\n and gender = "x"');
    await page.close();
  });

  test('what follows is offered and taken by key', async () => {
    const page = await browsing.open('new-segment');
    await page.getByRole('button', { name: 'Text', exact: true }).click();
    await ruleOf(page).pressSequentially('coun');
    await page.getByRole('option', { name: /^country/ }).waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await page.keyboard.type(' = ');
    await page.keyboard.press('Control+Space');
    await page.getByRole('option', { name: /"GB"/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    expect(await ruleOf(page).inputValue()).toBe('country = "GB"');
    await page.getByText('of 20 customers · 40%').waitFor();
    await page.keyboard.press('Escape');
    await page.close();
  });

  test('what becomes known late is offered too', async () => {
    const page = await browsing.open();
    let tell: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    await page.route('**/v1/catalog', async (route) => {
      await told;
      await route.continue();
    });
    await page.getByRole('link', { name: 'New segment' }).click();
    await page.getByRole('button', { name: 'Text', exact: true }).click();
    await ruleOf(page).pressSequentially('coun');
    await page.getByRole('option', { name: /^count/ }).waitFor();
    expect(await page.getByRole('option', { name: /^country/ }).count()).toBe(0);
    tell();
    await page.getByRole('option', { name: /^country/ }).waitFor();
    await page.close();
  });

  test('both faces go together, to a published segment', async () => {
    const page = await browsing.open('new-segment');
    await page.getByRole('textbox', { name: 'Name' }).fill('Recent Germans');
    expect(await page.getByLabel('Key').inputValue()).toBe('recent-germans');
    await page.getByRole('button', { name: 'Add a condition' }).click();
    await page.getByLabel('Value', { exact: true }).fill('DE');
    await page.getByText('country = "DE"').waitFor();
    await page.getByRole('button', { name: 'Add a condition' }).click();
    await page.getByRole('combobox', { name: 'Field' }).nth(1).selectOption('Orders');
    await page.getByText('country = "DE" and count(orders in the last 90 days) >= 1').waitFor();
    await page.getByRole('button', { name: 'Only those where …' }).click();
    await page
      .getByRole('group', { name: /Only those where/ })
      .getByLabel('Value', { exact: true })
      .fill('paid');
    await page.getByText('count(orders where status = "paid" in the last 90 days) >= 1').waitFor();
    await page.getByText('of 20 customers · 25%').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Text', exact: true }).click();
    await ruleOf(page).fill('country = "DE" and count(orders where status = "paid" in the last 60 days) >= 1');
    await page.getByText('The rule is right.').waitFor();
    await page.getByRole('button', { name: 'Builder' }).click();
    expect(await page.getByLabel('How many').inputValue()).toBe('60');
    await page.getByRole('button', { name: 'Publish …' }).click();
    await page.getByText('5 of 20 customers become members at once').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('dialog').getByRole('button', { name: 'Publish' }).click();
    await page.getByRole('heading', { name: /Recent Germans/ }).waitFor();
    await page.getByRole('definition').getByText('5', { exact: true }).waitFor();
    await page.close();
  });

  test('what the builder cannot show stays text', async () => {
    const page = await browsing.open('segments/odd?tab=rule');
    await page.getByText('The builder cannot show this rule.').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'To the text' }).click();
    expect(await ruleOf(page).inputValue()).toBe('count(orders) / 2 >= 0.5 -- half an order');
    await ruleOf(page).fill('count(orders) / 2 >= 1 -- a whole one');
    await page.getByLabel('Note').fill('stricter');
    await page.getByText('The rule is right.').waitFor();
    await page.getByRole('button', { name: 'Save as draft' }).click();
    await page.getByRole('article', { name: 'Version 2' }).getByText('count(orders) / 2 >= 1 -- a whole one').waitFor();
    await page.getByRole('article', { name: 'Version 2' }).getByText('stricter').waitFor();
    await page.close();
  });

  test('a new version shows its impact first', async () => {
    const { service } = browsing;
    const page = await browsing.open('segments/de?tab=rule');
    await page.getByLabel('Value', { exact: true }).fill('GB');
    await page.getByText('of 20 customers · 40%').waitFor();
    await service.call('PATCH', '/v1/segments/de', { icon: 'D' });
    await page.getByRole('button', { name: 'Publish …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Publish this rule' });
    await dialog.getByText('20 changes in the feed').waitFor();
    await dialog.getByRole('button', { name: 'Publish' }).click();
    await dialog.getByText('The segment has changed since you opened this.').waitFor();
    await dialog.getByText('20 changes in the feed').waitFor();
    await dialog.getByRole('button', { name: 'Publish' }).click();
    await page.getByRole('article', { name: 'Version 2' }).getByText('in force').waitFor();
    await page.close();
  });

  test('what is incomplete shows where it is', async () => {
    const page = await browsing.open('new-segment');
    await page.getByRole('button', { name: 'Add a condition' }).click();
    await page.locator('.rule').getByText('Fill in the value.').waitFor();
    await page.getByLabel('Comparison').selectOption('is missing');
    await page.getByText('country is missing').waitFor();
    expect(await page.locator('.field-problem').count()).toBe(0);
    await page.getByRole('button', { name: 'Remove the condition' }).click();
    await page.getByText('Begin with a condition, or with a template.').waitFor();
    expect(browsing.faults).toEqual([]);
    await page.close();
  });

  test('a template is filled in, in Chinese, narrow', async () => {
    const page = await browsing.open('new-segment', { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } });
    await page.getByRole('button', { name: '从模板开始' }).click();
    await page.getByRole('searchbox', { name: '查找模板' }).fill('prospects');
    await page.getByRole('button', { name: /潜在客户/ }).click();
    await page.getByRole('spinbutton').fill('45');
    await page.getByText('created_at in the last 45 days').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: /^使用/ }).click();
    await page.getByText('规则正确。').waitFor();
    await page.getByText(/共 20 位客户/).waitFor();
    expect(await page.getByLabel(/标识/).inputValue()).toBe('prospects');
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: '存为草稿' }).click();
    await page.getByRole('heading', { name: '潜在客户 草稿' }).waitFor();
    expect(browsing.faults).toEqual([]);
    await page.close();
  });
});
