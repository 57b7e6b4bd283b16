// In charge of one customer: who it is, the segments it is in and is not in, what happened, and what can be done: move, erase.
import { useState } from 'react';
import { pathOf } from '../../api/call.ts';
import { useAgain, useNewestChange } from '../../api/use-newest-change.ts';
import { useRead } from '../../api/use-read.ts';
import { isLive, useSegments } from '../../api/use-segments.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { MoveDialog } from '../../parts/move-dialog.tsx';
import { Empty, Loading, ProblemNote } from '../../parts/reading.tsx';
import { hrefOf } from '../../route.ts';
import { useTexts } from '../../texts/texts.tsx';
import { EraseDialog, type Receipt, ReceiptCard } from './erase.tsx';
import { type Customer, nameOf, Profile } from './profile.tsx';
import { type Membership, Segments } from './segments.tsx';
import { Timeline } from './timeline.tsx';

export interface CustomerSegments {
  readonly segments: readonly Membership[];
}

export function CustomerView({ id }: { readonly id: string }) {
  const { customer: texts } = useTexts();
  const [receipt, setReceipt] = useState<Receipt | null>(null);
  const customer = useRead<Customer>(receipt === null ? pathOf`/v1/customers/${id}` : null);
  if (receipt !== null) return <ReceiptCard id={id} receipt={receipt} />;
  if (customer.problem?.code === 'not_found')
    return (
      <Empty title={texts.unknown}>
        <p>
          <bdi>{id}</bdi>
        </p>
        <a href={hrefOf(['customers'])}>{texts.toList}</a>
      </Empty>
    );
  if (customer.body === undefined)
    return customer.problem === undefined ? <Loading lines={8} /> : <ProblemNote problem={customer.problem} again={customer.again} />;
  return <Known customer={customer.body} onErased={setReceipt} onChanged={customer.again} />;
}

interface KnownProps {
  readonly customer: Customer;
  readonly onErased: (receipt: Receipt) => void;
  readonly onChanged: () => void;
}

function Known({ customer, onErased, onChanged }: KnownProps) {
  const { id } = customer;
  const texts = useTexts();
  const [asked, setAsked] = useState<'move' | 'erase' | null>(null);
  const [turn, setTurn] = useState(0);
  const beat = useNewestChange('customerId', id);
  const memberships = useRead<CustomerSegments>(pathOf`/v1/customers/${id}/segments`);
  const segments = useSegments();
  useAgain(`${turn} ${beat}`, memberships.again);
  const live = segments.body?.data.filter(isLive) ?? [];
  const inside = new Set(memberships.body?.segments.map(({ key }) => key));
  const changed = () => {
    setTurn((before) => before + 1);
    onChanged();
  };
  return (
    <>
      <header className="view-head">
        <div>
          <h1>
            <bdi>{nameOf(customer) ?? id}</bdi>
          </h1>
          <span className="customer-id">
            <bdi className="mono">{id}</bdi> <CopyButton text={id} />
          </span>
        </div>
        <div className="actions">
          <button type="button" disabled={inside.size === 0} onClick={() => setAsked('move')}>
            {texts.hand.moveTo}
          </button>
          <button type="button" className="danger" onClick={() => setAsked('erase')}>
            {texts.customer.eraseDots}
          </button>
        </div>
      </header>
      <div className="columns">
        <div className="stack">
          <Segments customerId={id} memberships={memberships} segments={segments} turn={`${turn} ${beat}`} onChanged={changed} />
          <Timeline customerId={id} turn={`${turn} ${beat}`} />
        </div>
        <Profile customer={customer} />
      </div>
      {asked === 'move' ? (
        <MoveDialog
          customerId={id}
          from={live.filter(({ key }) => inside.has(key))}
          to={live}
          onClose={() => setAsked(null)}
          onMoved={changed}
        />
      ) : null}
      {asked === 'erase' ? <EraseDialog id={id} onClose={() => setAsked(null)} onErased={onErased} /> : null}
    </>
  );
}
