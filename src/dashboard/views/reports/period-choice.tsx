// In charge of how many days a report looks back.
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';

const PERIODS = [30, 90, 365, 730];
const USUAL_DAYS = 90;

export function PeriodChoice({ asked }: { readonly asked: Asked }) {
  const { report: texts } = useTexts();
  const formats = useFormats();
  const days = Number(asked.text('days')) || USUAL_DAYS;
  const choices = PERIODS.includes(days) ? PERIODS : [...PERIODS, days].toSorted((a, b) => a - b);
  return (
    <label className="inline">
      {texts.period}
      <select value={days} onChange={({ target }) => asked.set({ days: Number(target.value) === USUAL_DAYS ? '' : target.value })}>
        {choices.map((each) => (
          <option key={each} value={each}>
            {texts.days(formats.count(each))}
          </option>
        ))}
      </select>
    </label>
  );
}
