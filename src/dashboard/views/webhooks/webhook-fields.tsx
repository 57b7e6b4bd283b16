// In charge of the form for what a webhook is sent and where to: the same for a new one and for one that is changed.
import { useSegments } from '../../api/use-segments.ts';
import { Field, TextField } from '../../parts/field.tsx';
import { SegmentChoice } from '../../parts/segment-choice.tsx';
import { useTexts } from '../../texts/texts.tsx';

const MESSAGE_TYPES = ['segment.membership.changed', 'segment.published', 'segment.failed', 'run.finished'] as const;
const MOST_CHANGES = 500;

export interface WebhookContent {
  readonly url: string;
  readonly description: string;
  readonly types: readonly string[];
  /** empty: all */
  readonly segments: readonly string[];
  /** empty: both directions */
  readonly changeTypes: '' | 'entered' | 'exited';
  readonly batchSize: string;
}

export const NEW_WEBHOOK: WebhookContent = {
  url: '',
  description: '',
  types: [MESSAGE_TYPES[0]],
  segments: [],
  changeTypes: '',
  batchSize: String(MOST_CHANGES),
};

export function isReady({ url, types, batchSize }: WebhookContent): boolean {
  return url.trim() !== '' && types.length > 0 && batchSize !== '';
}

/** In the form that the API takes. */
export function webhookBody({ url, description, types, segments, changeTypes, batchSize }: WebhookContent) {
  return {
    url: url.trim(),
    description: description.trim() === '' ? null : description.trim(),
    types,
    segments: segments.length === 0 ? null : segments,
    changeTypes: changeTypes === '' ? null : [changeTypes],
    batchSize: Number(batchSize),
  };
}

interface Props {
  readonly content: WebhookContent;
  readonly change: (part: Partial<WebhookContent>) => void;
}

export function WebhookFields({ content, change }: Props) {
  const { webhooks: texts } = useTexts();
  const segments = useSegments();
  const { url, description, types, changeTypes, batchSize } = content;
  return (
    <>
      <TextField
        label={texts.url}
        hint={texts.urlHint}
        type="url"
        value={url}
        onValue={(value) => change({ url: value })}
        isRequired
        placeholder="https://"
      />
      <TextField label={texts.description} value={description} onValue={(value) => change({ description: value })} />
      <fieldset className="choice">
        <legend>{texts.types}</legend>
        {MESSAGE_TYPES.map((type) => (
          <label key={type} className="check">
            <input
              type="checkbox"
              checked={types.includes(type)}
              onChange={(event) => change({ types: event.target.checked ? [...types, type] : types.filter((each) => each !== type) })}
            />
            <code>{type}</code>
          </label>
        ))}
      </fieldset>
      <SegmentChoice
        label={texts.segments}
        hint={texts.allSegments}
        segments={segments.body?.data ?? []}
        chosen={content.segments}
        onChosen={(chosen) => change({ segments: chosen })}
      />
      <Field label={texts.changes}>
        {(ids) => (
          <select
            {...ids}
            value={changeTypes}
            onChange={(event) => change({ changeTypes: event.target.value as WebhookContent['changeTypes'] })}
          >
            <option value="">{texts.bothWays}</option>
            <option value="entered">{texts.onlyEntered}</option>
            <option value="exited">{texts.onlyExited}</option>
          </select>
        )}
      </Field>
      <TextField
        label={texts.batchSize}
        hint={texts.batchSizeHint}
        type="number"
        value={batchSize}
        onValue={(value) => change({ batchSize: value })}
        isRequired
      />
    </>
  );
}
