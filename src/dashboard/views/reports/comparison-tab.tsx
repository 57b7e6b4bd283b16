// In charge of segments side by side: size, value, stage of life and profile of each, and of everybody.
import { useRead } from '../../api/use-read.ts';
import { Empty, Shown } from '../../parts/reading.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { SegmentLink } from '../../parts/segment-name.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { inOrder, useFieldName, useValueName } from '../segment/report-profile.tsx';
import { useSalesFigures } from '../segment/report-value.tsx';
import { FieldsField, PickField, StatusesField } from './option-fields.tsx';
import { Options } from './options.tsx';
import type { ChosenProps } from './overlap-tab.tsx';
import { PeriodChoice } from './period-choice.tsx';
import type { Compared, Comparison } from './report.ts';
import { ReportCard } from './report-card.tsx';
import { AsOf } from './report-facts.tsx';

const OPTIONS = ['statuses', 'by', 'most'];
const USUAL_MOST = '5';

export function ComparisonTab({ chosen, asked, nameOf }: ChosenProps) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const query = { segments: chosen, ...asked.sent(['days', ...OPTIONS]) };
  const read = useRead<Comparison>(chosen.length === 0 ? null : '/v1/reports/comparison', { query: { most: USUAL_MOST, ...query } });
  if (chosen.length === 0) return <Empty title={texts.chooseOne} />;
  const options = (
    <Options asked={asked} names={OPTIONS}>
      <PickField
        asked={asked}
        name="most"
        label={texts.options.most}
        choices={[USUAL_MOST, '10', '20', '50', '100'].map((most) => [most, formats.count(Number(most))] as const)}
      />
      <FieldsField asked={asked} />
      <StatusesField asked={asked} />
    </Options>
  );
  return (
    <ReportCard
      name="comparison"
      title={texts.tabs.comparison}
      lead={texts.comparison.lead}
      query={query}
      options={options}
      actions={<PeriodChoice asked={asked} />}
    >
      <Shown read={read}>
        {(comparison) => (
          <>
            <AsOf at={comparison.at} statuses={asked.text('statuses') === '' ? null : asked.list('statuses')} />
            <ComparedTable comparison={comparison} nameOf={nameOf} />
          </>
        )}
      </Shown>
    </ReportCard>
  );
}

/** A figure for each segment; the last one is everybody's, if there is one. */
interface Line {
  readonly name: string;
  readonly of: (segment: Compared) => string;
  readonly ofEverybody: (any: Compared) => string;
}

interface Lines {
  readonly title: string;
  readonly lines: readonly Line[];
}

interface TableProps {
  readonly comparison: Comparison;
  readonly nameOf: (key: string) => string;
}

function ComparedTable({ comparison, nameOf }: TableProps) {
  const { reports: texts, report } = useTexts();
  const groups = useLines(comparison);
  const { segments } = comparison;
  const [any] = segments;
  if (any === undefined) return null;
  return (
    <Scroll label={texts.tabs.comparison}>
      <table className="rows compared">
        <thead>
          <tr>
            <th scope="col">{texts.figure}</th>
            {segments.map(({ segment }) => (
              <th key={segment} scope="col" className="number">
                <SegmentLink segment={{ key: segment, name: nameOf(segment) }} />
              </th>
            ))}
            <th scope="col" className="number">
              {report.everybody}
            </th>
          </tr>
        </thead>
        {groups.map(({ title, lines }) => (
          <tbody key={title}>
            <tr className="figure-group">
              <th scope="rowgroup" colSpan={segments.length + 2}>
                {title}
              </th>
            </tr>
            {lines.map(({ name, of, ofEverybody }) => (
              <tr key={name}>
                <th scope="row">
                  <bdi>{name}</bdi>
                </th>
                {segments.map((segment) => (
                  <td key={segment.segment} className="number">
                    {of(segment)}
                  </td>
                ))}
                <td className="number quiet">{ofEverybody(any)}</td>
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </Scroll>
  );
}

function useLines(comparison: Comparison): readonly Lines[] {
  const { reports: texts, report } = useTexts();
  const formats = useFormats();
  const share = (value: number | null | undefined) => (value == null ? '–' : formats.share(value));
  const { comparison: words } = texts;
  const sizes: readonly Line[] = [
    { name: report.members, of: ({ members }) => formats.count(members), ofEverybody: () => formats.count(comparison.everybody) },
    { name: words.share, of: (each) => share(each.share), ofEverybody: () => share(1) },
    { name: words.entered, of: ({ entered }) => formats.count(entered), ofEverybody: () => '' },
    { name: words.left, of: ({ left }) => formats.count(left), ofEverybody: () => '' },
  ];
  const sales = useSalesFigures(comparison.currency).map(([figure, print]) => ({
    name: report.figures[figure],
    of: ({ value }: Compared) => print(value.period.members),
    ofEverybody: ({ value }: Compared) => print(value.period.everybody),
  }));
  const stages = (comparison.segments[0]?.value.lifecycle ?? []).map(({ stage }, index) => ({
    name: report.stages[stage],
    of: ({ value }: Compared) => share(value.lifecycle[index]?.share),
    ofEverybody: ({ value }: Compared) => share(value.lifecycle[index]?.shareOfEverybody),
  }));
  const fields = useFieldLines(comparison, share);
  return [
    { title: words.size, lines: sizes },
    { title: report.inPeriod, lines: sales },
    { title: report.lifecycle, lines: stages },
    ...fields,
  ];
}

function useFieldLines({ segments }: Comparison, share: (value: number | null | undefined) => string): readonly Lines[] {
  const valueName = useValueName();
  const fieldName = useFieldName();
  const profile = segments[0]?.profile ?? [];
  return profile
    .map((distribution, place) => ({
      title: fieldName(distribution.field),
      lines: inOrder(distribution).map(({ value }) => {
        const found = (each: Compared) => each.profile[place]?.values.find((other) => other.value === value);
        return {
          name: valueName(distribution.field, value),
          of: (each: Compared) => share(found(each)?.share),
          ofEverybody: (any: Compared) => share(found(any)?.shareOfEverybody),
        };
      }),
    }))
    .filter(({ lines }) => lines.length > 0);
}
