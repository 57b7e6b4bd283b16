// In charge of one webhook: how far it has come and what holds it up; pausing, testing, a new secret, replay, removal.
import { type ReactNode, useState } from 'react';
import { call, pathOf } from '../../api/call.ts';
import { useRead } from '../../api/use-read.ts';
import { useWrite } from '../../api/use-write.ts';
import { TextField } from '../../parts/field.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { Refusal } from '../../parts/refusal.tsx';
import { SecretOnce } from '../../parts/secret-once.tsx';
import { useEvery } from '../../parts/use-every.ts';
import { goTo, hrefOf } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { Deliveries, type Delivery, DeliveryStatus } from './deliveries.tsx';
import { EditWebhook } from './edit-webhook.tsx';
import { readFrom } from './read-from.ts';

export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly description: string | null;
  readonly types: readonly string[];
  readonly segments: readonly string[] | null;
  readonly changeTypes: readonly ('entered' | 'exited')[] | null;
  readonly batchSize: number;
  readonly status: 'active' | 'paused' | 'disabled';
  readonly disabled: { readonly reason: 'gone' | 'failing' | 'secret_unreadable'; readonly detail: string; readonly at: string } | null;
  readonly position: number;
  readonly behind: number;
  readonly failures: number;
  readonly nextAttemptAt: string | null;
  readonly deliveredAt: string | null;
  readonly gap: { readonly after: number; readonly through: number; readonly at: string } | null;
  readonly previousSecretUntil: string | null;
}

const AGAIN_MS = 4_000;
const LOOK = { active: 'active', paused: 'paused', disabled: 'failed' } as const;

export function WebhookStatus({ webhook }: { readonly webhook: Pick<Webhook, 'status'> }) {
  const { webhooks: texts } = useTexts();
  return <span className={`status status-${LOOK[webhook.status]}`}>{texts.states[webhook.status]}</span>;
}

export function WebhookView({ id }: { readonly id: string }) {
  const { webhooks: texts } = useTexts();
  const webhook = useRead<Webhook>(pathOf`/v1/webhooks/${id}`);
  useEvery(AGAIN_MS, webhook.again);
  if (webhook.problem?.code === 'not_found')
    return (
      <Empty title={texts.unknown}>
        <a href={hrefOf(['webhooks'])}>{texts.toList}</a>
      </Empty>
    );
  return <Shown read={webhook}>{(body) => <Known webhook={body} onChanged={webhook.again} />}</Shown>;
}

function Known({ webhook, onChanged }: { readonly webhook: Webhook; readonly onChanged: () => void }) {
  const { webhooks: texts } = useTexts();
  const [turn, setTurn] = useState(0);
  const changed = () => {
    setTurn(turn + 1);
    onChanged();
  };
  return (
    <>
      <header className="view-head">
        <div>
          <h1>
            <bdi>{webhook.description ?? texts.webhook}</bdi>
          </h1>
          <bdi className="mono quiet">{webhook.url}</bdi>
        </div>
        <WebhookStatus webhook={webhook} />
      </header>
      <div className="stack">
        <Actions webhook={webhook} onChanged={changed} />
        <State webhook={webhook} />
        <Deliveries webhookId={webhook.id} turn={turn} />
      </div>
    </>
  );
}

// ---------------------------------------------------------------- what may be done

type Asked = 'edit' | 'rotate' | 'replay' | 'remove';

function Actions({ webhook, onChanged }: { readonly webhook: Webhook; readonly onChanged: () => void }) {
  const { webhooks: texts } = useTexts();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [tested, setTested] = useState<Delivery | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const { isWriting, problem, write } = useWrite();
  const path = pathOf`/v1/webhooks/${webhook.id}`;
  const isActive = webhook.status === 'active';
  const switchOver = async () => {
    await call('PATCH', path, { body: { status: isActive ? 'paused' : 'active' } });
    onChanged();
  };
  const test = async () => {
    setTested(null);
    setTested((await call<Delivery>('POST', `${path}/test`)).body);
    onChanged();
  };
  return (
    <div>
      <div className="actions">
        <button type="button" onClick={() => setAsked('edit')}>
          {texts.edit}
        </button>
        <button type="button" disabled={isWriting} onClick={() => void write(switchOver)}>
          {isActive ? texts.pause : texts.resume}
        </button>
        <button type="button" disabled={isWriting} onClick={() => void write(test)}>
          {texts.test}
        </button>
        <button type="button" onClick={() => setAsked('replay')}>
          {texts.replay}
        </button>
        <button type="button" onClick={() => setAsked('rotate')}>
          {texts.rotate}
        </button>
        <button type="button" className="danger" onClick={() => setAsked('remove')}>
          {texts.remove}
        </button>
      </div>
      <Refusal problem={problem} />
      <div role="status">
        {tested === null ? null : (
          <p className={`note ${tested.succeeded ? '' : 'warning'}`}>
            <span>
              {texts.tested} <DeliveryStatus delivery={tested} />
            </span>
          </p>
        )}
      </div>
      {asked === 'edit' ? <EditWebhook webhook={webhook} onClose={() => setAsked(null)} onChanged={onChanged} /> : null}
      {asked === 'rotate' ? <Rotate path={path} onClose={() => setAsked(null)} onRotated={setSecret} /> : null}
      {asked === 'replay' ? <Replay path={path} onClose={() => setAsked(null)} onReplayed={onChanged} /> : null}
      {asked === 'remove' ? <Remove path={path} onClose={() => setAsked(null)} /> : null}
      {secret === null || asked !== null ? null : <SecretOnce secret={secret} onClose={() => setSecret(null)} />}
    </div>
  );
}

interface AskProps {
  readonly path: string;
  readonly onClose: () => void;
}

function Rotate({ path, onClose, onRotated }: AskProps & { readonly onRotated: (secret: string) => void }) {
  const { webhooks: texts } = useTexts();
  const [hours, setHours] = useState('24');
  const [secret, setSecret] = useState('');
  const send = async () => {
    const rotation = { overlapHours: Number(hours), ...(secret.trim() === '' ? {} : { secret: secret.trim() }) };
    const { body } = await call<{ readonly secret: string }>('POST', `${path}/rotate`, { body: rotation });
    onRotated(body.secret);
  };
  return (
    <FormDialog title={texts.rotate} submit={texts.rotate} isReady={hours !== ''} onClose={onClose} send={send}>
      <TextField label={texts.overlap} hint={texts.overlapHint} type="number" value={hours} onValue={setHours} isRequired />
      <TextField label={texts.ownSecret} hint={texts.ownSecretHint} value={secret} onValue={setSecret} />
    </FormDialog>
  );
}

function Replay({ path, onClose, onReplayed }: AskProps & { readonly onReplayed: () => void }) {
  const { webhooks: texts } = useTexts();
  const [from, setFrom] = useState('');
  const send = async () => {
    await call('POST', `${path}/replay`, { body: { from: readFrom(from) } });
    onReplayed();
  };
  return (
    <FormDialog title={texts.replay} submit={texts.replay} isReady={from.trim() !== ''} onClose={onClose} send={send}>
      <p className="quiet">{texts.replayLead}</p>
      <TextField label={texts.from} hint={texts.replayHint} value={from} onValue={setFrom} isRequired />
    </FormDialog>
  );
}

function Remove({ path, onClose }: AskProps) {
  const { webhooks: texts } = useTexts();
  const send = async () => {
    await call('DELETE', path);
    goTo(['webhooks']);
  };
  return (
    <FormDialog title={texts.remove} submit={texts.remove} isDanger onClose={onClose} send={send}>
      <p>{texts.removeLead}</p>
    </FormDialog>
  );
}

// ---------------------------------------------------------------- how it is

function State({ webhook }: { readonly webhook: Webhook }) {
  const { webhooks: texts } = useTexts();
  const formats = useFormats();
  const {
    disabled,
    gap,
    segments,
    types,
    changeTypes,
    batchSize,
    position,
    behind,
    failures,
    nextAttemptAt,
    deliveredAt,
    previousSecretUntil,
  } = webhook;
  return (
    <section className="card" aria-label={texts.status}>
      {disabled === null ? null : (
        <p className="note problem">
          <strong>{texts.reasons[disabled.reason]}</strong> {disabled.detail} ({formats.instant(disabled.at)})
        </p>
      )}
      {gap === null ? null : <p className="note warning">{texts.gap(formats.count(gap.after), formats.count(gap.through))}</p>}
      <dl className="facts">
        <Fact name={texts.position}>{formats.count(position)}</Fact>
        <Fact name={texts.behind}>{formats.count(behind)}</Fact>
        <Fact name={texts.delivered}>{deliveredAt === null ? texts.never : formats.distance(deliveredAt)}</Fact>
        {failures === 0 ? null : <Fact name={texts.failures}>{formats.count(failures)}</Fact>}
        {nextAttemptAt === null ? null : <Fact name={texts.nextAttempt}>{formats.distance(nextAttemptAt)}</Fact>}
        {previousSecretUntil === null ? null : <Fact name={texts.previousSecret}>{formats.instant(previousSecretUntil)}</Fact>}
        <Fact name={texts.types}>{types.join(', ')}</Fact>
        <Fact name={texts.segments}>{segments === null ? texts.allSegments : segments.join(', ')}</Fact>
        <Fact name={texts.batchSize}>{formats.count(batchSize)}</Fact>
        <Fact name={texts.changes}>
          {changeTypes === null || changeTypes.length > 1
            ? texts.bothWays
            : changeTypes.includes('entered')
              ? texts.onlyEntered
              : texts.onlyExited}
        </Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
