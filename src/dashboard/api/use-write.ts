// In charge of writing for a view: under way, done or refused. Anything else that goes wrong is a fault of the page and is thrown.
import { useState } from 'react';
import { Problem } from './call.ts';

export interface Write {
  readonly isWriting: boolean;
  readonly problem: Problem | undefined;
  /** → whether it was accepted */
  readonly write: (work: () => Promise<void>) => Promise<boolean>;
}

export function useWrite(): Write {
  const [state, setState] = useState<{ readonly isWriting: boolean; readonly problem: Problem | undefined }>({
    isWriting: false,
    problem: undefined,
  });
  const write = async (work: () => Promise<void>) => {
    setState({ isWriting: true, problem: undefined });
    try {
      await work();
      setState({ isWriting: false, problem: undefined });
      return true;
    } catch (error) {
      setState({ isWriting: false, problem: error instanceof Problem ? error : undefined });
      if (!(error instanceof Problem)) throw error;
      return false;
    }
  };
  return { ...state, write };
}
