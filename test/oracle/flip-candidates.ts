// Instants at which an answer may change by the clock alone, found without any cleverness: every time that a rule could depend on, moved by
// every length in use, and every beginning of a day. Far too many, so that none is forgotten.
import type { Rule } from '../../src/rules/ast.ts';
import { addDays, dayStartMs, localDate } from './local-days.ts';
import type { Shop, ShopCustomer } from './shop.ts';
import { DURATIONS, lengthMs, type Moment } from './world.ts';

const HORIZON_DAYS = 400;
const MS_PER_DAY = 86_400_000;

/** Ascending, after the moment and before `untilMs`. */
export function flipCandidates(rules: readonly Rule[], customer: ShopCustomer, shop: Shop, moment: Moment, untilMs: number): number[] {
  const endMs = Math.min(untilMs, moment.asOfMs + HORIZON_DAYS * MS_PER_DAY);
  const found = new Set<number>();
  const add = (instantMs: number) => {
    if (instantMs > moment.asOfMs && instantMs < endMs) found.add(instantMs);
  };
  const lengths = [0, ...DURATIONS.map(lengthMs)];
  for (const anchorMs of anchors(rules, customer, shop, moment.timeZone)) {
    for (const length of lengths) {
      for (const instantMs of [anchorMs + length, anchorMs - length]) {
        add(instantMs);
        add(instantMs + 1);
      }
    }
  }
  for (const length of lengths) {
    for (const sign of [1, -1]) {
      const day = localDate(moment.asOfMs - sign * length, moment.timeZone);
      for (const ahead of [1, 2, 31]) add(dayStartMs(addDays(day, ahead), moment.timeZone) + sign * length);
    }
  }
  const today = localDate(moment.asOfMs, moment.timeZone);
  for (let ahead = 1; ahead <= HORIZON_DAYS; ahead += 1) add(dayStartMs(addDays(today, ahead), moment.timeZone));
  if (endMs - 1 > moment.asOfMs) found.add(endMs - 1);
  return [...found].sort((left, right) => left - right);
}

/** Every time that the customer's facts or the rules' literals name; a date by its beginning and its end. */
function anchors(rules: readonly Rule[], customer: ShopCustomer, shop: Shop, timeZone: string): ReadonlySet<number> {
  const found = new Set<number>();
  const collect = (value: unknown): void => {
    if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) found.add(Date.parse(value));
    else if (typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value)) {
      found.add(dayStartMs(value, timeZone));
      found.add(dayStartMs(addDays(value, 1), timeZone));
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
  };
  const timestamps = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('kind' in value && value.kind === 'timestamp' && 'value' in value) found.add(value.value as number);
    Object.values(value).forEach(timestamps);
  };
  collect(customer);
  found.add(customer.createdAtMs);
  for (const order of shop.orders) if (order.customerKey === customer.key) found.add(order.placedAtMs);
  for (const event of shop.events) {
    if (event.customerKey !== customer.key) continue;
    found.add(event.occurredAtMs);
    collect(event.properties);
  }
  collect(rules);
  timestamps(rules);
  return found;
}
