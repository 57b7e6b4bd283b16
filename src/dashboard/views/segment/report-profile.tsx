// In charge of who the members are: values of the fields of profiles, against everybody.
import { Empty } from '../../parts/reading.tsx';
import { type Language, useSpoken, useTexts } from '../../texts/texts.tsx';
import { PairBars, PairLegend, type PairRow } from '../reports/pair-bars.tsx';
import type { Distribution, Part } from '../reports/report.ts';

const DISPLAYED = { country: 'region', language: 'language' } as const;

export function ProfilePart({ profile }: { readonly profile: readonly Distribution[] }) {
  const { report: texts } = useTexts();
  const known = profile.filter(({ values }) => values.length > 0);
  if (known.length === 0) return <Empty title={texts.noValues} />;
  return (
    <>
      <PairLegend />
      <div className="pair-columns">
        {known.map((distribution) => (
          <FieldBars key={distribution.field} distribution={distribution} />
        ))}
      </div>
    </>
  );
}

function FieldBars({ distribution: { field, values, missing, others } }: { readonly distribution: Distribution }) {
  const fieldName = useFieldName();
  const { texts, language } = useSpoken();
  const rest = (key: string, name: string, part: Part | null): readonly PairRow[] =>
    part === null || part.everybody === 0 ? [] : [{ key, name: <em>{name}</em>, part }];
  const rows = [
    ...values.map((each) => ({ key: `=${each.value}`, name: <bdi>{valueName(field, each.value, language)}</bdi>, part: each })),
    ...rest('others', texts.report.others, others),
    ...rest('missing', texts.report.missing, missing),
  ];
  return <PairBars title={fieldName(field)} rows={rows} />;
}

export function useFieldName(): (field: string) => string {
  const { report: texts } = useTexts();
  const names: Readonly<Record<string, string>> = texts.fields;
  return (field) => (Object.hasOwn(names, field) ? (names[field] ?? field) : field.replace(/^attributes\./, ''));
}

/** `DE` → Germany; what is no such code stays as it is. */
export function valueName(field: string, value: string, language: Language): string {
  if (field !== 'country' && field !== 'language') return value;
  try {
    return new Intl.DisplayNames([language === 'zh' ? 'zh-CN' : 'en-GB'], { type: DISPLAYED[field] }).of(value) ?? value;
  } catch {
    return value;
  }
}
