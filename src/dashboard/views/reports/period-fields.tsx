// In charge of periods: their unit, which of them are shown, and what one is called.
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';
import { InstantField } from './option-fields.tsx';

export const UNITS = ['month', 'day', 'week', 'quarter', 'year'] as const;
export type Unit = (typeof UNITS)[number];

export function UnitChoice({ asked }: { readonly asked: Asked }) {
  const { cohorts: texts } = useTexts().reports;
  const unit = asked.oneOf('unit', UNITS);
  return (
    <label className="inline">
      {texts.unit}
      <select value={unit} onChange={(event) => asked.set({ unit: event.target.value === UNITS[0] ? '' : event.target.value })}>
        {(['day', 'week', 'month', 'quarter', 'year'] as const).map((name) => (
          <option key={name} value={name}>
            {texts.units[name]}
          </option>
        ))}
      </select>
    </label>
  );
}

export function BetweenFields({ asked }: { readonly asked: Asked }) {
  const { options: texts } = useTexts().reports;
  return (
    <>
      <InstantField label={texts.from} hint={texts.fromHint} value={asked.text('from')} onValue={(from) => asked.set({ from })} />
      <InstantField label={texts.to} hint={texts.toHint} value={asked.text('to')} onValue={(to) => asked.set({ to })} />
    </>
  );
}

/** What the period that begins at this instant is called. */
export function usePeriodName(unit: Unit, timeZone: string): (start: string) => string {
  const { cohorts: texts } = useTexts().reports;
  const formats = useFormats();
  if (unit !== 'quarter' && unit !== 'year') return (start) => formats.period(start, timeZone, unit);
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone, year: 'numeric', month: 'numeric' });
  return (start) => {
    const of = (type: string) => parts.formatToParts(new Date(start)).find((part) => part.type === type)?.value ?? '';
    return unit === 'year' ? texts.year(of('year')) : texts.quarter(String(Math.ceil(Number(of('month')) / 3)), of('year'));
  };
}
