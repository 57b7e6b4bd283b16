// A secret that the service shows once: not kept anywhere here, and gone when the dialog closes. Shown only when the dialog that asked for it is
// closed, so that the focus goes back to the button that opened that one.
import { useTexts } from '../texts/texts.tsx';
import { CopyButton } from './copy-button.tsx';
import { Dialog } from './dialog.tsx';

export function SecretOnce({ secret, onClose }: { readonly secret: string; readonly onClose: () => void }) {
  const { secret: texts } = useTexts();
  return (
    <Dialog title={texts.title} onClose={onClose}>
      <p>{texts.lead}</p>
      <code className="secret">{secret}</code>
      <CopyButton text={secret} />
    </Dialog>
  );
}
