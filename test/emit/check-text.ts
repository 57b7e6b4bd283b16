// Rules as text, checked, for the tests of the emitter; a mistake in one fails loudly.
import type { Catalog } from '../../src/catalog/catalog.ts';
import { checkInput } from '../../src/rules/check-rule.ts';
import type { CheckedRule } from '../../src/rules/checked-rule.ts';

export function checkText(text: string, catalog: Catalog): CheckedRule {
  const { checked, errors } = checkInput(text, catalog, { purpose: 'publish' });
  if (checked === null) throw new Error(`${text}: ${errors.map((error) => error.detail).join('; ')}`);
  return checked;
}
