// In charge of `#/webhooks`: where changes are sent to, how far each webhook has come, and making one. One webhook: webhooks/webhook.tsx.
import { useState } from 'react';
import { usePages } from '../api/use-pages.ts';
import type { ViewProps } from '../page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Empty, Shown } from '../parts/reading.tsx';
import { SecretOnce } from '../parts/secret-once.tsx';
import { Table } from '../parts/table.tsx';
import { useEvery } from '../parts/use-every.ts';
import { hrefOf } from '../route.ts';
import { useFormats, useTexts } from '../texts/texts.tsx';
import { MakeWebhook } from './webhooks/make-webhook.tsx';
import { type Webhook, WebhookStatus, WebhookView } from './webhooks/webhook.tsx';
import './operations.css';

const PAGE = 50;
const AGAIN_MS = 5_000;

export default function Webhooks({ place }: ViewProps) {
  const id = place.path[1];
  return id === undefined ? <WebhookList /> : <WebhookView key={id} id={id} />;
}

function WebhookList() {
  const { webhooks: texts } = useTexts();
  const [isMaking, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const pages = usePages<Webhook>('/v1/webhooks', { limit: PAGE });
  useEvery(AGAIN_MS, pages.read.again);
  return (
    <>
      <header className="view-head">
        <h1>{texts.title}</h1>
        <button type="button" className="primary" onClick={() => setMaking(true)}>
          {texts.make}
        </button>
      </header>
      <section className="card" aria-label={texts.title}>
        <Shown read={pages.read}>{({ data }) => <WebhookTable webhooks={data} />}</Shown>
        <Pager pages={pages} />
      </section>
      {isMaking ? (
        <MakeWebhook
          onClose={() => setMaking(false)}
          onMade={(made) => {
            setSecret(made);
            pages.read.again();
          }}
        />
      ) : null}
      {secret === null || isMaking ? null : <SecretOnce secret={secret} onClose={() => setSecret(null)} />}
    </>
  );
}

function WebhookTable({ webhooks }: { readonly webhooks: readonly Webhook[] }) {
  const { webhooks: texts } = useTexts();
  const formats = useFormats();
  if (webhooks.length === 0)
    return (
      <Empty title={texts.none}>
        <p>{texts.noneLead}</p>
      </Empty>
    );
  return (
    <Table
      label={texts.title}
      columns={[
        { text: texts.url },
        { text: texts.status },
        { text: texts.behind, isNumber: true },
        { text: texts.delivered, isWideOnly: true },
      ]}
    >
      {webhooks.map((webhook) => (
        <tr key={webhook.id}>
          <th scope="row">
            <a href={hrefOf(['webhooks', webhook.id])}>
              <bdi>{webhook.url}</bdi>
            </a>
            {webhook.description === null ? null : (
              <small className="under">
                <bdi>{webhook.description}</bdi>
              </small>
            )}
          </th>
          <td>
            <WebhookStatus webhook={webhook} />
          </td>
          <td className="number">{formats.count(webhook.behind)}</td>
          <td className="wide-only">{webhook.deliveredAt === null ? texts.never : formats.distance(webhook.deliveredAt)}</td>
        </tr>
      ))}
    </Table>
  );
}
