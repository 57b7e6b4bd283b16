// In charge of numbers, shares, money and instants in the form of a language. Money comes as a decimal string and never becomes a float before
// it is shown.
import { nowMs } from '../clock.ts';

export interface Formats {
  count(value: number): string;
  /** 0.123 → 12.3 % */
  share(value: number): string;
  /** `1234.5600` → 1,234.56, in the service's currency */
  money(value: string | number, currency?: string): string;
  instant(value: string): string;
  day(value: string): string;
  /** “3 minutes ago”, “in 2 days” */
  distance(value: string): string;
  decimal(value: number, digits?: number): string;
  /** a difference: +1.5, −0.3, 0 */
  signed(value: number, digits?: number): string;
  signedMoney(value: number, currency: string): string;
  /** 1200000 → €1.2M: for an axis */
  shortMoney(value: number, currency: string): string;
  /** a period by its beginning, in the zone to which these days, weeks and months belong */
  period(value: string, timeZone: string, resolution: 'hour' | 'day' | 'week' | 'month'): string;
  /** the same, short: for under an axis */
  tick(value: string, timeZone: string, resolution: 'hour' | 'day' | 'week' | 'month'): string;
  /** 90 → “2 minutes” */
  duration(seconds: number): string;
}

const LOCALES = { en: 'en-GB', zh: 'zh-CN' } as const;
const STEPS = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

const PERIODS = {
  hour: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  day: { day: 'numeric', month: 'short', year: 'numeric' },
  week: { day: 'numeric', month: 'short', year: 'numeric' },
  month: { month: 'long', year: 'numeric' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;
const TICKS = {
  hour: { day: 'numeric', month: 'short', hour: '2-digit' },
  day: { day: 'numeric', month: 'short' },
  week: { day: 'numeric', month: 'short' },
  month: { month: 'short', year: '2-digit' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

export function formatsFor(language: 'en' | 'zh'): Formats {
  const locale = LOCALES[language];
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  const instant = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const amount = { minimumFractionDigits: 2, maximumFractionDigits: 2 } as const;
  return {
    count: (value) => whole.format(value),
    share: (value) => percent.format(value),
    decimal: (value, digits = 2) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value),
    signed: (value, digits = 2) =>
      new Intl.NumberFormat(locale, { maximumFractionDigits: digits, signDisplay: 'exceptZero' }).format(value),
    signedMoney: (value, currency) =>
      // the sign is tied to its amount, which could otherwise go to the next line
      new Intl.NumberFormat(locale, { style: 'currency', currency, signDisplay: 'exceptZero' }).format(value).replace(/^[+-]/, '$&\u2060'),
    shortMoney: (value, currency) =>
      new Intl.NumberFormat(locale, { style: 'currency', currency, notation: 'compact', maximumFractionDigits: 1 }).format(value),
    money: (value, currency) => {
      const format = new Intl.NumberFormat(locale, currency === undefined ? amount : { style: 'currency', currency });
      return format.format(value as number); // a string is formatted exactly: Intl takes decimal strings
    },
    instant: (value) => instant.format(new Date(value)),
    day: (value) => day.format(new Date(value)),
    period: (value, timeZone, resolution) => new Intl.DateTimeFormat(locale, { ...PERIODS[resolution], timeZone }).format(new Date(value)),
    tick: (value, timeZone, resolution) => new Intl.DateTimeFormat(locale, { ...TICKS[resolution], timeZone }).format(new Date(value)),
    duration: (seconds) => {
      const [unit, size] = STEPS.find(([, each]) => seconds >= each) ?? ['second', 1];
      return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 }).format(
        Math.ceil(seconds / size),
      );
    },
    distance: (value) => {
      const seconds = (new Date(value).getTime() - nowMs()) / 1000;
      const [unit, size] = STEPS.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1];
      return relative.format(Math.round(seconds / size), unit);
    },
  };
}
