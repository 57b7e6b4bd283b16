// A secret that the service shows once: kept nowhere here, gone when the dialog closes.
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
