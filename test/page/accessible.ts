// Runs axe on what is shown: no violation of WCAG 2.2 A and AA.
import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright-core';

/** → `rule: first element`, for each violation; also whether the page is wider than its window */
export async function findViolations(page: Page): Promise<string[]> {
  const axe = new AxeBuilder({ page })
    .options({ resultTypes: ['violations'] }) // of what passes nobody asks for selectors
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .setLegacyMode(true); // the page has no frames: a third of the time of gathering their results on a second page
  const { violations } = await axe.analyze();
  const isWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > window.innerWidth');
  return [...violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`), ...(isWide ? ['wider than its window'] : [])];
}
