// Asks before something unsaved is left. Escape and the first button mean staying.
import { useLeaving } from '../route.ts';
import { useTexts } from '../texts/texts.tsx';
import { Dialog } from './dialog.tsx';

export function LeaveDialog() {
  const { leave: texts } = useTexts();
  const leaving = useLeaving();
  if (leaving === null) return null;
  const leaveButton = (
    <button type="button" className="danger" onClick={leaving.leave}>
      {texts.leave}
    </button>
  );
  return (
    <Dialog title={texts.title} onClose={leaving.stay} cancel={texts.stay} actions={leaveButton}>
      <p>{texts.lead}</p>
    </Dialog>
  );
}
