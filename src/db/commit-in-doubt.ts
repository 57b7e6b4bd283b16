// In charge of the error for a transaction of which nobody knows whether it was committed: the commit was sent, and its answer was lost.

/** Such a transaction is neither repeated nor called undone: others may have read what it wrote, and have written since. */
export class CommitInDoubt extends Error {
  constructor(cause: unknown) {
    super('the answer to a commit was lost', { cause });
    this.name = 'CommitInDoubt';
  }
}
