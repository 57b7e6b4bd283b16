// In charge of one form of an answer: JSON that is text already, and is sent as it is.

export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** For callers who need it as a value. */
  toJSON(): unknown {
    return JSON.parse(this.text);
  }
}
