// In charge of the report of a segment, compared with everybody. Each part is a pass over all customers, orders or events, so only the one that
// is shown is read. Loaded when first shown.
import type { ReactNode } from 'react';
import { pathOf } from '../../api/call.ts';
import { useRead } from '../../api/use-read.ts';
import { DownloadButton } from '../../parts/download-button.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { changeQuery, usePlace } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { askedIn } from '../reports/asked.ts';
import { FieldsField, PickField, StatusesField } from '../reports/option-fields.tsx';
import { Options } from '../reports/options.tsx';
import { PeriodChoice } from '../reports/period-choice.tsx';
import type { SegmentReport } from '../reports/report.ts';
import { EngagementPart, GoodsPart, MixPart } from './report-doings.tsx';
import { ProfilePart } from './report-profile.tsx';
import { ValuePart } from './report-value.tsx';
import '../reports/asked.css';
import '../reports/reports.css';

const PARTS = ['profile', 'value', 'goods', 'engagement', 'mix'] as const;
type PartName = (typeof PARTS)[number];
const OPTIONS = ['statuses', 'by', 'most'];
const USUAL_MOST = '10';

export default function Report({ segmentKey }: { readonly segmentKey: string }) {
  const { report: texts, reports } = useTexts();
  const place = usePlace();
  const part = PARTS.find((name) => name === place.query.get('part')) ?? PARTS[0];
  const formats = useFormats();
  const asked = askedIn(place);
  const query = asked.sent(['days', ...OPTIONS]);
  const path = pathOf`/v1/segments/${segmentKey}/report`;
  const read = useRead<SegmentReport>(path, { query: { parts: part, ...query } });
  return (
    <section className="card report" aria-labelledby="report">
      <div className="card-head">
        <h2 id="report">{texts.title}</h2>
        <div className="actions">
          <PeriodChoice asked={asked} />
          <DownloadButton path={`${path}.csv`} query={query} fileName={`${segmentKey}-report.csv`} />
        </div>
      </div>
      <Options asked={asked} names={OPTIONS}>
        <PickField
          asked={asked}
          name="most"
          label={reports.options.most}
          choices={[USUAL_MOST, '5', '20', '50', '100'].map((most) => [most, formats.count(Number(most))] as const)}
        />
        <FieldsField asked={asked} />
        <StatusesField asked={asked} />
      </Options>
      <fieldset className="part-choice">
        <legend className="visually-hidden">{texts.part}</legend>
        {PARTS.map((name) => (
          <button
            key={name}
            type="button"
            className="small"
            aria-pressed={name === part}
            onClick={() => changeQuery(place, { part: name })}
          >
            {texts.parts[name]}
          </button>
        ))}
      </fieldset>
      <Shown read={read}>{(body) => <ReportBody report={body} part={part} />}</Shown>
    </section>
  );
}

function ReportBody({ report, part }: { readonly report: SegmentReport; readonly part: PartName }) {
  const { report: texts } = useTexts();
  const formats = useFormats();
  const { at, members, everybody, share, currency } = report;
  if (members === 0) return <Empty title={texts.nobody} />;
  const shown: Readonly<Record<PartName, ReactNode>> = {
    profile: report.profile === null ? null : <ProfilePart profile={report.profile} />,
    value: report.value === null ? null : <ValuePart value={report.value} currency={currency} />,
    goods: report.goods === null ? null : <GoodsPart goods={report.goods} currency={currency} />,
    engagement: report.engagement === null ? null : <EngagementPart engagement={report.engagement} />,
    mix: report.mix === null ? null : <MixPart mix={report.mix} />,
  };
  return (
    <>
      <p className="quiet">
        {texts.of(formats.count(members), formats.count(everybody), formats.share(share ?? 0))} · {texts.asOf(formats.instant(at))}
      </p>
      {shown[part]}
    </>
  );
}
