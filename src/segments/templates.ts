// In charge of the ready-made segments: the kinds that shops ask for, as rules with parameters, some of them groups. Data only; filling one in
// is fill-template.ts. test/keeping/templates.test.ts holds each against the compiler and the naive evaluator.

export interface TemplateParameter {
  readonly name: string;
  /** integer and number are written as they are, text as a quoted string */
  readonly type: 'integer' | 'number' | 'text';
  readonly default: number | string;
  /** days, orders, money, share …; null: it has its own */
  readonly unit: string | null;
  readonly meaning: string;
  /** for numbers, both bounds are allowed */
  readonly least?: number;
  readonly most?: number;
}

export interface TemplateSegment {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly icon: string;
  readonly color: string;
  /** with `{parameter}` for each parameter */
  readonly rule: string;
}

export interface Template {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly TemplateParameter[];
  /** what the shop has to send besides customers and orders for anybody to be in it */
  readonly needs: readonly string[];
  /** a segment comes after those it names */
  readonly segments: readonly TemplateSegment[];
  /** they exclude each other, in this order; null: they are independent */
  readonly group: {
    readonly key: string;
    readonly name: string;
    readonly order: readonly string[];
    readonly otherwise: string | null;
  } | null;
}

// ---------------------------------------------------------------- parameters

const MOST_DAYS = 3650;

function days(name: string, value: number, meaning: string): TemplateParameter {
  return { name, type: 'integer', default: value, unit: 'days', meaning, least: 1, most: MOST_DAYS };
}

function orders(name: string, value: number, meaning: string): TemplateParameter {
  return { name, type: 'integer', default: value, unit: 'orders', meaning, least: 1, most: 100_000 };
}

function count(name: string, value: number, unit: string, meaning: string): TemplateParameter {
  return { name, type: 'integer', default: value, unit, meaning, least: 1, most: 1_000_000 };
}

function money(name: string, value: number, meaning: string): TemplateParameter {
  return { name, type: 'number', default: value, unit: 'money', meaning, least: 0, most: 1_000_000_000 };
}

function share(name: string, value: number, meaning: string): TemplateParameter {
  return { name, type: 'number', default: value, unit: 'share', meaning, least: 0, most: 1 };
}

function text(name: string, value: string, meaning: string): TemplateParameter {
  return { name, type: 'text', default: value, unit: null, meaning };
}

const event = (name: string, value: string, meaning: string) => text(name, value, `${meaning}, by its event’s name`);

/** A template of one segment, which has its key and name. */
function single(
  template: Pick<Template, 'key' | 'name' | 'description'> & Pick<TemplateSegment, 'icon' | 'color' | 'rule'>,
  parameters: readonly TemplateParameter[],
  needs: readonly string[] = [],
): Template {
  const { key, name, description, icon, color, rule } = template;
  return { key, name, description, parameters, needs, segments: [{ key, name, description, icon, color, rule }], group: null };
}

// ---------------------------------------------------------------- groups of segments

const LIFECYCLE: Template = {
  key: 'lifecycle',
  name: 'Lifecycle',
  description: 'Where each customer stands, from prospect to lost; everybody is in exactly one.',
  parameters: [
    days('newDays', 30, 'so long after the first order somebody is new'),
    orders('loyalOrders', 4, 'orders that make a loyal customer'),
    days('loyalDays', 365, 'the time in which a loyal customer has placed them'),
    days('quietDays', 90, 'without an order for so long somebody is at risk'),
    days('lostDays', 365, 'without an order for so long somebody is lost'),
  ],
  needs: [],
  segments: [
    {
      key: 'lifecycle-lost',
      name: 'Lost',
      description: 'Bought once, and not for a long time.',
      icon: '🌑',
      color: '#64748b',
      rule: 'count(orders) >= 1 and count(orders in the last {lostDays} days) = 0',
    },
    {
      key: 'lifecycle-at-risk',
      name: 'At risk',
      description: 'Has been quiet for longer than usual.',
      icon: '🌘',
      color: '#dc2626',
      rule: 'count(orders) >= 1 and count(orders in the last {quietDays} days) = 0',
    },
    {
      key: 'lifecycle-loyal',
      name: 'Loyal',
      description: 'Buys often, and lately.',
      icon: '🌕',
      color: '#16a34a',
      rule: 'count(orders in the last {loyalDays} days) >= {loyalOrders}',
    },
    {
      key: 'lifecycle-new',
      name: 'New',
      description: 'The first order was a short while ago.',
      icon: '🌱',
      color: '#0ea5e9',
      rule: 'first(orders.placed_at) in the last {newDays} days',
    },
    {
      key: 'lifecycle-active',
      name: 'Active',
      description: 'Has bought lately.',
      icon: '🌔',
      color: '#65a30d',
      rule: 'count(orders in the last {quietDays} days) >= 1',
    },
    {
      key: 'lifecycle-prospect',
      name: 'Prospect',
      description: 'Has not bought yet.',
      icon: '🌒',
      color: '#a855f7',
      rule: 'count(orders) = 0',
    },
  ],
  group: {
    key: 'lifecycle',
    name: 'Lifecycle',
    order: ['lifecycle-lost', 'lifecycle-at-risk', 'lifecycle-loyal', 'lifecycle-new', 'lifecycle-active'],
    otherwise: 'lifecycle-prospect',
  },
};

const VALUE_TIERS: Template = {
  key: 'value-tiers',
  name: 'Value tiers',
  description: 'Gold, silver and bronze by what was spent in a span of time; whoever bought nothing in it is in none.',
  parameters: [
    days('windowDays', 365, 'the time in which spending counts'),
    money('gold', 1000, 'spent from here on is gold'),
    money('silver', 300, 'spent from here on is silver'),
  ],
  needs: [],
  segments: [
    {
      key: 'tier-gold',
      name: 'Gold',
      description: 'Spends most.',
      icon: '🥇',
      color: '#eab308',
      rule: 'sum(orders.total in the last {windowDays} days) >= {gold}',
    },
    {
      key: 'tier-silver',
      name: 'Silver',
      description: 'Spends well.',
      icon: '🥈',
      color: '#94a3b8',
      rule: 'sum(orders.total in the last {windowDays} days) >= {silver}',
    },
    {
      key: 'tier-bronze',
      name: 'Bronze',
      description: 'Spends something.',
      icon: '🥉',
      color: '#b45309',
      rule: 'sum(orders.total in the last {windowDays} days) > 0',
    },
  ],
  group: { key: 'value-tiers', name: 'Value tiers', order: ['tier-gold', 'tier-silver', 'tier-bronze'], otherwise: null },
};

const FREQUENCY: Template = {
  key: 'frequency',
  name: 'How often they buy',
  description: 'Once, a few times, often: by the number of orders in a span of time.',
  parameters: [
    days('windowDays', 365, 'the time in which orders count'),
    orders('often', 6, 'from here on is often'),
    orders('several', 2, 'from here on is a few times'),
  ],
  needs: [],
  segments: [
    {
      key: 'buys-often',
      name: 'Buys often',
      description: 'Comes back again and again.',
      icon: '🔁',
      color: '#16a34a',
      rule: 'count(orders in the last {windowDays} days) >= {often}',
    },
    {
      key: 'buys-some',
      name: 'Buys now and then',
      description: 'Has come back.',
      icon: '🛍️',
      color: '#65a30d',
      rule: 'count(orders in the last {windowDays} days) >= {several}',
    },
    {
      key: 'buys-once',
      name: 'Bought once',
      description: 'Has not come back yet.',
      icon: '1️⃣',
      color: '#f59e0b',
      rule: 'count(orders in the last {windowDays} days) >= 1',
    },
  ],
  group: { key: 'frequency', name: 'How often they buy', order: ['buys-often', 'buys-some', 'buys-once'], otherwise: null },
};

const TEST_GROUPS: Template = {
  key: 'test-groups',
  name: 'Test and control',
  description: 'Two halves of everybody by chance, the same for ever: one is written to, the other shows what would have happened.',
  parameters: [
    text('salt', 'spring', 'another word makes another draw'),
    { ...share('percent', 50, 'so many of a hundred are in the test'), unit: 'percent', most: 100 },
  ],
  needs: [],
  segments: [
    {
      key: 'test-group',
      name: 'Test',
      description: 'Gets the campaign.',
      icon: '🧪',
      color: '#0ea5e9',
      rule: 'bucket({salt}) < {percent}',
    },
    { key: 'control-group', name: 'Control', description: 'Does not.', icon: '⚖️', color: '#64748b', rule: 'not in segment "test-group"' },
  ],
  group: null,
};

// ---------------------------------------------------------------- single segments

export const TEMPLATES: readonly Template[] = [
  LIFECYCLE,
  VALUE_TIERS,
  FREQUENCY,
  TEST_GROUPS,

  // where they stand
  single(
    {
      key: 'prospects',
      name: 'Prospects',
      description: 'Known, and without an order so far.',
      icon: '🌒',
      color: '#a855f7',
      rule: 'count(orders) = 0 and created_at in the last {days} days',
    },
    [days('days', 90, 'known for no longer than this')],
  ),
  single(
    {
      key: 'first-timers',
      name: 'First-time buyers',
      description: 'One order, placed lately: the time to win the second.',
      icon: '🌱',
      color: '#0ea5e9',
      rule: 'count(orders) = 1 and last(orders.placed_at) in the last {days} days',
    },
    [days('days', 30, 'the order was placed no longer ago than this')],
  ),
  single(
    {
      key: 'one-timers',
      name: 'One-timers',
      description: 'Bought once and did not come back.',
      icon: '1️⃣',
      color: '#f59e0b',
      rule: 'count(orders) = 1 and last(orders.placed_at) < {days} days ago',
    },
    [days('days', 90, 'the order was placed longer ago than this')],
  ),
  single(
    {
      key: 'loyal',
      name: 'Loyal',
      description: 'Many orders, the last of them lately.',
      icon: '🌕',
      color: '#16a34a',
      rule: 'count(orders in the last {windowDays} days) >= {orders} and last(orders.placed_at) in the last {recentDays} days',
    },
    [
      orders('orders', 4, 'at least so many'),
      days('windowDays', 365, 'in this time'),
      days('recentDays', 90, 'the last of them no longer ago than this'),
    ],
  ),
  single(
    {
      key: 'at-risk',
      name: 'At risk',
      description: 'Came back before, and has been quiet since.',
      icon: '🌘',
      color: '#dc2626',
      rule: 'count(orders) >= {orders} and last(orders.placed_at) < {quietDays} days ago and last(orders.placed_at) >= {lostDays} days ago',
    },
    [
      orders('orders', 2, 'at least so many in all'),
      days('quietDays', 90, 'no order for so long'),
      days('lostDays', 365, 'longer than this is lost'),
    ],
  ),
  single(
    {
      key: 'win-back',
      name: 'Win back',
      description: 'Was worth something, is gone, and may be written to.',
      icon: '🪃',
      color: '#db2777',
      rule: 'sum(orders.total) >= {spent} and last(orders.placed_at) < {days} days ago and consent.email = true',
    },
    [money('spent', 200, 'at least so much in all'), days('days', 180, 'no order for so long')],
    ['the consent `email`'],
  ),
  single(
    {
      key: 'lost',
      name: 'Lost',
      description: 'No order for a long time.',
      icon: '🌑',
      color: '#64748b',
      rule: 'last(orders.placed_at) < {days} days ago',
    },
    [days('days', 365, 'no order for so long')],
  ),
  single(
    {
      key: 'returned',
      name: 'Back again',
      description: 'Bought lately after a long pause.',
      icon: '🎉',
      color: '#22c55e',
      rule: 'count(orders in the last {recentDays} days) >= 1 and count(orders) > count(orders in the last {pauseDays} days) and count(orders in the last {recentDays} days) = count(orders in the last {pauseDays} days)',
    },
    [
      days('recentDays', 30, 'the order that brought them back is no older than this'),
      days('pauseDays', 210, 'between it and this long ago there was none'),
    ],
  ),

  // what they are worth
  single(
    {
      key: 'big-spenders',
      name: 'Big spenders',
      description: 'Spent a lot in a span of time.',
      icon: '💎',
      color: '#7c3aed',
      rule: 'sum(orders.total in the last {days} days) >= {spent}',
    },
    [money('spent', 500, 'at least so much'), days('days', 365, 'in this time')],
  ),
  single(
    {
      key: 'large-baskets',
      name: 'Large baskets',
      description: 'The average order is large.',
      icon: '🧺',
      color: '#9333ea',
      rule: 'count(orders) >= {orders} and avg(orders.total) >= {average}',
    },
    [money('average', 100, 'at least so much an order'), orders('orders', 2, 'over at least so many')],
  ),
  single(
    {
      key: 'loyal-small-baskets',
      name: 'Loyal, small baskets',
      description: 'Comes often and spends little each time: the case for larger packs.',
      icon: '🐿️',
      color: '#84cc16',
      rule: 'count(orders in the last {days} days) >= {orders} and avg(orders.total in the last {days} days) < {average}',
    },
    [orders('orders', 4, 'at least so many'), days('days', 365, 'in this time'), money('average', 40, 'less than so much an order')],
  ),
  single(
    {
      key: 'bulk-once',
      name: 'One-time bulk buyers',
      description: 'A single order of many pieces: a business, or an event.',
      icon: '📦',
      color: '#a16207',
      rule: 'count(orders) = 1 and max(orders.item_count) >= {pieces}',
    },
    [count('pieces', 20, 'pieces', 'at least so many')],
  ),

  // what they buy, and how
  single(
    {
      key: 'category-lovers',
      name: 'Category lovers',
      description: 'Most of what they buy is of one category.',
      icon: '❤️',
      color: '#e11d48',
      rule: 'count(items) >= {items} and count(items where category = {category}) / count(items) >= {share}',
    },
    [
      text('category', 'Shoes', 'which category'),
      share('share', 0.5, 'at least this part of the lines of their orders'),
      count('items', 3, 'lines', 'of at least so many'),
    ],
    ['`items` of orders with `category`'],
  ),
  single(
    {
      key: 'brand-buyers',
      name: 'Brand buyers',
      description: 'Bought a brand lately.',
      icon: '🏷️',
      color: '#be123c',
      rule: 'count(items where brand = {brand} in the last {days} days) >= {items}',
    },
    [
      text('brand', 'Acme', 'which brand'),
      days('days', 365, 'in this time'),
      count('items', 1, 'lines', 'at least so many lines of orders'),
    ],
    ['`items` of orders with `brand`'],
  ),
  single(
    {
      key: 'never-category',
      name: 'Has never bought a category',
      description: 'Buys, but not this: the case for a first try.',
      icon: '🧭',
      color: '#0891b2',
      rule: 'count(orders) >= {orders} and count(items where category = {category}) = 0',
    },
    [text('category', 'Shoes', 'which category'), orders('orders', 1, 'at least so many')],
    ['`items` of orders with `category`'],
  ),
  single(
    {
      key: 'promotion-lovers',
      name: 'Promotion lovers',
      description: 'Buys mostly what is reduced.',
      icon: '🔖',
      color: '#f97316',
      rule: 'count(orders) >= {orders} and count(orders where discount > 0) / count(orders) >= {share}',
    },
    [share('share', 0.5, 'at least this part of the orders'), orders('orders', 2, 'of at least so many')],
    ['`discount` of orders'],
  ),
  single(
    {
      key: 'full-price',
      name: 'Full price',
      description: 'Buys without a reduction: no coupon is needed.',
      icon: '🎩',
      color: '#0f766e',
      rule: 'count(orders) >= {orders} and count(orders where discount > 0) = 0',
    },
    [orders('orders', 3, 'at least so many')],
    ['`discount` of orders'],
  ),
  single(
    {
      key: 'coupon-users',
      name: 'Used a coupon',
      description: 'Redeemed a certain coupon.',
      icon: '🎟️',
      color: '#ea580c',
      rule: 'count(orders where coupons has any ({coupon}) in the last {days} days) >= 1',
    },
    [text('coupon', 'SUMMER', 'which coupon'), days('days', 365, 'in this time')],
    ['`coupons` of orders'],
  ),
  single(
    {
      key: 'often-returns',
      name: 'Often returns',
      description: 'Sends much of it back.',
      icon: '↩️',
      color: '#b91c1c',
      rule: 'count(orders) >= {orders} and count(orders where status = {status}) / count(orders) >= {share}',
    },
    [
      text('status', 'returned', 'the status of an order that came back'),
      share('share', 0.3, 'at least this part of the orders'),
      orders('orders', 3, 'of at least so many'),
    ],
    ['`status` of orders'],
  ),
  single(
    {
      key: 'one-channel',
      name: 'One channel only',
      description: 'Buys through one channel and no other.',
      icon: '🏬',
      color: '#475569',
      rule: 'count(orders where channel = {channel}) >= {orders} and count(orders where channel != {channel}) = 0',
    },
    [text('channel', 'pos', 'which channel'), orders('orders', 1, 'at least so many')],
    ['`channel` of orders'],
  ),

  // what they do
  single(
    {
      key: 'silent',
      name: 'Silent',
      description: 'Does nothing any more: no visit, no mail opened, no order.',
      icon: '🤫',
      color: '#6b7280',
      rule: 'count(events {visit} in the last {days} days) + count(events {open} in the last {days} days) + count(orders in the last {days} days) = 0 and created_at < {days} days ago',
    },
    [days('days', 90, 'for so long'), event('visit', 'page_view', 'a visit'), event('open', 'mail_open', 'a mail that was opened')],
    ['events of visits and opened mails'],
  ),
  single(
    {
      key: 'engaged-by-mail',
      name: 'Newsletter-engaged',
      description: 'Opens what is sent.',
      icon: '💌',
      color: '#ec4899',
      rule: 'count(events {open} in the last {days} days) >= {opens} and consent.email = true',
    },
    [
      count('opens', 2, 'mails', 'at least so many'),
      days('days', 60, 'in this time'),
      event('open', 'mail_open', 'a mail that was opened'),
    ],
    ['events of opened mails', 'the consent `email`'],
  ),
  single(
    {
      key: 'cart-abandoned',
      name: 'Left a cart behind',
      description: 'Left a cart and has not bought since.',
      icon: '🛒',
      color: '#d97706',
      rule: 'count(events {cart} in the last {days} days) >= 1 and not last(orders.placed_at) >= last(events {cart}.occurred_at)',
    },
    [days('days', 7, 'no longer ago than this'), event('cart', 'cart_abandoned', 'a cart that was left')],
    ['events of carts that were left'],
  ),
  single(
    {
      key: 'browsing',
      name: 'Browses and does not buy',
      description: 'Comes to look, often, without an order in that time.',
      icon: '👀',
      color: '#0284c7',
      rule: 'count(events {visit} in the last {days} days) >= {visits} and count(orders in the last {days} days) = 0',
    },
    [count('visits', 3, 'visits', 'at least so many'), days('days', 14, 'in this time'), event('visit', 'page_view', 'a visit')],
    ['events of visits'],
  ),
  single(
    {
      key: 'unhappy',
      name: 'Unhappy',
      description: 'Complained, or rated low: better no advertising now.',
      icon: '🌧️',
      color: '#991b1b',
      rule: 'count(events {complaint} in the last {days} days) >= 1 or last(events {survey}.properties.score in the last {days} days) <= {score}',
    },
    [
      days('days', 30, 'no longer ago than this'),
      { name: 'score', type: 'number', default: 4, unit: 'points', meaning: 'a rating up to this is low', least: 0, most: 100 },
      event('complaint', 'complaint', 'a complaint'),
      event('survey', 'survey', 'a rating'),
    ],
    ['events of complaints, or of ratings with the number `score`'],
  ),

  // when, and who may be written to
  single(
    {
      key: 'birthday-soon',
      name: 'Birthday soon',
      description: 'Has a birthday in the days to come and may be written to.',
      icon: '🎂',
      color: '#f472b6',
      rule: 'birthday anniversary in the next {days} days and consent.email = true',
    },
    [days('days', 7, 'so many days ahead')],
    ['`birthday`', 'the consent `email`'],
  ),
  single(
    {
      key: 'customer-anniversary',
      name: 'Anniversary',
      description: 'The first order was placed on a day like one of the next.',
      icon: '🗓️',
      color: '#c084fc',
      rule: 'first(orders.placed_at) anniversary in the next {days} days',
    },
    [days('days', 7, 'so many days ahead')],
  ),
  single(
    { key: 'country', name: 'Country', description: 'Lives in a country.', icon: '🌍', color: '#2563eb', rule: 'country = {country}' },
    [text('country', 'DE', 'as customers carry it')],
    ['`country`'],
  ),
  single(
    {
      key: 'age-band',
      name: 'Age band',
      description: 'Is of a certain age.',
      icon: '👤',
      color: '#4f46e5',
      rule: 'age between {from} and {to}',
    },
    [
      { name: 'from', type: 'integer', default: 25, unit: 'years', meaning: 'from this age on', least: 0, most: 150 },
      { name: 'to', type: 'integer', default: 40, unit: 'years', meaning: 'up to this age', least: 0, most: 150 },
    ],
    ['`birthday`'],
  ),
  single(
    {
      key: 'reachable',
      name: 'Reachable by mail',
      description: 'Has an address and has agreed.',
      icon: '✉️',
      color: '#059669',
      rule: 'email is not missing and consent.email = true',
    },
    [],
    ['`email`', 'the consent `email`'],
  ),
];
