// One thing that is wrong, in the page's words if it has any for the code, and in the service's own.
import { useTexts } from '../texts/texts.tsx';

interface Props {
  readonly code: string;
  readonly detail: string;
  readonly hint?: string | undefined;
}

export function SaidWrong({ code, detail, hint }: Props) {
  const { problems } = useTexts();
  const title = Object.hasOwn(problems, code) ? problems[code] : undefined;
  if (title === undefined)
    return (
      <>
        {detail}
        {hint === undefined ? null : <small> {hint}</small>}
      </>
    );
  return (
    <>
      {title}{' '}
      <small lang="en">
        {detail} {hint}
      </small>
    </>
  );
}
