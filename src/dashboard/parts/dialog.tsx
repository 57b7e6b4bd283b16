// A dialog over the page: the browser keeps the keyboard in it, Escape closes it, and the focus goes back to where it was.
import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';
import { useTexts } from '../texts/texts.tsx';

interface Props {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** the buttons that decide, beside the one that closes */
  readonly actions?: ReactNode;
  /** the text of the button that closes, if it does not mean cancel */
  readonly cancel?: string;
}

export function Dialog({ title, onClose, children, actions, cancel }: Props) {
  const { action } = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);
  const name = useId();
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (shown?.open === false) shown.showModal();
    return () => shown?.close(); // before it is removed: only a dialog that is closed returns the focus
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={name}
      onCancel={(event) => {
        if (event.target !== dialog.current) return;
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={name}>{title}</h2>
      {children}
      <div className="dialog-foot">
        <button type="button" onClick={onClose}>
          {cancel ?? (actions === undefined ? action.close : action.cancel)}
        </button>
        {actions}
      </div>
    </dialog>
  );
}
