// Why a write was not accepted: the service's own words, and everything that it found wrong, at once.
import type { Problem } from '../api/call.ts';
import { useTexts } from '../texts/texts.tsx';
import { SaidWrong } from './said-wrong.tsx';

export function Refusal({ problem }: { readonly problem: Problem | undefined }) {
  const { state } = useTexts();
  if (problem === undefined) return null;
  return (
    <div className="note problem" role="alert">
      <p>{problem.code === 'unreachable' ? state.unreachable : <SaidWrong code={problem.code} detail={problem.message} />}</p>
      {problem.errors.length === 0 ? null : (
        <ul className="plain">
          {problem.errors.map((error) => (
            <li key={`${error.pointer}${error.detail}`}>
              {error.pointer === undefined ? null : <code>{error.pointer}</code>}{' '}
              <SaidWrong code={error.code} detail={error.detail} hint={error.hint} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
