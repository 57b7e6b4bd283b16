// In charge of the latest attempts of a webhook: what was sent, what came of it, how long it took, what the answer was.
import { useState } from 'react';
import { pathOf } from '../../api/call.ts';
import { useAgain } from '../../api/use-newest-change.ts';
import { usePages } from '../../api/use-pages.ts';
import { Pager } from '../../parts/pager.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { useEvery } from '../../parts/use-every.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';

export interface Delivery {
  readonly number: number;
  readonly messageId: string;
  readonly type: string;
  readonly succeeded: boolean;
  readonly after: number | null;
  readonly through: number | null;
  readonly changes: number;
  readonly attempt: number;
  readonly at: string;
  readonly latencyMs: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly answer: string | null;
}

const PAGE = 25;
const AGAIN_MS = 4_000;

export function DeliveryStatus({ delivery }: { readonly delivery: Delivery }) {
  const { webhooks: texts } = useTexts();
  const formats = useFormats();
  const { succeeded, status, latencyMs, error } = delivery;
  return (
    <>
      <span className={`status status-${succeeded ? 'active' : 'failed'}`}>{status ?? texts.noAnswer}</span>{' '}
      <small className="figures">{texts.latency(formats.count(latencyMs))}</small> {error === null ? null : <small>{error}</small>}
    </>
  );
}

export function Deliveries({ webhookId, turn }: { readonly webhookId: string; readonly turn: number }) {
  const { webhooks: texts } = useTexts();
  const [only, setOnly] = useState('');
  const query = { limit: PAGE, ...(only === '' ? {} : { succeeded: only === 'true' }) };
  const pages = usePages<Delivery>(pathOf`/v1/webhooks/${webhookId}/deliveries`, query);
  const { again } = pages.read;
  useEvery(AGAIN_MS, again);
  useAgain(String(turn), again);
  return (
    <section className="card" aria-labelledby="deliveries">
      <div className="card-head">
        <h2 id="deliveries">{texts.deliveries}</h2>
        <select aria-label={texts.show} value={only} onChange={(event) => setOnly(event.target.value)}>
          <option value="">{texts.every}</option>
          <option value="true">{texts.succeeded}</option>
          <option value="false">{texts.failed}</option>
        </select>
      </div>
      <Shown read={pages.read}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={texts.noDeliveries} />
          ) : (
            <ul className="plain lines">
              {data.map((delivery) => (
                <DeliveryLine key={delivery.number} delivery={delivery} />
              ))}
            </ul>
          )
        }
      </Shown>
      <Pager pages={pages} />
    </section>
  );
}

function DeliveryLine({ delivery }: { readonly delivery: Delivery }) {
  const { webhooks: texts } = useTexts();
  const formats = useFormats();
  const { at, type, attempt, changes, after, through, answer, messageId } = delivery;
  return (
    <li>
      <details>
        <summary>
          <time dateTime={at}>{formats.instant(at)}</time>
          <span className="line-main">
            <DeliveryStatus delivery={delivery} />
          </span>
          <small>
            <code>{type}</code> {attempt > 1 ? texts.attempt(formats.count(attempt)) : ''}
          </small>
        </summary>
        <div className="line-more">
          <p className="quiet">
            <code>{messageId}</code>
            {through === null ? '' : ` · ${texts.range(formats.count(changes), formats.count(after ?? 0), formats.count(through))}`}
          </p>
          {answer === null ? null : answer === '' ? <p className="quiet">{texts.emptyAnswer}</p> : <pre>{answer}</pre>}
        </div>
      </details>
    </li>
  );
}
