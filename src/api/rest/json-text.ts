// In charge of one form of an answer: JSON that already is text, and is sent as it is.

export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** For those who need it as a value. */
  toJSON(): unknown {
    return JSON.parse(this.text);
  }
}
