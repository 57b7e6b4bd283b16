// In charge of making a webhook: where to, what of, from where on. Its secret is handed over once.
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { useSegments } from '../../api/use-segments.ts';
import { Field, TextField } from '../../parts/field.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { SegmentChoice } from '../../parts/segment-choice.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { readFrom } from './read-from.ts';

const MESSAGE_TYPES = ['segment.membership.changed', 'segment.published', 'segment.failed', 'run.finished'] as const;

export function MakeWebhook({ onClose, onMade }: { readonly onClose: () => void; readonly onMade: (secret: string) => void }) {
  const { webhooks: texts } = useTexts();
  const segments = useSegments();
  const [url, setUrl] = useState('');
  const [description, setDescription] = useState('');
  const [types, setTypes] = useState<readonly string[]>([MESSAGE_TYPES[0]]);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [changeTypes, setChangeTypes] = useState('');
  const [from, setFrom] = useState('');
  const send = async () => {
    const body = {
      url: url.trim(),
      types,
      ...(description.trim() === '' ? {} : { description: description.trim() }),
      ...(chosen.length === 0 ? {} : { segments: chosen }),
      ...(changeTypes === '' ? {} : { changeTypes: [changeTypes] }),
      ...(from.trim() === '' ? {} : { from: readFrom(from) }),
    };
    const { body: made } = await call<{ readonly secret: string }>('POST', '/v1/webhooks', { body });
    onMade(made.secret);
  };
  return (
    <FormDialog title={texts.make} submit={texts.make} isReady={url !== '' && types.length > 0} onClose={onClose} send={send}>
      <TextField label={texts.url} hint={texts.urlHint} type="url" value={url} onValue={setUrl} isRequired placeholder="https://" />
      <TextField label={texts.description} value={description} onValue={setDescription} />
      <fieldset className="choice">
        <legend>{texts.types}</legend>
        {MESSAGE_TYPES.map((type) => (
          <label key={type} className="check">
            <input
              type="checkbox"
              checked={types.includes(type)}
              onChange={(event) => setTypes(event.target.checked ? [...types, type] : types.filter((each) => each !== type))}
            />
            <code>{type}</code>
          </label>
        ))}
      </fieldset>
      <SegmentChoice
        label={texts.segments}
        hint={texts.allSegments}
        segments={segments.body?.data ?? []}
        chosen={chosen}
        onChosen={setChosen}
      />
      <Field label={texts.changes}>
        {(ids) => (
          <select {...ids} value={changeTypes} onChange={(event) => setChangeTypes(event.target.value)}>
            <option value="">{texts.bothWays}</option>
            <option value="entered">{texts.onlyEntered}</option>
            <option value="exited">{texts.onlyExited}</option>
          </select>
        )}
      </Field>
      <TextField label={texts.from} hint={texts.fromHint} value={from} onValue={setFrom} />
    </FormDialog>
  );
}
