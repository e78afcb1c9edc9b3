import { type ChangedNumber, changedNumbers } from './exact-numbers.ts';

export type JsonText =
  | {
      readonly data: unknown;
      /** Numbers in the text that are others in the data. */
      readonly changed: readonly ChangedNumber[];
    }
  /** Why it could not be read, to be said after what it is. */
  | { readonly unreadable: string };

/** Data, as a text in UTF-8 has it: a letter in another encoding would be replaced silently, and a sale be changed. */
export function readJson(bytes: Uint8Array): JsonText {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { data: JSON.parse(text), changed: changedNumbers(text) };
  } catch (error) {
    return {
      unreadable: error instanceof SyntaxError ? `is not JSON: ${error.message}` : 'is not UTF-8 text',
    };
  }
}
