// In charge of changing a webhook. Only what was changed is sent, so that somebody else's changes meanwhile stay.
import { useState } from 'react';
import { call, pathOf } from '../../api/call.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { useTexts } from '../../texts/texts.tsx';
import type { Webhook } from './webhook.tsx';
import { isReady, type WebhookContent, WebhookFields, webhookBody } from './webhook-fields.tsx';

interface Props {
  readonly webhook: Webhook;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

export function EditWebhook({ webhook, onClose, onChanged }: Props) {
  const { webhooks: texts, action } = useTexts();
  const [first] = useState(() => contentOf(webhook)); // the view behind keeps reading
  const [content, setContent] = useState(first);
  const send = async () => {
    const body = changesOf(first, content);
    if (Object.keys(body).length > 0) await call('PATCH', pathOf`/v1/webhooks/${webhook.id}`, { body });
    onChanged();
  };
  return (
    <FormDialog title={texts.edit} submit={action.save} isReady={isReady(content)} onClose={onClose} send={send}>
      <p className="quiet">{texts.editLead}</p>
      <WebhookFields content={content} change={(part) => setContent((before) => ({ ...before, ...part }))} />
    </FormDialog>
  );
}

function contentOf({ url, description, types, segments, changeTypes, batchSize }: Webhook): WebhookContent {
  const [only, ...others] = changeTypes ?? [];
  return {
    url,
    description: description ?? '',
    types,
    segments: segments ?? [],
    changeTypes: others.length > 0 ? '' : (only ?? ''),
    batchSize: String(batchSize),
  };
}

function changesOf(first: WebhookContent, content: WebhookContent): Readonly<Record<string, unknown>> {
  const before: Readonly<Record<string, unknown>> = webhookBody(first);
  const isOther = ([name, value]: [string, unknown]) => JSON.stringify(value) !== JSON.stringify(before[name]);
  return Object.fromEntries(Object.entries(webhookBody(content)).filter(isOther));
}
