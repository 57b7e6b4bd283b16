// In charge of the demo's segments: the questions that shops ask most often, each as a rule in words. Data only.

export interface DemoSegment {
  readonly key: string;
  readonly name: string;
  readonly rule: string;
}

/** A segment comes after those it names. */
export const DEMO_SEGMENTS: readonly DemoSegment[] = [
  { key: 'prospects', name: 'Prospects', rule: 'count(orders) = 0' },
  { key: 'first-timers', name: 'First-time buyers', rule: 'count(orders) = 1 and last(orders.placed_at) in the last 30 days' },
  {
    key: 'loyal',
    name: 'Loyal',
    rule: 'count(orders where status = "paid" in the last 365 days) >= 4 and last(orders.placed_at) in the last 90 days',
  },
  {
    key: 'at-risk',
    name: 'At risk',
    rule: 'count(orders) >= 2 and last(orders.placed_at) < 90 days ago and last(orders.placed_at) >= 365 days ago',
  },
  { key: 'lost', name: 'Lost', rule: 'last(orders.placed_at) < 365 days ago' },
  { key: 'high-value', name: 'High value', rule: 'sum(orders.total where status = "paid" in the last 365 days) >= 750' },
  { key: 'loyal-small', name: 'Loyal, small baskets', rule: 'in segment "loyal" and not in segment "high-value"' },
  { key: 'bulk-once', name: 'One-time bulk buyers', rule: 'count(orders) = 1 and max(orders.item_count) >= 40' },
  {
    key: 'bargain-hunters',
    name: 'Bargain hunters',
    rule: 'count(orders) >= 3 and count(orders where discount > 0) / count(orders) >= 0.5',
  },
  {
    key: 'often-returns',
    name: 'Often returns',
    rule: 'count(orders) >= 3 and count(orders where status = "returned") / count(orders) >= 0.3',
  },
  {
    key: 'store-only',
    name: 'Store only',
    rule: 'count(orders where channel = "pos") >= 2 and count(orders where channel != "pos") = 0',
  },
  {
    key: 'cart-abandoned',
    name: 'Left a cart behind',
    rule: 'count(events "cart_abandoned" in the last 7 days) >= 1 and count(orders in the last 7 days) = 0',
  },
  {
    key: 'unhappy',
    name: 'Unhappy',
    rule: 'count(events "complaint" in the last 30 days) >= 1 or last(events "survey".properties.score in the last 90 days) <= 4',
  },
  { key: 'birthday-soon', name: 'Birthday next week', rule: 'birthday anniversary in the next 7 days and consent.email = true' },
];
