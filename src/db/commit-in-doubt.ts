// In charge of telling a transaction of which nobody knows whether it was committed: the commit was sent, and its answer lost.

/** Neither done again nor called undone: another may have read what it wrote, and have written after it. */
export class CommitInDoubt extends Error {
  constructor(cause: unknown) {
    super('the answer to a commit was lost', { cause });
    this.name = 'CommitInDoubt';
  }
}
