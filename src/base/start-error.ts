// In charge of one kind of error: a reason not to start that whoever runs Strata can act on. It is printed as a plain sentence, without a stack,
// and the process ends with a non-zero code. Not for refusals of requests (errors.ts).

export class StartError extends Error {
  constructor(sentence: string, options: { cause?: unknown } = {}) {
    super(sentence, { cause: options.cause });
    this.name = 'StartError';
  }
}
