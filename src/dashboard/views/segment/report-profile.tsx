// In charge of who the members are: values of the fields of profiles, compared with everybody.
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

function FieldBars({ distribution }: { readonly distribution: Distribution }) {
  const { field, missing, others } = distribution;
  const fieldName = useFieldName();
  const valueName = useValueName();
  const { report: texts } = useTexts();
  const rest = (key: string, name: string, part: Part | null): readonly PairRow[] =>
    part === null || part.everybody === 0 ? [] : [{ key, name: <em>{name}</em>, part }];
  const rows = [
    ...inOrder(distribution).map((each) => ({ key: `=${each.value}`, name: <bdi>{valueName(field, each.value)}</bdi>, part: each })),
    ...rest('others', texts.others, others),
    ...rest('missing', texts.missing, missing),
  ];
  return <PairBars title={fieldName(field)} rows={rows} />;
}

export function useFieldName(): (field: string) => string {
  const { report: texts } = useTexts();
  const names: Readonly<Record<string, string>> = texts.fields;
  return (field) => (Object.hasOwn(names, field) ? (names[field] ?? field) : field.replace(/^attributes\./, ''));
}

/** `DE` → Germany; what is not such a code, or has no word here, stays as it is. */
export function useValueName(): (field: string, value: string) => string {
  const { texts, language } = useSpoken();
  const words: Readonly<Record<string, string>> = texts.report.values;
  return (field, value) => {
    if (field === 'gender' || field === 'age') return Object.hasOwn(words, value) ? (words[value] ?? value) : value;
    return field === 'country' || field === 'language' ? displayed(DISPLAYED[field], value, language) : value;
  };
}

function displayed(type: 'region' | 'language', code: string, language: Language): string {
  try {
    return new Intl.DisplayNames([language === 'zh' ? 'zh-CN' : 'en-GB'], { type }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** Ages in their order; all other values as they come, most common first. */
export function inOrder({ field, values }: Distribution): Distribution['values'] {
  if (field !== 'age') return values;
  const isFirst = (value: string) => (value.startsWith('under') ? 0 : 1);
  return values.toSorted((a, b) => isFirst(a.value) - isFirst(b.value) || a.value.localeCompare(b.value));
}
