// Moving customers from one segment to another: from where and to where, why and until when. Both segments get a pin, in one transaction.
import { useState } from 'react';
import { call } from '../api/call.ts';
import type { ListedSegment } from '../api/use-segments.ts';
import { useTexts } from '../texts/texts.tsx';
import { FormDialog } from './form-dialog.tsx';
import { SaidFields, saidBody, useSaid } from './said-by-hand.tsx';
import { SegmentSelect } from './segment-select.tsx';

interface Props {
  readonly customerId: string;
  /** the segments that the customer is in; the first is preselected */
  readonly from: readonly ListedSegment[];
  readonly to: readonly ListedSegment[];
  /** already chosen, by a drop */
  readonly target?: string | undefined;
  readonly onClose: () => void;
  readonly onMoved: () => void;
}

export function MoveDialog({ customerId, from, to, target, onClose, onMoved }: Props) {
  const { hand: texts } = useTexts();
  const [source, setSource] = useState(from[0]?.key ?? '');
  const [wished, setWished] = useState(target ?? '');
  const [said, setSaid] = useSaid();
  const [isReplacing, setReplacing] = useState(false);
  const send = async () => {
    const body = { customerIds: [customerId], from: source, to: wished, replace: isReplacing, ...saidBody(said) };
    await call('POST', '/v1/moves', { body });
    onMoved();
  };
  const targets = to.filter(({ key }) => key !== source);
  return (
    <FormDialog title={texts.move} submit={texts.moveNow} isReady={source !== '' && wished !== ''} onClose={onClose} send={send}>
      <p>
        <bdi className="mono">{customerId}</bdi>
      </p>
      <SegmentSelect label={texts.from} segments={from} value={source} onValue={setSource} />
      <SegmentSelect label={texts.to} segments={targets} value={wished} onValue={setWished} />
      <SaidFields said={said} onSaid={setSaid} />
      <label className="check">
        <input type="checkbox" checked={isReplacing} onChange={(event) => setReplacing(event.target.checked)} />
        {texts.replace}
      </label>
    </FormDialog>
  );
}
