// In charge of the bench's own processes besides the service: starting one, asking it, ending it; and the other end, which answers. Not of what
// they do: reference-server.ts, receiver.ts, stream-readers.ts.
import { fork } from 'node:child_process';

interface Asked {
  readonly number: number;
  readonly question: unknown;
}

interface Answered {
  readonly number: number;
  readonly answer?: unknown;
  readonly failure?: string;
}

export interface Child {
  readonly pid: number;
  /** One question, one answer, both as JSON. */
  ask<Answer>(question: object): Promise<Answer>;
  stop(): Promise<void>;
}

export function startChild(file: string): Child {
  const child = fork(new URL(file, import.meta.url));
  const waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  let asked = 0;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.on('message', ({ number, answer, failure }: Answered) => {
    const who = waiting.get(number);
    waiting.delete(number);
    if (failure === undefined) who?.resolve(answer);
    else who?.reject(new Error(`${file}: ${failure}`));
  });
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code}`));
  });
  return {
    pid: child.pid as number,
    ask: <Answer>(question: object) =>
      new Promise<Answer>((resolve, reject) => {
        asked += 1;
        waiting.set(asked, { resolve: resolve as (answer: unknown) => void, reject });
        child.send({ number: asked, question } satisfies Asked);
      }),
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

/** The child's end of the channel. The child exits when its parent does. */
export function answerParent<Question>(answer: (question: Question) => unknown): void {
  process.on('message', async ({ number, question }: Asked) => {
    try {
      process.send?.({ number, answer: (await answer(question as Question)) ?? null } satisfies Answered);
    } catch (error) {
      process.send?.({ number, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) } satisfies Answered);
    }
  });
  process.once('disconnect', () => process.exit());
}
