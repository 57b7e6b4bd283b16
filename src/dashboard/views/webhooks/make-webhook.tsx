// In charge of making a webhook: where to send, what to send, from where on. Its secret is shown once.
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { TextField } from '../../parts/field.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { readFrom } from './read-from.ts';
import { isReady, NEW_WEBHOOK, WebhookFields, webhookBody } from './webhook-fields.tsx';

export function MakeWebhook({ onClose, onMade }: { readonly onClose: () => void; readonly onMade: (secret: string) => void }) {
  const { webhooks: texts } = useTexts();
  const [content, setContent] = useState(NEW_WEBHOOK);
  const [from, setFrom] = useState('');
  const [secret, setSecret] = useState('');
  const send = async () => {
    const body = {
      ...webhookBody(content),
      ...(from.trim() === '' ? {} : { from: readFrom(from) }),
      ...(secret.trim() === '' ? {} : { secret: secret.trim() }),
    };
    const { body: made } = await call<{ readonly secret: string }>('POST', '/v1/webhooks', { body });
    onMade(made.secret);
  };
  return (
    <FormDialog title={texts.make} submit={texts.make} isReady={isReady(content)} onClose={onClose} send={send}>
      <WebhookFields content={content} change={(part) => setContent((before) => ({ ...before, ...part }))} />
      <TextField label={texts.from} hint={texts.fromHint} value={from} onValue={setFrom} />
      <TextField label={texts.ownSecret} hint={texts.ownSecretHint} value={secret} onValue={setSecret} />
    </FormDialog>
  );
}
