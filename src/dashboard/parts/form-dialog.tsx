// A dialog that asks for something and sends it: waits for the answer, keeps what was typed if it is refused, closes if it is accepted.
import { type ReactNode, useId } from 'react';
import { useWrite } from '../api/use-write.ts';
import { Dialog } from './dialog.tsx';
import { Refusal } from './refusal.tsx';

interface Props {
  readonly title: string;
  readonly submit: string;
  readonly isDanger?: boolean;
  readonly isReady?: boolean;
  readonly onClose: () => void;
  /** throws a `Problem` if it is refused; otherwise `onClose` is called next */
  readonly send: () => Promise<void>;
  readonly children: ReactNode;
}

export function FormDialog({ title, submit, isDanger = false, isReady = true, onClose, send, children }: Props) {
  const { isWriting, problem, write } = useWrite();
  const form = useId();
  const button = (
    <button type="submit" form={form} className={isDanger ? 'danger' : 'primary'} disabled={isWriting || !isReady}>
      {submit}
    </button>
  );
  return (
    <Dialog title={title} onClose={onClose} actions={button}>
      <form
        id={form}
        className="fields"
        onSubmit={async (event) => {
          event.preventDefault();
          if (await write(send)) onClose();
        }}
      >
        {children}
        <Refusal problem={problem} />
      </form>
    </Dialog>
  );
}
