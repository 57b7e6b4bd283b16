// In charge of what is shown while an answer is not there yet, or cannot be had.
import type { ReactNode } from 'react';
import type { Problem } from '../api/call.ts';
import type { Read } from '../api/use-read.ts';
import { useTexts } from '../texts/texts.tsx';
import { SaidWrong } from './said-wrong.tsx';

export function ProblemNote({ problem, again }: { readonly problem: Problem; readonly again?: () => void }) {
  const { state } = useTexts();
  const title = problem.code === 'unreachable' ? state.unreachable : problem.code === 'forbidden' ? state.forbidden : state.problem;
  return (
    <div className="note problem" role="alert">
      <strong>{title}</strong>
      {problem.code === 'unreachable' ? null : (
        <p>
          <SaidWrong code={problem.code} detail={problem.message} />
        </p>
      )}
      {again === undefined ? null : (
        <button type="button" onClick={again}>
          {state.again}
        </button>
      )}
    </div>
  );
}

export function Loading({ lines = 3 }: { readonly lines?: number }) {
  const { state } = useTexts();
  return (
    <div className="loading" role="status" aria-label={state.loading}>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all the same
        <div key={line} className="loading-line" />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** The answer once it is there; an older answer stays while it is read again, with the problem above it if there is one. */
export function Shown<Body>({ read, children }: { readonly read: Read<Body>; readonly children: (body: Body) => ReactNode }) {
  if (read.body === undefined) return read.problem === undefined ? <Loading /> : <ProblemNote problem={read.problem} again={read.again} />;
  return (
    <>
      {read.problem === undefined ? null : <ProblemNote problem={read.problem} again={read.again} />}
      {children(read.body)}
    </>
  );
}
