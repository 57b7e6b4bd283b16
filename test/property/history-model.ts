// In charge of what is true in a history: the shop, the rules, what was decided by hand, and who belongs where according to the naive evaluator.
// Plain data and their meaning; nothing is asked of Strata.
import type { Facts } from '../../src/ingest/facts.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { evaluateRule } from '../oracle/evaluate.ts';
import { groupKeys, type Hand, isMember, NOTHING_SAID, pinnedElsewhere, withPin } from '../oracle/hand.ts';
import { apply, EMPTY_SHOP, type Shop, type ShopCustomer } from '../oracle/shop.ts';
import { CATALOG } from '../oracle/world.ts';
import { KEYS, MANUAL, RULES } from './history-steps.ts';

export type Standing = 'live' | 'paused' | 'archived';

export class HistoryModel {
  readonly timeZone: string;
  readonly rules: Map<string, Rule>;
  /** every version of each segment, in order of number */
  readonly versions: Map<string, Rule[]>;
  /** members of segments that stand still, by key */
  readonly still = new Map<string, ReadonlySet<string>>();
  readonly standing = new Map<string, Standing>();
  shop: Shop = { ...EMPTY_SHOP, catalog: CATALOG };
  hand: Hand = NOTHING_SAID;

  constructor(timeZone: string, rules: readonly Rule[]) {
    this.timeZone = timeZone;
    this.rules = new Map(RULES.map((segment, place) => [segment, rules[place] as Rule]));
    this.versions = new Map(RULES.map((segment, place) => [segment, [rules[place] as Rule]]));
  }

  standingOf(segment: string): Standing {
    return this.standing.get(segment) ?? 'live';
  }

  customerOf(id: string): ShopCustomer | undefined {
    return this.shop.customers.find((customer) => customer.id === id);
  }

  write(facts: Facts, nowMs: number): void {
    this.shop = apply(this.shop, facts, nowMs);
  }

  erase({ key }: ShopCustomer): void {
    const { customers, orders, events } = this.shop;
    this.shop = {
      ...this.shop,
      customers: customers.filter((customer) => customer.key !== key),
      orders: orders.filter((order) => order.customerKey !== key),
      events: events.filter((event) => event.customerKey !== key),
    };
    this.hand = { ...this.hand, pins: new Map([...this.hand.pins].filter(([place]) => !place.startsWith(`${key} `))) };
    for (const [segment, members] of this.still) this.still.set(segment, new Set([...members].filter((member) => member !== key)));
  }

  publish(segment: string, rule: Rule): void {
    this.rules.set(segment, rule);
    this.live(segment);
  }

  live(segment: string): void {
    this.standing.set(segment, 'live');
    this.still.delete(segment);
  }

  /** From now on nobody comes or goes. */
  stand(segment: string, standing: 'paused' | 'archived', members: ReadonlySet<string>): void {
    this.standing.set(segment, standing);
    this.still.set(segment, members);
  }

  move(customer: string, { from, to }: { readonly from: string; readonly to: string }, untilMs: number | null, nowMs: number): void {
    const keys = groupKeys(this.hand.group);
    for (const other of pinnedElsewhere(this.hand, customer, to, nowMs)) this.hand = withPin(this.hand, customer, other, null);
    const isWithin = keys.includes(from) && keys.includes(to);
    if (!isWithin) this.hand = withPin(this.hand, customer, from, from === MANUAL ? null : { include: false, untilMs });
    this.hand = withPin(this.hand, customer, to, { include: true, untilMs });
  }

  holds(customer: ShopCustomer, rule: Rule, members: ReadonlySet<string>, nowMs: number): boolean {
    return evaluateRule(rule, customer, this.shop, nowMs, this.timeZone, (segment) => members.has(segment));
  }

  /** Keys of the segments a customer is in, in order. */
  memberships(customerKey: string, nowMs: number): ReadonlySet<string> {
    const customer = this.shop.customers.find((each) => each.key === customerKey);
    const members = new Set<string>();
    const rule = (segment: string): boolean => {
      const stored = this.rules.get(segment);
      return customer !== undefined && stored !== undefined && this.holds(customer, stored, members, nowMs);
    };
    const stands = (segment: string) => this.still.get(segment)?.has(customerKey) ?? null;
    for (const segment of KEYS) if (isMember(this.hand, customerKey, segment, nowMs, rule, stands)) members.add(segment);
    return members;
  }
}
