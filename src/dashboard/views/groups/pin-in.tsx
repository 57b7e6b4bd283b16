// Pinning a customer into one of a group's segments, if it is in none of them and so cannot be moved.
import { useState } from 'react';
import { call, pathOf } from '../../api/call.ts';
import type { ListedSegment } from '../../api/use-segments.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { SaidFields, saidBody, useSaid } from '../../parts/said-by-hand.tsx';
import { SegmentSelect } from '../../parts/segment-select.tsx';
import { useTexts } from '../../texts/texts.tsx';

interface Props {
  readonly customerId: string;
  readonly segments: readonly ListedSegment[];
  readonly onClose: () => void;
  readonly onPinned: () => void;
}

export function PinInDialog({ customerId, segments, onClose, onPinned }: Props) {
  const { hand, groups: texts } = useTexts();
  const [key, setKey] = useState('');
  const [said, setSaid] = useSaid();
  const send = async () => {
    await call('PUT', pathOf`/v1/segments/${key}/members/${customerId}`, { body: saidBody(said) });
    onPinned();
  };
  return (
    <FormDialog title={hand.in} submit={hand.in} isReady={key !== ''} onClose={onClose} send={send}>
      <p>
        <bdi className="mono">{customerId}</bdi>
      </p>
      <p className="quiet">{texts.inNone}</p>
      <SegmentSelect label={hand.to} segments={segments} value={key} onValue={setKey} />
      <SaidFields said={said} onSaid={setSaid} />
    </FormDialog>
  );
}
