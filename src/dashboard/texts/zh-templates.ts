// The ready-made segments in Chinese, by their keys, which never change. Loaded only where templates are shown.
export interface TemplateWords {
  readonly name: string;
  readonly description: string;
  /** the parameter's meaning, by its name */
  readonly parameters?: Readonly<Record<string, string>>;
  /** in the order of the service's own */
  readonly needs?: readonly string[];
  /** by key, where a template has more than one; name and description */
  readonly segments?: Readonly<Record<string, readonly [string, string]>>;
}

export const unitsInChinese: Readonly<Record<string, string>> = {
  days: '天',
  orders: '个订单',
  money: '金额',
  share: '比例，0 至 1',
  percent: '%',
  pieces: '件',
  lines: '行',
  mails: '封邮件',
  visits: '次访问',
  points: '分',
  years: '岁',
};

const CONSENT = '邮件授权 email';
const byName = (what: string) => `${what}的事件名`;

export const templatesInChinese: Readonly<Record<string, TemplateWords>> = {
  lifecycle: {
    name: '生命周期',
    description: '每位客户所处的阶段，从潜在到流失；每人恰好属于其中一个。',
    parameters: {
      newDays: '首单后多少天内算新客',
      loyalOrders: '多少个订单算忠诚客户',
      loyalDays: '忠诚客户须在多少天内下满这些订单',
      quietDays: '多少天没有订单算有流失风险',
      lostDays: '多少天没有订单算已流失',
    },
    segments: {
      'lifecycle-lost': ['已流失', '买过，但很久没有再买。'],
      'lifecycle-at-risk': ['有流失风险', '沉寂的时间比平常长。'],
      'lifecycle-loyal': ['忠诚', '经常购买，近期也买过。'],
      'lifecycle-new': ['新客', '首单就在不久之前。'],
      'lifecycle-active': ['活跃', '近期买过。'],
      'lifecycle-prospect': ['潜在', '还没有订单。'],
    },
  },
  'value-tiers': {
    name: '价值分层',
    description: '按一段时间内的消费额分为金、银、铜三层。',
    parameters: { windowDays: '统计消费额的时间', gold: '消费达到此数为金', silver: '消费达到此数为银' },
    segments: {
      'tier-gold': ['金', '消费最多。'],
      'tier-silver': ['银', '消费较多。'],
      'tier-bronze': ['铜', '有消费。'],
    },
  },
  frequency: {
    name: '购买频次',
    description: '按一段时间内的订单数：一次、数次、经常。',
    parameters: { windowDays: '统计订单的时间', often: '达到此数算经常', several: '达到此数算数次' },
    segments: {
      'buys-often': ['经常购买', '一再回购。'],
      'buys-some': ['偶尔购买', '回购过。'],
      'buys-once': ['买过一次', '尚未回购。'],
    },
  },
  'test-groups': {
    name: '实验组与对照组',
    description: '把所有客户随机分成两部分且永不变动：一部分接受营销，另一部分显示不营销时会怎样。',
    parameters: { salt: '换一个词就是另一次抽签', percent: '每一百人中进入实验组的人数' },
    segments: { 'test-group': ['实验组', '接受营销活动。'], 'control-group': ['对照组', '不接受营销活动。'] },
  },
  prospects: { name: '潜在客户', description: '已知客户，尚无订单。', parameters: { days: '成为已知客户不超过多少天' } },
  'first-timers': { name: '首购客户', description: '近期下了第一单：正是促成第二单的时候。', parameters: { days: '订单距今不超过多少天' } },
  'one-timers': { name: '一次性客户', description: '买过一次，没有再来。', parameters: { days: '订单距今超过多少天' } },
  loyal: {
    name: '忠诚客户',
    description: '订单多，且近期有订单。',
    parameters: { orders: '至少多少个订单', windowDays: '在多少天内', recentDays: '最近一单距今不超过多少天' },
  },
  'at-risk': {
    name: '有流失风险',
    description: '曾经回购，此后沉寂。',
    parameters: { orders: '总共至少多少个订单', quietDays: '多少天没有订单', lostDays: '超过多少天算已流失' },
  },
  'win-back': {
    name: '召回',
    description: '曾有价值，已离开，且可以联系。',
    parameters: { spent: '总消费至少多少', days: '多少天没有订单' },
    needs: [CONSENT],
  },
  lost: { name: '已流失', description: '很久没有订单。', parameters: { days: '多少天没有订单' } },
  returned: {
    name: '回归客户',
    description: '长时间中断后近期又购买。',
    parameters: { recentDays: '使其回归的订单距今不超过多少天', pauseDays: '从那时往前到多少天之前没有订单' },
  },
  'big-spenders': { name: '高消费客户', description: '在一段时间内消费很多。', parameters: { spent: '至少多少', days: '在多少天内' } },
  'large-baskets': {
    name: '大额客单',
    description: '平均订单金额高。',
    parameters: { average: '每单平均至少多少', orders: '至少多少个订单' },
  },
  'loyal-small-baskets': {
    name: '忠诚的小额客户',
    description: '常来，但每次花费不多：适合推荐大包装。',
    parameters: { orders: '至少多少个订单', days: '在多少天内', average: '每单平均低于多少' },
  },
  'bulk-once': { name: '一次性大宗客户', description: '只有一单但件数很多：企业或活动采购。', parameters: { pieces: '至少多少件' } },
  'category-lovers': {
    name: '品类爱好者',
    description: '所购多属同一品类。',
    parameters: { category: '哪个品类', share: '至少占订单行的多少', items: '订单行至少多少' },
    needs: ['带 category 的订单 items'],
  },
  'brand-buyers': {
    name: '品牌客户',
    description: '近期购买过某个品牌。',
    parameters: { brand: '哪个品牌', days: '在多少天内', items: '至少多少订单行' },
    needs: ['带 brand 的订单 items'],
  },
  'never-category': {
    name: '从未购买某品类',
    description: '有购买，但没买过此品类：适合首次尝试。',
    parameters: { category: '哪个品类', orders: '至少多少个订单' },
    needs: ['带 category 的订单 items'],
  },
  'promotion-lovers': {
    name: '促销爱好者',
    description: '主要购买打折商品。',
    parameters: { share: '至少占订单的多少', orders: '至少多少个订单' },
    needs: ['订单的 discount'],
  },
  'full-price': {
    name: '原价客户',
    description: '不打折也会购买：无需优惠券。',
    parameters: { orders: '至少多少个订单' },
    needs: ['订单的 discount'],
  },
  'coupon-users': {
    name: '用过优惠券',
    description: '使用过某张优惠券。',
    parameters: { coupon: '哪张优惠券', days: '在多少天内' },
    needs: ['订单的 coupons'],
  },
  'often-returns': {
    name: '经常退货',
    description: '退回的订单很多。',
    parameters: { status: '退货订单的状态', share: '至少占订单的多少', orders: '至少多少个订单' },
    needs: ['订单的 status'],
  },
  'one-channel': {
    name: '单一渠道',
    description: '只通过一个渠道购买。',
    parameters: { channel: '哪个渠道', orders: '至少多少个订单' },
    needs: ['订单的 channel'],
  },
  silent: {
    name: '沉默客户',
    description: '不再有任何动作：不访问、不打开邮件、不下单。',
    parameters: { days: '已持续多少天', visit: byName('访问'), open: byName('打开邮件') },
    needs: ['访问和打开邮件的事件'],
  },
  'engaged-by-mail': {
    name: '常看邮件',
    description: '会打开收到的邮件。',
    parameters: { opens: '至少多少封', days: '在多少天内', open: byName('打开邮件') },
    needs: ['打开邮件的事件', CONSENT],
  },
  'cart-abandoned': {
    name: '放弃购物车',
    description: '留下购物车，此后没有购买。',
    parameters: { days: '距今不超过多少天', cart: byName('放弃购物车') },
    needs: ['放弃购物车的事件'],
  },
  browsing: {
    name: '只看不买',
    description: '经常来看，期间没有订单。',
    parameters: { visits: '至少多少次', days: '在多少天内', visit: byName('访问') },
    needs: ['访问的事件'],
  },
  unhappy: {
    name: '不满意',
    description: '投诉过或评分低：此时最好不要推广。',
    parameters: { days: '距今不超过多少天', score: '评分不高于此数算低', complaint: byName('投诉'), survey: byName('评分') },
    needs: ['投诉的事件，或带数字 score 的评分事件'],
  },
  'birthday-soon': {
    name: '即将生日',
    description: '几天内过生日，且可以联系。',
    parameters: { days: '提前多少天' },
    needs: ['birthday', CONSENT],
  },
  'customer-anniversary': { name: '周年纪念', description: '首单的日期与未来几天中的某天相同。', parameters: { days: '提前多少天' } },
  country: { name: '国家', description: '居住在某个国家。', parameters: { country: '与客户资料中的写法一致' }, needs: ['country'] },
  'age-band': {
    name: '年龄段',
    description: '处于某个年龄段。',
    parameters: { from: '从此年龄起', to: '到此年龄止' },
    needs: ['birthday'],
  },
  reachable: { name: '可邮件联系', description: '有邮箱地址并已同意。', needs: ['email', CONSENT] },
};
