// In charge of erasing a customer: a typed confirmation before, the receipt after. It cannot be undone.
import { useState } from 'react';
import { call, pathOf } from '../../api/call.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { TextField } from '../../parts/field.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { hrefOf } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';

export interface Receipt {
  readonly receiptId: string;
  readonly erasedAt: string;
  readonly changes: number;
  readonly exitsUntil: string;
  readonly salt: string;
  readonly hash: string;
}

interface Props {
  readonly id: string;
  readonly onClose: () => void;
  readonly onErased: (receipt: Receipt) => void;
}

export function EraseDialog({ id, onClose, onErased }: Props) {
  const { customer: texts } = useTexts();
  const [typed, setTyped] = useState('');
  const send = async () => {
    const { body } = await call<Receipt>('DELETE', pathOf`/v1/customers/${id}`);
    onErased(body);
  };
  return (
    <FormDialog title={texts.erase} submit={texts.eraseNow} isDanger isReady={typed === id} onClose={onClose} send={send}>
      <p>{texts.eraseLead}</p>
      <p>
        <bdi className="mono">{id}</bdi>
      </p>
      <TextField label={texts.eraseTyped} value={typed} onValue={setTyped} isRequired />
    </FormDialog>
  );
}

export function ReceiptCard({ id, receipt }: { readonly id: string; readonly receipt: Receipt }) {
  const { customer: texts } = useTexts();
  const formats = useFormats();
  const { receiptId, erasedAt, changes, exitsUntil, salt, hash } = receipt;
  const facts = [
    [texts.receipt.id, receiptId],
    [texts.receipt.at, formats.instant(erasedAt)],
    [texts.receipt.changes, formats.count(changes)],
    [texts.receipt.until, formats.instant(exitsUntil)],
    [texts.receipt.salt, salt],
    [texts.receipt.hash, hash],
  ] as const;
  return (
    <section className="card profile" aria-labelledby="receipt" role="status">
      <h1 id="receipt">{texts.receipt.title}</h1>
      <p>
        <bdi className="mono">{id}</bdi>
      </p>
      <p className="quiet">{texts.receipt.lead}</p>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="mono">{value}</dd>
          </div>
        ))}
      </dl>
      <div className="actions">
        <CopyButton text={JSON.stringify(receipt, null, 2)} />
        <a className="button" href={hrefOf(['customers'])}>
          {texts.toList}
        </a>
      </div>
    </section>
  );
}
