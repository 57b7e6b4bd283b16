// In charge of moving all members of a segment, or only those for whom a rule holds as well: where to, which ones, why, until when. The service
// does it piece by piece as a run. One customer: parts/move-dialog.tsx.
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { isLive, useSegments } from '../../api/use-segments.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { SaidFields, saidBody, useSaid } from '../../parts/said-by-hand.tsx';
import { SegmentSelect } from '../../parts/segment-select.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { RuleText } from '../editor/rule-text.tsx';
import { type EditedRule, useRule } from '../editor/use-rule.ts';
import { useVocabulary } from '../editor/use-vocabulary.ts';
import '../editor/editor.css';
import type { Run, Segment } from './segment.ts';

interface Props {
  readonly segment: Segment;
  readonly onClose: () => void;
  readonly onQueued: (runId: string) => void;
}

export default function MoveMembers({ segment, onClose, onQueued }: Props) {
  const { segment: texts, hand } = useTexts();
  const { vocabulary } = useVocabulary();
  const segments = useSegments();
  const [to, setTo] = useState('');
  const [said, setSaid] = useSaid();
  const [isReplacing, setReplacing] = useState(false);
  const edited = useRule('', (text) => `in segment "${segment.key}" and (\n${text}\n)`);
  const targets = (segments.body?.data ?? []).filter((each) => isLive(each) && each.status !== 'paused' && each.key !== segment.key);
  const isRight = edited.rule === null || edited.verdict.status === 'valid';
  const send = async () => {
    const where = edited.rule === null ? {} : { where: edited.rule };
    const body = { from: segment.key, to, replace: isReplacing, ...where, ...saidBody(said) };
    const { body: answer } = await call<{ readonly run: Run }>('POST', '/v1/moves', { body });
    onQueued(answer.run.id);
  };
  return (
    <FormDialog title={texts.moving.title} submit={hand.moveNow} isReady={to !== '' && isRight} onClose={onClose} send={send}>
      <p className="quiet">{texts.moving.lead}</p>
      <SegmentSelect label={hand.to} segments={targets} value={to} onValue={setTo} />
      <div>
        <h3>{texts.moving.where}</h3>
        <small>{texts.moving.whereHint}</small>
        <RuleText text={edited.draft.text} errors={edited.verdict.errors} vocabulary={vocabulary} onEdit={edited.editText} />
      </div>
      <HowMany segment={segment} edited={edited} />
      <SaidFields said={said} onSaid={setSaid} />
      <label className="check">
        <input type="checkbox" checked={isReplacing} onChange={(event) => setReplacing(event.target.checked)} />
        {hand.replace}
      </label>
    </FormDialog>
  );
}

function HowMany({ segment, edited: { rule, verdict, count, isCounting } }: { readonly segment: Segment; readonly edited: EditedRule }) {
  const { segment: texts, editor } = useTexts();
  const formats = useFormats();
  const all = formats.count(segment.memberCount);
  const words = () => {
    if (rule === null) return texts.moving.all(all);
    if (verdict.status === 'valid' && count !== null && !isCounting) return texts.moving.some(formats.count(count.count), all);
    return verdict.status === 'valid' || verdict.status === 'checking' ? editor.live.counting : '';
  };
  return (
    <p className="note" role="status">
      {words()}
    </p>
  );
}
