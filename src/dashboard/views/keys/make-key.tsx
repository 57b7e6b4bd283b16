// In charge of making a key: its name, what it may do, for which segments, until when. Its secret is shown once.
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { useSegments } from '../../api/use-segments.ts';
import { TextField } from '../../parts/field.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { instantOf } from '../../parts/local-instant.ts';
import { SegmentChoice } from '../../parts/segment-choice.tsx';
import { useTexts } from '../../texts/texts.tsx';

export function MakeKey({ onClose, onMade }: { readonly onClose: () => void; readonly onMade: (secret: string) => void }) {
  const { keys: texts } = useTexts();
  const segments = useSegments();
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<readonly string[]>([]);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [expiresAt, setExpiresAt] = useState('');
  const [perSecond, setPerSecond] = useState('');
  const send = async () => {
    const expires = instantOf(expiresAt);
    const body = {
      name: name.trim(),
      scopes,
      ...(chosen.length === 0 ? {} : { segments: chosen }),
      ...(expires === undefined ? {} : { expiresAt: expires }),
      ...(perSecond === '' ? {} : { requestsPerSecond: Number(perSecond) }),
    };
    const { body: made } = await call<{ readonly secret: string }>('POST', '/v1/keys', { body });
    onMade(made.secret);
  };
  const isReady = name.trim() !== '' && scopes.length > 0;
  return (
    <FormDialog title={texts.make} submit={texts.make} isReady={isReady} onClose={onClose} send={send}>
      <TextField label={texts.name} hint={texts.nameHint} value={name} onValue={setName} isRequired />
      <fieldset className="choice">
        <legend>{texts.scopes}</legend>
        {Object.entries(texts.scopeLeads).map(([scope, lead]) => (
          <label key={scope} className="check">
            <input
              type="checkbox"
              checked={scopes.includes(scope)}
              onChange={(event) => setScopes(event.target.checked ? [...scopes, scope] : scopes.filter((each) => each !== scope))}
            />
            <span>
              <code>{scope}</code> <small>{lead}</small>
            </span>
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
      <TextField label={texts.expires} hint={texts.expiresHint} type="datetime-local" value={expiresAt} onValue={setExpiresAt} />
      <TextField label={texts.perSecond} hint={texts.perSecondHint} type="number" value={perSecond} onValue={setPerSecond} />
    </FormDialog>
  );
}
