// In charge of telling apart a rule that no statement could be made of, a defect of ours, from everything else that goes wrong.

/** Says what `cause` says: it becomes the reason of a segment. */
export class NotEmitted extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
