/** A number of a JSON text, as it is written there: 1.10, 1e1 and 0.30000000000000004 keep their digits. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}
