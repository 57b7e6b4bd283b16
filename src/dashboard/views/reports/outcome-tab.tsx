// In charge of outcomes: what became of the members of a segment afterwards, compared with others or a hold-out. The question of every campaign.
import { useRead } from '../../api/use-read.ts';
import type { ListedSegment } from '../../api/use-segments.ts';
import { Empty, Shown } from '../../parts/reading.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';
import type { Outcome } from './outcome.ts';
import { OutcomeFigures } from './outcome-figures.tsx';
import { OutcomeQuestion, questionOf } from './outcome-question.tsx';
import { OutcomeSegments } from './outcome-segments.tsx';
import { ReportCard } from './report-card.tsx';
import { RetentionCard } from './retention.tsx';

interface Props {
  readonly segments: readonly ListedSegment[];
  readonly asked: Asked;
  readonly nameOf: (key: string) => string;
}

export function OutcomeTab({ segments, asked, nameOf }: Props) {
  const { outcome: texts } = useTexts();
  const { query, lacks } = questionOf(asked);
  const read = useRead<Outcome>(lacks === null ? '/v1/reports/outcome' : null, { query });
  return (
    <>
      <OutcomeQuestion segments={segments} asked={asked} />
      {lacks === null ? (
        <Shown read={read}>
          {(outcome) => (
            <>
              <ReportCard name="outcome" title={texts.title} lead={texts.observed(String(outcome.days))} query={query}>
                {outcome.customers.members === 0 ? (
                  <Empty title={outcome.membersAt === null ? texts.nobodyEntered : texts.nobody} />
                ) : (
                  <>
                    <Headline outcome={outcome} nameOf={nameOf} />
                    <OutcomeFigures outcome={outcome} />
                  </>
                )}
              </ReportCard>
              {outcome.customers.members === 0 ? null : (
                <>
                  <RetentionCard outcome={outcome} />
                  <OutcomeSegments outcome={outcome} nameOf={nameOf} />
                </>
              )}
            </>
          )}
        </Shown>
      ) : (
        <Empty title={texts.lacks[lacks]} />
      )}
    </>
  );
}

/** The answer in a sentence, and what it does and does not prove. */
function Headline({ outcome, nameOf }: { readonly outcome: Outcome; readonly nameOf: (key: string) => string }) {
  const { outcome: texts, reports } = useTexts();
  const formats = useFormats();
  const { conversion, days, against, comparedWith, membersAt, enteredFrom, enteredBefore, statuses } = outcome;
  const share = (value: number | null) => (value === null ? '–' : formats.share(value));
  const of = ({ count, of: all, share: value }: { count: number; of: number; share: number | null }) =>
    [formats.count(count), formats.count(all), share(value)] as const;
  const who =
    membersAt === null
      ? texts.entered(formats.instant(enteredFrom ?? ''), formats.instant(enteredBefore ?? ''))
      : texts.members(formats.instant(membersAt));
  return (
    <>
      <p className="outcome-headline">
        {texts.headline(formats.count(days), ...of(conversion.members))} {texts.besides[against](...of(conversion.compared))}
      </p>
      <p className="quiet as-of">
        {who}
        {comparedWith === null ? null : (
          <>
            {' · '}
            {texts.comparedWith} <bdi>{nameOf(comparedWith)}</bdi>
          </>
        )}
        {statuses === null ? null : ` · ${reports.options.only(statuses.join(', '))}`}
      </p>
      <p className="note">{texts.proves[against]}</p>
    </>
  );
}
