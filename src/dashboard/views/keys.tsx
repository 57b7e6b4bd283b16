// In charge of `#/keys`: who may do what, until when; making a key, giving it a new secret, revoking it.
import { useState } from 'react';
import { call, pathOf } from '../api/call.ts';
import { usePages } from '../api/use-pages.ts';
import type { ViewProps } from '../page.tsx';
import { TextField } from '../parts/field.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Pager } from '../parts/pager.tsx';
import { Empty, Shown } from '../parts/reading.tsx';
import { SecretOnce } from '../parts/secret-once.tsx';
import { Table } from '../parts/table.tsx';
import { useFormats, useTexts } from '../texts/texts.tsx';
import { MakeKey } from './keys/make-key.tsx';
import './operations.css';

interface Key {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly segments: readonly string[] | null;
  readonly createdBy: string;
  readonly previousUntil: string | null;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
}

interface Asked {
  readonly what: 'rotate' | 'revoke';
  readonly key: Key;
}

const PAGE = 50;

export default function Keys(_props: ViewProps) {
  const { keys: texts } = useTexts();
  const [isMaking, setMaking] = useState(false);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const pages = usePages<Key>('/v1/keys', { limit: PAGE });
  const { again } = pages.read;
  const made = (shown: string) => {
    setSecret(shown);
    again();
  };
  return (
    <>
      <header className="view-head">
        <h1>{texts.title}</h1>
        <button type="button" className="primary" onClick={() => setMaking(true)}>
          {texts.make}
        </button>
      </header>
      <section className="card" aria-label={texts.title}>
        <Shown read={pages.read}>{({ data }) => <KeyTable keys={data} onAsked={setAsked} />}</Shown>
        <Pager pages={pages} />
      </section>
      {isMaking ? <MakeKey onClose={() => setMaking(false)} onMade={made} /> : null}
      {asked?.what === 'rotate' ? <Rotate apiKey={asked.key} onClose={() => setAsked(null)} onRotated={made} /> : null}
      {asked?.what === 'revoke' ? <Revoke apiKey={asked.key} onClose={() => setAsked(null)} onRevoked={again} /> : null}
      {secret === null || isMaking || asked !== null ? null : <SecretOnce secret={secret} onClose={() => setSecret(null)} />}
    </>
  );
}

function KeyTable({ keys, onAsked }: { readonly keys: readonly Key[]; readonly onAsked: (asked: Asked) => void }) {
  const { keys: texts } = useTexts();
  const formats = useFormats();
  if (keys.length === 0)
    return (
      <Empty title={texts.none}>
        <p>{texts.noneLead}</p>
      </Empty>
    );
  return (
    <Table
      label={texts.title}
      columns={[
        { text: texts.name },
        { text: texts.scopes, isWideOnly: true },
        { text: texts.until },
        { text: texts.used, isWideOnly: true },
        { text: texts.actions, isUnseen: true },
      ]}
    >
      {keys.map((key) => (
        <tr key={key.id} className={key.revokedAt === null ? undefined : 'ended'}>
          <th scope="row">
            <strong>
              <bdi>{key.name}</bdi>
            </strong>
            <small className="under mono">{key.id}</small>
          </th>
          <td className="wide-only">
            <span className="scopes">{key.scopes.join(', ')}</span>
            {key.segments === null ? null : <small className="under">{texts.only(key.segments.join(', '))}</small>}
          </td>
          <td>
            <KeyEnd apiKey={key} />
          </td>
          <td className="wide-only">{key.lastUsedAt === null ? texts.never : formats.distance(key.lastUsedAt)}</td>
          <td className="number">
            {key.revokedAt === null ? (
              <span className="actions to-end">
                <button
                  type="button"
                  className="small"
                  aria-label={texts.of(texts.rotate, key.name)}
                  onClick={() => onAsked({ what: 'rotate', key })}
                >
                  {texts.rotate}
                </button>
                <button
                  type="button"
                  className="small danger"
                  aria-label={texts.of(texts.revoke, key.name)}
                  onClick={() => onAsked({ what: 'revoke', key })}
                >
                  {texts.revoke}
                </button>
              </span>
            ) : null}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function KeyEnd({ apiKey: { revokedAt, expiresAt, previousUntil } }: { readonly apiKey: Key }) {
  const { keys: texts } = useTexts();
  const formats = useFormats();
  if (revokedAt !== null) return <span className="status status-failed">{texts.revoked}</span>;
  return (
    <>
      {expiresAt === null ? <span className="quiet">{texts.forGood}</span> : formats.instant(expiresAt)}
      {previousUntil === null ? null : <small className="under">{texts.previous(formats.instant(previousUntil))}</small>}
    </>
  );
}

interface RotateProps {
  readonly apiKey: Key;
  readonly onClose: () => void;
  readonly onRotated: (secret: string) => void;
}

function Rotate({ apiKey, onClose, onRotated }: RotateProps) {
  const { keys: texts } = useTexts();
  const [hours, setHours] = useState('24');
  const send = async () => {
    const body = { graceSeconds: Math.round(Number(hours) * 3600) };
    const { body: rotated } = await call<{ readonly secret: string }>('POST', pathOf`/v1/keys/${apiKey.id}/rotate`, { body });
    onRotated(rotated.secret);
  };
  return (
    <FormDialog title={texts.of(texts.rotate, apiKey.name)} submit={texts.rotate} isReady={hours !== ''} onClose={onClose} send={send}>
      <TextField label={texts.grace} hint={texts.graceHint} type="number" value={hours} onValue={setHours} isRequired />
    </FormDialog>
  );
}

function Revoke({ apiKey, onClose, onRevoked }: { readonly apiKey: Key; readonly onClose: () => void; readonly onRevoked: () => void }) {
  const { keys: texts } = useTexts();
  const send = async () => {
    await call('DELETE', pathOf`/v1/keys/${apiKey.id}`);
    onRevoked();
  };
  return (
    <FormDialog title={texts.of(texts.revoke, apiKey.name)} submit={texts.revoke} isDanger onClose={onClose} send={send}>
      <p>{texts.revokeLead}</p>
    </FormDialog>
  );
}
