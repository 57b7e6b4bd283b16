// In charge of asking for an outcome: of whom, since when, and compared with whom.
import type { Query } from '../../api/call.ts';
import { isLive, type ListedSegment } from '../../api/use-segments.ts';
import { SegmentChoice } from '../../parts/segment-choice.tsx';
import { SegmentSelect } from '../../parts/segment-select.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';
import { daysAgo } from './days-ago.ts';
import { InstantField, PickField, StatusesField, WordField } from './option-fields.tsx';
import { Options } from './options.tsx';

const OPTIONS = ['days', 'unit', 'confidence', 'afterwards', 'statuses'];
const AGAINST = ['others', 'bucket', 'segment'] as const;
const USUAL_DAYS = 30;
const USUAL_BELOW = '50';
const AFTERWARDS_MAX = 20;
const DAYS = ['7', '14', '30', '60', '90', '180', '365'];

interface Question {
  readonly query: Query;
  /** what has to be filled in first; null: nothing is missing */
  readonly lacks: 'segment' | 'salt' | 'with' | null;
}

/** What the place says, and the usual if it says nothing. */
export function questionOf(asked: Asked): Question {
  const against = asked.oneOf('against', AGAINST);
  const isEntered = asked.text('who') === 'entered';
  const since = isEntered
    ? { from: asked.text('from') || daysAgo(2 * USUAL_DAYS), to: asked.text('to') || daysAgo(USUAL_DAYS) }
    : { at: asked.text('at') || daysAgo(USUAL_DAYS) };
  const beside = against === 'bucket' ? { salt: asked.text('salt'), below: asked.text('below') || USUAL_BELOW } : {};
  const other = against === 'segment' ? { with: asked.text('with') } : {};
  const lacks = asked.text('segment') === '' ? 'segment' : beside.salt === '' ? 'salt' : other.with === '' ? 'with' : null;
  return { query: { ...asked.sent(['segment', ...OPTIONS]), ...since, against, ...beside, ...other }, lacks };
}

interface Props {
  readonly segments: readonly ListedSegment[];
  readonly asked: Asked;
}

export function OutcomeQuestion({ segments, asked }: Props) {
  const { outcome: texts } = useTexts();
  const isEntered = asked.text('who') === 'entered';
  const against = asked.oneOf('against', AGAINST);
  const live = segments.filter(isLive);
  const { query } = questionOf(asked);
  const instant = (name: 'at' | 'from' | 'to', label: string) => (
    <InstantField label={label} value={String(query[name] ?? '')} onValue={(value) => asked.set({ [name]: value })} />
  );
  return (
    <section className="card asked" aria-label={texts.asked}>
      <div className="asked-fields">
        <SegmentSelect label={texts.segment} segments={live} value={asked.text('segment')} onValue={(segment) => asked.set({ segment })} />
        <PickField
          asked={asked}
          name="who"
          label={texts.who}
          choices={[
            ['at', texts.whoAt],
            ['entered', texts.whoEntered],
          ]}
        />
        {isEntered ? (
          <>
            {instant('from', texts.from)}
            {instant('to', texts.to)}
          </>
        ) : (
          instant('at', texts.at)
        )}
        <PickField asked={asked} name="against" label={texts.against} choices={AGAINST.map((name) => [name, texts.besidesWhom[name]])} />
        {against === 'bucket' ? (
          <>
            <WordField asked={asked} name="salt" label={texts.salt} hint={texts.saltHint} />
            <WordField asked={asked} name="below" label={texts.below} hint={texts.belowHint} placeholder={USUAL_BELOW} />
          </>
        ) : null}
        {against === 'segment' ? (
          <SegmentSelect
            label={texts.with}
            hint={texts.withHint}
            segments={live.filter(({ key }) => key !== asked.text('segment'))}
            value={asked.text('with')}
            onValue={(value) => asked.set({ with: value })}
          />
        ) : null}
      </div>
      <OutcomeOptions segments={live} asked={asked} />
    </section>
  );
}

function OutcomeOptions({ segments, asked }: Props) {
  const { outcome: texts, report } = useTexts();
  const formats = useFormats();
  const said = asked.text('days');
  const days = [...new Set([...DAYS, ...(/^\d+$/.test(said) ? [said] : [])])].map(
    (each) => [each, texts.days(formats.count(Number(each)))] as const,
  );
  return (
    <Options asked={asked} names={OPTIONS}>
      <PickField asked={asked} name="days" label={report.period} hint={texts.daysHint} choices={[['', texts.usualDays], ...days]} />
      <PickField
        asked={asked}
        name="unit"
        label={texts.retentionBy}
        choices={[
          ['week', texts.units.week],
          ['month', texts.units.month],
        ]}
      />
      <PickField
        asked={asked}
        name="confidence"
        label={texts.confidence}
        hint={texts.confidenceHint}
        choices={['0.95', '0.8', '0.9', '0.99'].map((each) => [each, formats.share(Number(each))] as const)}
      />
      <StatusesField asked={asked} />
      <SegmentChoice
        label={texts.afterwards}
        hint={texts.afterwardsHint}
        segments={segments}
        chosen={asked.list('afterwards').slice(0, AFTERWARDS_MAX)}
        most={AFTERWARDS_MAX}
        onChosen={(keys) => asked.set({ afterwards: keys })}
      />
    </Options>
  );
}
