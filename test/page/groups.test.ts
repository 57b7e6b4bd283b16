// Groups in a real browser: made, put in another order, a customer moved between columns by mouse and by keyboard.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built } from '../api/service.ts';
import { findViolations } from './accessible.ts';
import { type Browsing, CHROMIUM, startBrowsing } from './browser.ts';

describe.skipIf(CHROMIUM === undefined)('groups on the page (skipped where there is no Chromium)', () => {
  let browsing: Browsing;
  const call = (method: string, path: string, body?: unknown) => browsing.service.call(method, path, body);
  const membersOf = async (key: string) => {
    const { body } = await call('GET', `/v1/segments/${key}/members`);
    return body.data.map(({ customerId }: { customerId: string }) => customerId).sort();
  };

  beforeAll(async () => {
    browsing = await startBrowsing();
    for (const [key, name, rule] of [
      ['high', 'High', 'sum(orders.total) >= 500'],
      ['middle', 'Middle', 'sum(orders.total) >= 100'],
      ['low', 'Low <i>', 'count(orders) >= 1'],
      ['rest', 'Rest', 'count(orders) = 0 and country = "XX"'],
    ] as const) {
      await call('POST', '/v1/segments', { key, name, kind: 'rule', rule, publish: true });
      await built(browsing.service, key);
    }
    for (const [id, total] of [
      ['ada', '900'],
      ['ben', '200'],
      ['cleo', '10'],
      ['dan', '20'],
    ] as const)
      await call('PUT', `/v1/orders/o-${id}`, { customerId: id, total });
    await call('PUT', '/v1/customers/eve', {});
  });

  afterAll(() => browsing.close());

  test('a group is made', async () => {
    const page = await browsing.open('groups');
    await page.getByText('No groups yet.').waitFor();
    await page.getByRole('button', { name: 'New group' }).click();
    const dialog = page.getByRole('dialog', { name: 'New group' });
    await dialog.getByLabel('Name').fill('Value');
    await dialog.getByLabel('Key').fill('value');
    for (const name of ['Middle', 'High', 'Low <i>']) await dialog.getByLabel('Add a segment').selectOption({ label: name });
    await dialog.getByRole('button', { name: 'High: up' }).click();
    expect(await findViolations(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Value', level: 1 }).waitFor();
    expect((await call('GET', '/v1/groups/value')).body).toMatchObject({ segments: ['high', 'middle', 'low'], otherwise: null });
    expect(browsing.faults).toEqual([]);
  });

  test('a customer is dragged to another column', async () => {
    const page = await browsing.open('groups/value');
    const middle = column(page, 'Middle');
    await middle.getByText('ben').waitFor();
    await page.getByRole('listitem').filter({ hasText: /^cleo/ }).dragTo(middle.getByRole('heading'));
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('promised');
    expect(await dialog.getByLabel('To', { exact: true }).inputValue()).toBe('middle');
    await dialog.getByRole('button', { name: 'Move', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await middle.getByText('cleo').waitFor();
    expect(await membersOf('middle')).toEqual(['ben', 'cleo']);
    expect(await findViolations(page)).toEqual([]);
  });

  test('the keyboard moves as well', async () => {
    const page = await browsing.open('groups/value');
    await page.getByRole('button', { name: 'Move …: ben' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('To', { exact: true }).focus();
    await page.keyboard.type('High');
    await dialog.getByLabel('Reason').focus();
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await column(page, 'High').getByText('ben').waitFor();
    await page.getByRole('status').getByText('Moved: ben').waitFor();
    expect(await membersOf('high')).toEqual(['ada', 'ben']);
  });

  test('somebody in none is pinned in', async () => {
    const page = await browsing.open('groups/value');
    const id = page.getByRole('textbox', { name: 'Customer id' });
    await id.fill('nobody');
    await id.press('Enter');
    await page.getByRole('alert').waitFor();
    await id.fill('eve');
    await id.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Pin in' });
    await dialog.getByLabel('To', { exact: true }).selectOption('Low <i>');
    await dialog.getByRole('button', { name: 'Pin in' }).click();
    await column(page, 'Low').getByText('eve').waitFor();
    expect(await membersOf('low')).toEqual(['dan', 'eve']);
  });

  test('an older reading does not overwrite', async () => {
    const page = await browsing.open('groups/value');
    await page.getByRole('button', { name: 'Change the group' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Otherwise').selectOption('Rest');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await column(page, 'Rest').waitFor();
    await page.getByRole('button', { name: 'Change the group' }).click();
    await call('PUT', '/v1/groups/value', { name: 'Worth', segments: ['high', 'middle', 'low'], otherwise: 'rest' });
    await dialog.getByLabel('Name').fill('Mine');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog
      .getByRole('alert')
      .getByText(/has changed since you read it/)
      .waitFor();
    expect((await call('GET', '/v1/groups/value')).body.name).toBe('Worth');
  });

  test('bars show on the overview, in Chinese', async () => {
    const page = await browsing.open('', { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } });
    const groups = page.getByRole('region', { name: '分组' });
    await groups.getByRole('listitem').filter({ hasText: 'Rest' }).getByText('其余客户').waitFor();
    expect(await findViolations(page)).toEqual([]);
    await groups.getByRole('link', { name: 'Worth' }).click();
    await column(page, 'High').getByText('ada').waitFor();
    expect(await findViolations(page)).toEqual([]);
    expect(browsing.faults).toEqual([]);
  });

  function column(page: Awaited<ReturnType<Browsing['open']>>, name: string) {
    return page.locator('.board > li').filter({ has: page.getByRole('heading', { name }) });
  }
});
