// The button for a file of the API. For a long one it shows the progress and can cancel; if the file has to be held in memory, its size is shown
// before.
import { useRef, useState } from 'react';
import { Problem, type Query } from '../api/call.ts';
import { canStreamToDisk, HELD_MB_MAX, isAbort, saveFromMemory, streamToDisk, UnsavedFile } from '../api/save-file.ts';
import { useFormats, useTexts } from '../texts/texts.tsx';
import { Dialog } from './dialog.tsx';
import { ProblemNote } from './reading.tsx';

interface Props {
  readonly path: string;
  readonly query?: Query;
  readonly fileName: string;
  /** about how many lines, if there may be many */
  readonly lines?: number;
}

/** From this many lines on, about 3 MB, a file is streamed to the disk rather than held. */
const LONG_LINES = 50_000;
/** For a line about a member: an id, an instant, a word or two. */
const LINE_MB = 64 / 1_000_000;

type State =
  | { readonly is: 'idle' | 'asking' }
  | { readonly is: 'busy'; readonly megabytes: number }
  | { readonly is: 'failed'; readonly error: Problem | UnsavedFile };

export function DownloadButton({ path, query = {}, fileName, lines = 0 }: Props) {
  const { download: texts } = useTexts();
  const formats = useFormats();
  const [state, setState] = useState<State>({ is: 'idle' });
  const controller = useRef<AbortController>(null);
  const isLong = lines >= LONG_LINES;
  const size = formats.decimal(lines * LINE_MB, 0);
  const download = async (save: typeof saveFromMemory) => {
    const own = new AbortController();
    controller.current = own;
    setState({ is: 'busy', megabytes: 0 });
    try {
      await save({ path, query, fileName, signal: own.signal, onProgress: (megabytes) => setState({ is: 'busy', megabytes }) });
      setState({ is: 'idle' });
    } catch (error) {
      setState({ is: 'idle' });
      if (isAbort(error)) return;
      if (!(error instanceof Problem || error instanceof UnsavedFile)) throw error;
      setState({ is: 'failed', error });
    }
  };
  const begin = () => {
    if (!isLong) void download(saveFromMemory);
    else if (canStreamToDisk()) void download(streamToDisk);
    else setState({ is: 'asking' });
  };
  return (
    <>
      <button type="button" disabled={state.is === 'busy'} onClick={begin}>
        {state.is === 'busy' ? texts.busy(state.megabytes < 1 ? null : formats.decimal(state.megabytes, 0)) : texts.button}
      </button>
      {state.is === 'busy' && isLong ? (
        <button type="button" onClick={() => controller.current?.abort()}>
          {texts.stop}
        </button>
      ) : null}
      {state.is === 'failed' ? <Failed error={state.error} /> : null}
      {state.is === 'asking' ? (
        <Dialog
          title={texts.button}
          onClose={() => setState({ is: 'idle' })}
          actions={
            <button type="button" className="primary" onClick={() => void download(saveFromMemory)}>
              {texts.button}
            </button>
          }
        >
          <p>{texts.held(formats.count(lines), size)}</p>
          <p className="quiet">{texts.bound(formats.count(HELD_MB_MAX))}</p>
        </Dialog>
      ) : null}
    </>
  );
}

function Failed({ error }: { readonly error: Problem | UnsavedFile }) {
  const { download: texts } = useTexts();
  const formats = useFormats();
  if (error instanceof Problem) return <ProblemNote problem={error} />;
  return (
    <div className="note problem" role="alert">
      <p>{error.why === 'broken' ? texts.broken : texts.tooLarge(formats.count(HELD_MB_MAX))}</p>
    </div>
  );
}
