// In charge of the demo's tables: names, places, products, seasons, kinds of buyers. Data only; who does what when is demo-shop.ts.

/** A share of customers, with the names they bear and where they live. All made up of common names; nobody in particular. */
export const COUNTRIES = [
  {
    code: 'DE',
    weight: 26,
    language: 'de',
    cities: ['Berlin', 'Hamburg', 'Köln', 'Leipzig', 'München'],
    female: ['Anna', 'Clara', 'Greta', 'Johanna', 'Lena', 'Sabine'],
    male: ['Felix', 'Jonas', 'Karl', 'Lukas', 'Moritz', 'Stefan'],
    last: ['Becker', 'Fischer', 'Hoffmann', 'Krüger', 'Schulz', 'Wagner', 'Weber', 'Zimmermann'],
  },
  {
    code: 'GB',
    weight: 22,
    language: 'en',
    cities: ['Bristol', 'Edinburgh', 'Leeds', 'London', 'Manchester'],
    female: ['Alice', 'Emily', 'Grace', 'Isla', 'Nora', 'Sophie'],
    male: ['Arthur', 'George', 'Harry', 'Jack', 'Oliver', 'Thomas'],
    last: ['Baker', 'Clarke', 'Evans', 'Harris', 'Hughes', 'Taylor', 'Walker', 'Wright'],
  },
  {
    code: 'FR',
    weight: 16,
    language: 'fr',
    cities: ['Lille', 'Lyon', 'Nantes', 'Paris', 'Toulouse'],
    female: ['Camille', 'Chloé', 'Élise', 'Jeanne', 'Manon', 'Sarah'],
    male: ['Antoine', 'Hugo', 'Jules', 'Louis', 'Noé', 'Paul'],
    last: ['Bernard', 'Dubois', 'Fournier', 'Girard', 'Lambert', 'Moreau', 'Petit', 'Roux'],
  },
  {
    code: 'CN',
    weight: 20,
    language: 'zh',
    cities: ['北京', '上海', '广州', '成都', '杭州'],
    female: ['芳', '静', '丽', '娜', '秀英', '雪'],
    male: ['伟', '强', '磊', '军', '洋', '勇'],
    last: ['王', '李', '张', '刘', '陈', '杨', '赵', '黄'],
  },
  {
    code: 'US',
    weight: 16,
    language: 'en',
    cities: ['Austin', 'Boston', 'Chicago', 'Portland', 'Seattle'],
    female: ['Ava', 'Ella', 'Harper', 'Maya', 'Ruth', 'Zoe'],
    male: ['Caleb', 'Ethan', 'Henry', 'Liam', 'Mason', 'Owen'],
    last: ['Adams', 'Brooks', 'Carter', 'Diaz', 'Foster', 'Nguyen', 'Rivera', 'Sullivan'],
  },
] as const;

export type Category = 'Shoes' | 'Coats' | 'Shirts' | 'Bags' | 'Home' | 'Garden' | 'Toys';

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly category: Category;
  readonly brand: string;
  readonly cents: number;
}

const RANGE: readonly (readonly [Category, string, string, number])[] = [
  ['Shoes', 'Fjordlund', 'Trail shoe', 11_990],
  ['Shoes', 'Fjordlund', 'Winter boot', 16_950],
  ['Shoes', 'Kestrel', 'Running shoe', 9_990],
  ['Shoes', 'Maren', 'Canvas sneaker', 5_990],
  ['Shoes', 'Maren', 'Sandal', 4_490],
  ['Coats', 'Fjordlund', 'Down jacket', 24_900],
  ['Coats', 'Fjordlund', 'Rain jacket', 13_900],
  ['Coats', 'Kestrel', 'Softshell', 9_900],
  ['Coats', 'Pilo', 'Wool coat', 21_900],
  ['Shirts', 'Maren', 'Linen shirt', 5_490],
  ['Shirts', 'Maren', 'Striped tee', 2_490],
  ['Shirts', 'Pilo', 'Merino jumper', 8_990],
  ['Shirts', 'Kestrel', 'Sports top', 3_490],
  ['Bags', 'Oak & Tin', 'Day pack', 7_990],
  ['Bags', 'Oak & Tin', 'Weekender', 12_900],
  ['Bags', 'Pilo', 'Shopper', 3_990],
  ['Home', 'Oak & Tin', 'Enamel mug', 1_290],
  ['Home', 'Oak & Tin', 'Cast iron pan', 6_490],
  ['Home', 'Pilo', 'Wool blanket', 7_990],
  ['Home', 'Pilo', 'Candle', 1_890],
  ['Garden', 'Oak & Tin', 'Watering can', 2_990],
  ['Garden', 'Oak & Tin', 'Pruning shears', 3_490],
  ['Garden', 'Kestrel', 'Hammock', 8_900],
  ['Toys', 'Pilo', 'Wooden train', 4_990],
  ['Toys', 'Pilo', 'Building blocks', 3_290],
  ['Toys', 'Maren', 'Soft bear', 2_790],
];

export const PRODUCTS: readonly Product[] = RANGE.map(([category, brand, name, cents], index) => ({
  sku: `${category.slice(0, 2).toUpperCase()}-${101 + index}`,
  name,
  category,
  brand,
  cents,
}));

/** How much is bought in each month, January first: gifts before Christmas, a dip after it, a smaller peak in early summer. */
export const MONTH_DEMAND = [0.65, 0.7, 0.85, 0.95, 1.05, 1.3, 1.2, 0.8, 0.9, 0.95, 1.4, 2.2] as const;

/** How much of a category is sold in each month compared with the others, January first; 1 if it is left out. */
export const CATEGORY_DEMAND: Readonly<Partial<Record<Category, readonly number[]>>> = {
  Coats: [2, 1.5, 1, 0.6, 0.3, 0.2, 0.2, 0.4, 1.2, 2, 2.2, 1.8],
  Garden: [0.1, 0.3, 1.5, 2.5, 2.5, 2, 1.5, 0.8, 0.5, 0.3, 0.2, 0.3],
  Toys: [0.4, 0.4, 0.6, 0.7, 0.7, 0.8, 0.7, 0.6, 0.7, 1, 2.5, 4],
};

export interface Persona {
  readonly name: 'steady' | 'regular' | 'christmas' | 'once' | 'bulk' | 'bargain' | 'store' | 'returner' | 'browser';
  /** how many of a thousand customers */
  readonly weight: number;
  /** days between orders on average; null: never comes back */
  readonly gapDays: number | null;
  /** chance after each order that it was the last */
  readonly lapse: number;
  /** chance that an order uses a discount if there is one */
  readonly discount: number;
  readonly returns: number;
  readonly channels: readonly (readonly ['web' | 'app' | 'pos', number])[];
  /** how often mails are opened and pages looked at, compared with the average */
  readonly attention: number;
}

const ONLINE = [
  ['web', 6],
  ['app', 3],
  ['pos', 1],
] as const;

export const PERSONAS: readonly Persona[] = [
  { name: 'steady', weight: 130, gapDays: 34, lapse: 0.015, discount: 0.2, returns: 0.05, channels: ONLINE, attention: 1.8 },
  { name: 'regular', weight: 230, gapDays: 80, lapse: 0.12, discount: 0.25, returns: 0.06, channels: ONLINE, attention: 1 },
  { name: 'christmas', weight: 90, gapDays: 365, lapse: 0.2, discount: 0.3, returns: 0.08, channels: ONLINE, attention: 0.4 },
  { name: 'once', weight: 220, gapDays: null, lapse: 1, discount: 0.4, returns: 0.1, channels: ONLINE, attention: 0.4 },
  { name: 'bulk', weight: 25, gapDays: null, lapse: 1, discount: 0.1, returns: 0.02, channels: [['web', 1]], attention: 0.2 },
  { name: 'bargain', weight: 90, gapDays: 60, lapse: 0.08, discount: 0.9, returns: 0.08, channels: ONLINE, attention: 1.6 },
  { name: 'store', weight: 85, gapDays: 55, lapse: 0.08, discount: 0.1, returns: 0.03, channels: [['pos', 1]], attention: 0 },
  { name: 'returner', weight: 40, gapDays: 45, lapse: 0.06, discount: 0.3, returns: 0.45, channels: ONLINE, attention: 1.1 },
  { name: 'browser', weight: 90, gapDays: null, lapse: 1, discount: 0, returns: 0, channels: ONLINE, attention: 1.4 },
];
