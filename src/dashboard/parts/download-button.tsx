// In charge of a file of the API: fetched with the key in a header, so that it is never part of a link.
import { useState } from 'react';
import { openStream, type Problem, type Query } from '../api/call.ts';
import { refusalOf } from '../api/refusal.ts';
import { useTexts } from '../texts/texts.tsx';
import { ProblemNote } from './reading.tsx';

interface Props {
  readonly path: string;
  readonly query?: Query;
  readonly fileName: string;
}

export function DownloadButton({ path, query = {}, fileName }: Props) {
  const { report: texts } = useTexts();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const download = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const response = await openStream(path, { query });
      const url = URL.createObjectURL(await response.blob());
      const link = document.createElement('a');
      link.href = url;
      link.download = fileName;
      link.click();
      URL.revokeObjectURL(url);
    } catch (error) {
      setProblem(refusalOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" disabled={isBusy} onClick={download}>
        {isBusy ? texts.downloading : texts.download}
      </button>
      {problem === undefined ? null : <ProblemNote problem={problem} />}
    </>
  );
}
