// In charge of whether the builder has fields for everything that a rule says. A rule for which it has none stays text; nothing is approximated.
import { isJson, type Json } from './rule-json.ts';

const COMPARISONS = ['=', '!=', '<', '<=', '>', '>='];
const TEXT = ['contains', 'starts_with', 'ends_with'];
const LISTS = ['in', 'has_any', 'has_all'];
const NAMED = ['field', 'attribute', 'property', 'consent', 'bucket'];
const INSTANTS = ['date', 'timestamp', 'ago', 'from_now', 'at'];

/** Operands may be null: not filled in yet. */
export function canShow(rule: unknown): boolean {
  if (!isJson(rule)) return false;
  for (const name of ['and', 'or']) if (Array.isArray(rule[name])) return (rule[name] as readonly unknown[]).every(canShow);
  if ('not' in rule) return canShow(rule['not']);
  if ('everyone' in rule || 'segment' in rule) return true;
  return canShowLeft(rule['left']) && canShowOperands(rule);
}

function canShowLeft(left: unknown): boolean {
  if (!isJson(left)) return false;
  if (NAMED.some((name) => typeof left[name] === 'string')) return true;
  if (!('aggregate' in left)) return false;
  return (left['where'] === undefined || canShow(left['where'])) && (left['window'] === undefined || isWindow(left['window']));
}

function canShowOperands(condition: Json): boolean {
  const op = String(condition['op']);
  if (COMPARISONS.includes(op)) return isOperand(condition['right']);
  if (op === 'between') return isOperand(condition['low']) && isOperand(condition['high']);
  if (LISTS.includes(op)) return Array.isArray(condition['values']) && condition['values'].every(isOperand);
  if (TEXT.includes(op)) return isOperand(condition['value']);
  if (op === 'within') return isWindow(condition['window']);
  return op === 'missing' || op === 'anniversary';
}

function isOperand(operand: unknown): boolean {
  return operand === null || typeof operand !== 'object' || (isJson(operand) && isInstant(operand));
}

function isInstant(value: unknown): boolean {
  return isJson(value) && INSTANTS.some((name) => name in value);
}

function isWindow(window: unknown): boolean {
  if (!isJson(window)) return false;
  if ('last' in window || 'in' in window) return true;
  if (Array.isArray(window['between'])) return window['between'].every(isInstant);
  return isInstant(window['since']) || isInstant(window['before']);
}
